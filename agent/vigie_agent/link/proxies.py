"""Which HTTP proxy stands between this device and a host."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

_PROXY_PORT: Final = 3128


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxy of our settings, which wins, or else the system's with its exceptions."""

    https_proxy: str | None

    def any(self) -> SplitResult | None:
        """The proxy in force, whatever the host."""
        url = self.https_proxy or getproxies().get("https", "")
        if not url:
            return None
        proxy = urlsplit(url if "://" in url else f"http://{url}")
        return proxy if proxy.hostname else None

    def for_host(self, host: str) -> SplitResult | None:
        """The proxy to this host; None for a direct connection."""
        if self.https_proxy is None and proxy_bypass(host.strip("[]")):
            return None
        return self.any()


def place(proxy: SplitResult) -> tuple[str, int]:
    """The proxy's own host and port."""
    return proxy.hostname or "", proxy.port or _PROXY_PORT
