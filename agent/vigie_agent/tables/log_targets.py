"""One place that logs are sent to, and which places are this device itself. Pure."""

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogTarget:
    """Where a logging program sends what it gets. `encrypted` is None where that is not said."""

    host: str
    port: str = ""
    protocol: str = ""
    encrypted: bool | None = None

    @property
    def address(self) -> str:
        """`host:port`, as it is told."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is another machine: a local agent that passes logs on is no collector."""
        name = self.host.strip("[]").lower()
        if name in {"", "localhost"} or name.startswith(("/", "unix:")):
            return False
        try:
            return not ipaddress.ip_address(name).is_loopback
        except ValueError:
            return True
