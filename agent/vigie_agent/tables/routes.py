"""`routes` and `arp_cache`: where packets go, from the kernel's tables."""

import ipaddress
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from vigie_agent.domain.table import Table, TableError, TableRow
from vigie_agent.tables import netlink
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

ROUTES: Final = osquery_columns(
    "destination, netmask INTEGER, gateway, source, flags INTEGER, interface, mtu INTEGER, "
    "metric INTEGER, type additional, hopcount INTEGER"
)
ARP: Final = osquery_columns("address, mac, interface, permanent")
_LINUX: Final = frozenset({"linux"})

_NETLINK_ROUTE: Final = 0
_GET_ROUTES: Final = 26
_NEW_ROUTE: Final = 24
_ROUTE: Final = struct.Struct("=BBBBBBBBI")
_DESTINATION, _INTERFACE, _GATEWAY, _PRIORITY, _SOURCE, _METRICS = 1, 4, 5, 6, 7, 8
_MTU, _HOPLIMIT = 2, 10
_TYPES: Final = {1: "gateway", 2: "local", 3: "broadcast", 4: "anycast"}
_CLONED: Final = 0x200
_PERMANENT: Final = 0x4
_ARP_FIELDS: Final = 6

DumpRoutes = Callable[[], bytes]
"""Asks the kernel for its routes; raises OSError."""


def dump_routes() -> bytes:
    """The kernel's answer to "which routes are there", as it came. Raises OSError."""
    return netlink.dump(_NETLINK_ROUTE, _GET_ROUTES, bytes(_ROUTE.size))


def tables(host: Host, dump: DumpRoutes = dump_routes) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table("routes", ROUTES, lambda _request: _routes(dump), _LINUX),
        Table(
            "arp_cache", ARP, lambda _request: read_arp(host.text_or_empty("/proc/net/arp")), _LINUX
        ),
    )


def _routes(dump: DumpRoutes) -> Iterator[TableRow]:
    try:
        answer = dump()
    except OSError as error:
        raise TableError(f"routes: {error.strerror or error}") from error
    yield from read_routes(answer, dict(socket.if_nameindex()))


def read_routes(answer: bytes, interfaces: Mapping[int, str]) -> Iterator[TableRow]:
    """The routes in the kernel's answer, of all its tables. Raises TableError when it refused."""
    for kind, body in netlink.messages(answer):
        if kind == netlink.ERROR and (refusal := netlink.refusal(body)):
            raise TableError(f"routes: {refusal}")
        if kind == _NEW_ROUTE and len(body) >= _ROUTE.size:
            family, length, *_, route_type, flags = _ROUTE.unpack_from(body)
            if family in {socket.AF_INET, socket.AF_INET6} and not flags & _CLONED:
                found = netlink.attributes(body[_ROUTE.size :])
                row = _route(family, length, found, interfaces)
                yield {**row, "flags": flags, "type": _TYPES.get(route_type, "other")}


def _route(
    family: int, length: int, found: Mapping[int, bytes], interfaces: Mapping[int, str]
) -> TableRow:
    metrics = netlink.attributes(found.get(_METRICS, b""))
    whole = 32 if family == socket.AF_INET else 128
    anywhere = "0.0.0.0" if family == socket.AF_INET else "::"  # noqa: S104 (a destination)
    return {
        "destination": _address(found.get(_DESTINATION, b"")) or anywhere,
        "netmask": 0 if length == whole else length,  # osquery's way with single addresses
        "gateway": _address(found.get(_GATEWAY, b"")),
        "source": _address(found.get(_SOURCE, b"")),
        "interface": interfaces.get(_native(found.get(_INTERFACE, b"")), ""),
        "mtu": _native(metrics.get(_MTU, b"")),
        "metric": _native(found.get(_PRIORITY, b"")),
        "hopcount": _native(metrics.get(_HOPLIMIT, b"")),
    }


def read_arp(text: str) -> Iterator[TableRow]:
    """The rows in the text of /proc/net/arp."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) == _ARP_FIELDS:
            address, _, flags, mac, _, interface = fields
            permanent = int(flags, 16) & _PERMANENT
            yield {
                "address": address,
                "mac": mac,
                "interface": interface,
                "permanent": "1" if permanent else "0",
            }


def _address(packed: bytes) -> str:
    try:
        return str(ipaddress.ip_address(packed)) if packed else ""
    except ValueError:
        return ""


def _native(data: bytes) -> int:
    value: int = struct.unpack("=I", data[:4].ljust(4, b"\0"))[0]
    return value
