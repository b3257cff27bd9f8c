"""Why a server cannot listen on an address, and what to do about it."""

import errno
from collections.abc import Mapping
from typing import Final

from vigie_server.domain.errors import SettingsMalformed

MOST_PORT: Final = 65_535
WANTED: Final = "host:port is wanted, with a port from 0 to 65535; IPv6 in brackets, as [::]:8443"

_CURES: Final[Mapping[int | None, str]] = {
    errno.EADDRINUSE: (
        "another program listens there: end it (`ss -ltnp` names it), or give {} another port"
    ),
    errno.EACCES: (
        "this account may not: ports below 1024 are root's or take CAP_NET_BIND_SERVICE; give {} "
        "one from 1024 on"
    ),
    errno.EADDRNOTAVAIL: (
        "this machine has no such address: give {} one that it has, or [::] for all of them"
    ),
    errno.EAFNOSUPPORT: "this machine has no IPv6: give {} an address of IPv4, as 0.0.0.0",
}


def is_host_and_port(address: str) -> bool:
    """Whether this is host:port with a port that there is."""
    host, colon, port = address.rpartition(":")
    bracketed = ":" not in host or (host.startswith("[") and host.endswith("]"))
    digits = port.isascii() and port.isdigit()
    return bool(colon) and bracketed and digits and int(port[:6]) <= MOST_PORT


def cannot_listen(
    address: str, setting: str, error: OSError | ValueError | None
) -> SettingsMalformed:
    """What to raise. `setting`: the one that names the address; `error` None: nobody can tell."""
    code, said = (error.errno, error.strerror) if isinstance(error, OSError) else (None, None)
    if error is None:
        told = "gRPC does not say why, and the address is free now: start again"
    elif code in _CURES:
        told = _CURES[code].format(setting)
    else:  # a name that nobody knows, say
        told = f"{said or error}; {setting} names it"
    return SettingsMalformed(f"cannot listen on {address}: {told}")
