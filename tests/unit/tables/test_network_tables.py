"""interface_*, routes, arp_cache, dns_resolvers, etc_hosts and iptables."""

import errno
import ipaddress
import socket
import struct
from pathlib import Path

import pytest

from fake_host import a_device, closed, failed, rows_of
from vigie_agent.domain.table import LibraryMissing, PermissionNeeded, TableError
from vigie_agent.tables import interfaces, iptables, name_resolution, routes
from vigie_agent.tables.host import CommandResult

NET = "/sys/class/net"
ANYWHERE = "0.0.0.0"  # noqa: S104 (a destination, not something to listen on)


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def route(  # as the kernel tells one
    destination: str,
    length: int,
    kind: int,
    *,
    gateway: str = "",
    metrics: bytes = b"",
    flags: int = 0,
) -> bytes:
    address = ipaddress.ip_address(destination or gateway)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    body = struct.pack("=BBBBBBBBI", family, length, 0, 0, 254, 3, 0, kind, flags)
    if destination:
        body += attribute(1, address.packed)
    if gateway:
        body += attribute(5, ipaddress.ip_address(gateway).packed)
    body += attribute(4, struct.pack("=I", 2)) + attribute(6, struct.pack("=I", 100))
    body += attribute(8, metrics) if metrics else b""
    return struct.pack("=IHHII", 16 + len(body), 24, 2, 1, 0) + body


def test_routes_are_told_as_osqueryd_tells_them() -> None:
    answer = (
        route("", 0, 1, gateway="192.0.2.254", metrics=attribute(2, struct.pack("=I", 1400)))
        + route("192.0.2.0", 24, 1, flags=16)
        + route("127.0.0.1", 32, 2)
        + route("192.0.2.255", 32, 3)
        + route("::1", 128, 2)
        + route("192.0.2.9", 32, 1, flags=0x200)
    )

    rows = list(routes.read_routes(answer, {2: "eth0"}))

    assert [(row["destination"], row["netmask"], row["gateway"], row["type"]) for row in rows] == [
        (ANYWHERE, 0, "192.0.2.254", "gateway"),
        ("192.0.2.0", 24, "", "gateway"),
        ("127.0.0.1", 0, "", "local"),
        ("192.0.2.255", 0, "", "broadcast"),
        ("::1", 0, "", "local"),
    ]
    assert {(row["interface"], row["metric"]) for row in rows} == {("eth0", 100)}
    assert (rows[0]["mtu"], rows[1]["mtu"], rows[1]["flags"]) == (1400, 0, 16)


@pytest.mark.parametrize("cut", [0, 5, 20, 30, 47])
def test_a_torn_answer_about_routes_is_read_as_far_as_it_goes(cut: int) -> None:
    rows = list(routes.read_routes(route("192.0.2.0", 24, 1)[:cut], {}))

    assert all(row["interface"] == "" for row in rows)


def test_routes_that_the_kernel_refuses_are_an_error(tmp_path: Path) -> None:
    def refused() -> bytes:
        raise OSError(errno.EPERM, "refused")

    with pytest.raises(TableError, match="routes: refused"):
        rows_of(routes.tables(a_device(tmp_path), refused), "routes")
    with pytest.raises(TableError, match="routes: "):
        list(routes.read_routes(struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -errno.EPERM), {}))


def test_the_arp_cache_tells_permanent_entries(tmp_path: Path) -> None:
    table = (
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "192.0.2.254      0x1         0x0         00:00:00:00:00:00     *        d0\n"
        "192.0.2.7        0x1         0x6         02:00:00:00:00:07     *        d0\n"
        "torn\n"
    )
    host = a_device(tmp_path, {"/proc/net/arp": table})

    rows = rows_of(routes.tables(host), "arp_cache")

    assert [(row["address"], row["mac"], row["permanent"]) for row in rows] == [
        ("192.0.2.254", "00:00:00:00:00:00", "0"),
        ("192.0.2.7", "02:00:00:00:00:07", "1"),
    ]


def test_interfaces_are_told_with_the_flags_of_their_link(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            f"{NET}/lo/mtu": "65536",
            f"{NET}/lo/type": "772",
            f"{NET}/lo/flags": "0x9",
            f"{NET}/lo/operstate": "unknown",
            f"{NET}/lo/carrier": "1",
            f"{NET}/lo/address": "00:00:00:00:00:00",
            f"{NET}/lo/statistics/rx_bytes": "656",
            f"{NET}/d0/mtu": "1500",
            f"{NET}/d0/type": "1",
            f"{NET}/d0/flags": "0x2",
            f"{NET}/d0/operstate": "down",
            f"{NET}/d0/speed": "-1",
            f"{NET}/bonding_masters": "",
        },
    )

    d0, lo = rows_of(interfaces.tables(host), "interface_details")

    assert (lo["flags"], lo["type"], lo["ibytes"], lo["pci_slot"]) == (65609, 4, 656, "-1")
    assert (d0["flags"], d0["type"], d0["link_speed"], d0["pci_slot"]) == (2, 1, 0, "")
    assert (lo["last_change"], lo["metric"]) == (-1, 0)


