"""`interface_addresses` and `interface_details`: network interfaces, from psutil and /sys."""

import socket
from collections.abc import Iterator
from typing import Final

import psutil

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there, real_path

ADDRESSES: Final = osquery_columns(
    "interface, address, mask, broadcast, point_to_point, type, friendly_name hidden"
)
DETAILS: Final = osquery_columns(
    "interface, mac, type INTEGER, mtu INTEGER, metric INTEGER, flags INTEGER, ipackets BIGINT, "
    "opackets BIGINT, ibytes BIGINT, obytes BIGINT, ierrors BIGINT, oerrors BIGINT, "
    "idrops BIGINT, odrops BIGINT, collisions BIGINT, last_change BIGINT, link_speed BIGINT, "
    "pci_slot, friendly_name hidden, description hidden, manufacturer hidden, "
    "connection_id hidden, connection_status hidden, enabled INTEGER hidden, "
    "physical_adapter INTEGER hidden, speed INTEGER hidden, service hidden, "
    "dhcp_enabled INTEGER hidden, dhcp_lease_expires hidden, dhcp_lease_obtained hidden, "
    "dhcp_server hidden, dns_domain hidden, dns_domain_suffix_search_order hidden, "
    "dns_host_name hidden, dns_server_search_order hidden"
)
_LINUX: Final = frozenset({"linux"})
_FOLDER: Final = "/sys/class/net"
_COUNTERS: Final = {
    "ipackets": "rx_packets",
    "opackets": "tx_packets",
    "ibytes": "rx_bytes",
    "obytes": "tx_bytes",
    "ierrors": "rx_errors",
    "oerrors": "tx_errors",
    "idrops": "rx_dropped",
    "odrops": "tx_dropped",
    "collisions": "collisions",
}
_UP, _RUNNING, _LOWER_UP = 0x1, 0x40, 0x10000


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table("interface_addresses", ADDRESSES, lambda _request: _addresses(), _LINUX),
        Table("interface_details", DETAILS, lambda _request: _details(host), _LINUX),
    )


def _addresses() -> Iterator[TableRow]:
    for interface, addresses in psutil.net_if_addrs().items():
        for found in addresses:
            if found.family not in {socket.AF_INET, socket.AF_INET6}:
                continue
            # Without a broadcast address the kernel gives the address itself as the other end.
            alone = found.family == socket.AF_INET and not found.broadcast
            yield {
                "interface": interface,
                "address": found.address,
                "mask": found.netmask or "",
                "broadcast": found.broadcast or "",
                "point_to_point": found.ptp or (found.address if alone else ""),
                "type": "unknown",
            }


def _details(host: Host) -> Iterator[TableRow]:
    try:
        names = sorted(item.name for item in host.path(_FOLDER).iterdir())
    except OSError:
        return
    for name in names:
        if not is_there(host, f"{_FOLDER}/{name}/mtu"):  # bonding_masters is a file
            continue
        counters = {
            column: _number(host, name, f"statistics/{counter}")
            for column, counter in _COUNTERS.items()
        }
        yield {
            "interface": name,
            "mac": _read(host, name, "address"),
            "type": _number(host, name, "type") & 0xFF,  # osquery keeps one byte of it
            "mtu": _number(host, name, "mtu"),
            "metric": 0,
            "flags": _flags(host, name),
            **counters,
            "last_change": -1,
            "link_speed": max(0, _number(host, name, "speed")),
            "pci_slot": _slot(host, name),
        }


def _flags(host: Host, name: str) -> int:
    """/sys has the flags that were set; the two that the link's state makes are added."""
    written = _read(host, name, "flags")
    flags = int(written, 16) if written else 0
    if flags & _UP and _read(host, name, "operstate") in {"up", "unknown"}:
        flags |= _RUNNING
    return flags | _LOWER_UP if flags & _UP and _read(host, name, "carrier") == "1" else flags


def _slot(host: Host, name: str) -> str:
    if name == "lo":
        return "-1"
    try:
        slot = real_path(host, f"{_FOLDER}/{name}/device").rpartition("/")[2]
    except OSError:
        return ""
    return "" if slot == "device" else slot


def _read(host: Host, name: str, attribute: str) -> str:
    return host.text_or_empty(f"{_FOLDER}/{name}/{attribute}").strip()


def _number(host: Host, name: str, attribute: str) -> int:
    written = _read(host, name, attribute)
    return int(written) if written.removeprefix("-").isdecimal() else 0
