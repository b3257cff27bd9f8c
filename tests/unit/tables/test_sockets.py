from collections.abc import Mapping
from pathlib import Path

import pytest

from vigie_agent.domain.table import Constraint, Operator, Request, Value
from vigie_agent.tables import sockets
from vigie_agent.tables.host import Host

HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
LISTENING = (
    "   0: 0100007F:46A0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  33        0 "
    "501 1 0000000000000000 100 0 0 10 0\n"
)
CONNECTED = (
    "   1: 0100007F:8235 0100007F:0016 01 00000000:00000000 00:00000000 00000000  0        0 "
    "502 1 0000000000000000 20 4 30 10 -1\n"
)
DATAGRAM = (
    "  9: 00000000000000000000000001000000:0044 00000000000000000000000000000000:0000 07 "
    "00000000:00000000 00:00000000 00000000   100        0 503 2 0000000000000000 0\n"
)
UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 504 /run/my bus/socket
0000000000000000: 00000003 00000000 00000000 0001 03 505
"""


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """Two processes of one namespace: 10 holds sockets, 11 shares one, and 505 is nobody's."""
    for folder in ("proc/self", "proc/10", "proc/11"):
        (tmp_path / folder / "net").mkdir(parents=True)
        (tmp_path / folder / "ns").mkdir()
        (tmp_path / folder / "fd").mkdir()
        (tmp_path / folder / "ns/net").symlink_to("net:[4026531840]")
    net = tmp_path / "proc/self/net"
    (net / "tcp").write_text(HEADING + LISTENING + CONNECTED + "garbage\n")
    (net / "udp6").write_text(HEADING + DATAGRAM)
    (net / "unix").write_text(UNIX)
    (tmp_path / "proc/10/fd/3").symlink_to("socket:[501]")
    (tmp_path / "proc/10/fd/4").symlink_to("socket:[502]")
    (tmp_path / "proc/10/fd/5").symlink_to("/dev/null")
    (tmp_path / "proc/10/fd/6").symlink_to("socket:[503]")
    (tmp_path / "proc/10/fd/7").symlink_to("socket:[504]")
    (tmp_path / "proc/11/fd/3").symlink_to("socket:[501]")
    return tmp_path


def rows(device: Path, name: str, request: Request | None = None) -> list[Mapping[str, Value]]:
    tables = {table.name: table for table in sockets.tables(Host(root=device))}
    return list(tables[name].generate(request or Request()))


def test_a_socket_is_told_with_each_of_its_owners(device: Path) -> None:
    found = [row for row in rows(device, "process_open_sockets") if row["socket"] == 501]

    assert [(row["pid"], row["fd"]) for row in found] == [(10, 3), (11, 3)]
    assert found[0] == {
        "pid": 10,
        "fd": 3,
        "socket": 501,
        "family": 2,
        "protocol": 6,
        "local_address": "127.0.0.1",
        "remote_address": "0.0.0.0",  # noqa: S104 (told, not bound)
        "local_port": 18080,
        "remote_port": 0,
        "path": "",
        "state": "LISTEN",
        "net_namespace": "4026531840",
    }


def test_ipv6_addresses_are_read_in_the_machines_byte_order(device: Path) -> None:
    (found,) = [row for row in rows(device, "process_open_sockets") if row["family"] == 10]

    assert (found["local_address"], found["local_port"]) == ("::1", 68)
    assert (found["protocol"], found["state"]) == (17, "")


def test_a_socket_whose_owner_may_not_be_known_has_owner_minus_one(device: Path) -> None:
    (found,) = [row for row in rows(device, "process_open_sockets") if row["socket"] == 505]

    assert (found["pid"], found["fd"]) == (-1, -1)


def test_only_the_sockets_of_the_process_that_is_asked_for(device: Path) -> None:
    request = Request({"pid": (Constraint(Operator.EQUALS, "11"),)})

    found = rows(device, "process_open_sockets", request)

    assert [(row["pid"], row["socket"]) for row in found] == [(11, 501)]


def test_a_port_listens_if_it_has_no_peer_and_a_unix_socket_if_it_has_a_name(device: Path) -> None:
    found = {
        (row["port"], row["protocol"], row["path"], row["socket"])
        for row in rows(device, "listening_ports")
    }

    assert found == {(18080, 6, "", 501), (68, 17, "", 503), (0, 0, "/run/my bus/socket", 0)}