def test_this_machines_loopback_address_has_itself_for_other_end(tmp_path: Path) -> None:
    rows = rows_of(interfaces.tables(a_device(tmp_path)), "interface_addresses")

    (loopback,) = [row for row in rows if row["address"] == "127.0.0.1"]
    assert (loopback["mask"], loopback["point_to_point"]) == ("255.0.0.0", "127.0.0.1")
    assert {row["type"] for row in rows} == {"unknown"}


def test_resolvers_and_search_domains_are_told(tmp_path: Path) -> None:
    text = (
        "# comment\nnameserver 10.0.0.2\nnameserver 2001:db8::1\nsearch old.example\n"
        "search example.com lan\noptions rotate timeout:1\nnameserver\n"
    )
    host = a_device(tmp_path, {"/etc/resolv.conf": text})

    rows = rows_of(name_resolution.tables(host), "dns_resolvers")

    assert [(row["id"], row["type"], row["address"], row["netmask"]) for row in rows] == [
        (0, "nameserver", "10.0.0.2", "32"),
        (1, "nameserver", "", "32"),
        (0, "search", "example.com", ""),
        (1, "search", "lan", ""),
    ]
    assert {row["options"] for row in rows} == {705 | 0x4000}


def test_the_hosts_file_is_told_without_comments(tmp_path: Path) -> None:
    text = "127.0.0.1\tlocalhost lh # loop\n# 10.0.0.1 no\n10.1.2.3 db.example.com db\nalone\n"
    host = a_device(tmp_path, {"/etc/hosts": text})

    rows = rows_of(name_resolution.tables(host), "etc_hosts")

    assert [(row["address"], row["hostnames"]) for row in rows] == [
        ("127.0.0.1", "localhost lh"),
        ("10.1.2.3", "db.example.com db"),
    ]


SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [16:1088]
:MYCH - [0:0]
[0:0] -A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT
[0:0] -A INPUT -i lo -j ACCEPT
[5:60] -A OUTPUT -o d0 -p udp -m udp --sport 1000:2000 --dport 53 -j DROP
[0:0] -A MYCH -d 198.51.100.5/32 -j RETURN
[0:0] -A 'unclosed
COMMIT
"""


def test_iptables_rules_are_told_with_a_row_more_for_each_chain(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {"/proc/net/ip_tables_names": "filter\n"},
        programs={"iptables-legacy-save": SAVED},
    )

    rows = rows_of(iptables.tables(host), "iptables")

    assert [(row["chain"], row["target"], row["policy"]) for row in rows] == [
        ("INPUT", "ACCEPT", "ACCEPT"),
        ("INPUT", "ACCEPT", "ACCEPT"),
        ("INPUT", "", "ACCEPT"),
        ("OUTPUT", "DROP", "ACCEPT"),
        ("OUTPUT", "", "ACCEPT"),
        ("MYCH", "RETURN", ""),
        ("MYCH", "", ""),
    ]
    assert rows[0] == {
        "filter_name": "filter",
        "chain": "INPUT",
        "policy": "ACCEPT",
        "packets": 0,
        "bytes": 0,
        "target": "ACCEPT",
        "protocol": 6,
        "src_port": "0:65535",
        "dst_port": "22:22",
        "src_ip": "10.0.0.0",
        "src_mask": "255.0.0.0",
        "dst_ip": ANYWHERE,
        "dst_mask": ANYWHERE,
        "iniface": "all",
        "iniface_mask": "",
        "outiface": "all",
        "outiface_mask": "",
        "match": "yes",
    }
    assert (rows[1]["iniface"], rows[1]["iniface_mask"]) == ("lo", "FFFFFF")
    assert (rows[3]["src_port"], rows[3]["packets"], rows[3]["bytes"]) == ("1000:2000", 16, 1088)


def test_a_kernel_without_legacy_tables_has_no_rows(tmp_path: Path) -> None:
    assert rows_of(iptables.tables(a_device(tmp_path)), "iptables") == []


@pytest.mark.parametrize(
    ("programs", "error"),
    [({}, LibraryMissing), ({"iptables-save": failed("no chain")}, TableError)],
)
def test_rules_that_no_program_prints_are_an_error(
    tmp_path: Path, programs: dict[str, CommandResult | str], error: type[TableError]
) -> None:
    host = a_device(tmp_path, {"/proc/net/ip_tables_names": "filter"}, programs=programs)

    with pytest.raises(error, match="iptables"):
        rows_of(iptables.tables(host), "iptables")


def test_iptables_asks_for_rights(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    closed(host, "/proc/net/ip_tables_names")

    with pytest.raises(PermissionNeeded, match="run as root"):
        rows_of(iptables.tables(host), "iptables")
