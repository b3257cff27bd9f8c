"""`process_open_sockets`, `listening_ports`: sockets of every network namespace we can look into.

Without root, the sockets of other users' processes are there, but whose they are is not known:
their `pid` and `fd` are -1, as under osquery.
"""

import os
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host
from vigie_agent.tables.processes import selected_pids

PROCESS_OPEN_SOCKETS: Final = osquery_columns(
    "pid INTEGER additional, fd BIGINT, socket BIGINT, family INTEGER, protocol INTEGER, "
    "local_address, remote_address, local_port INTEGER, remote_port INTEGER, path, state, "
    "net_namespace"
)
LISTENING_PORTS: Final = osquery_columns(
    "pid INTEGER, port INTEGER, protocol INTEGER, family INTEGER, address, fd BIGINT, "
    "socket BIGINT, path, net_namespace"
)

_UNIX, _INET, _INET6 = 1, 2, 10
_TCP: Final = 6
_MAX_NET_FILE_BYTES: Final = 32 * 1024 * 1024

_INTERNET_FILES: Final[Mapping[str, tuple[int, int]]] = {
    "tcp": (_INET, _TCP),
    "tcp6": (_INET6, _TCP),
    "udp": (_INET, 17),
    "udp6": (_INET6, 17),
    "udplite": (_INET, 136),
    "udplite6": (_INET6, 136),
    "raw": (_INET, 255),
    "raw6": (_INET6, 255),
}
_TCP_STATES: Final = (
    "UNKNOWN",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
)


class Socket(NamedTuple):
    """A line of one of /proc/net's lists."""

    inode: int
    family: int
    protocol: int
    local_address: str = ""
    local_port: int = 0
    remote_address: str = ""
    remote_port: int = 0
    state: str = ""
    path: str = ""


class _Owner(NamedTuple):
    pid: int
    fd: int


_NOBODY: Final = _Owner(-1, -1)


def tables(host: Host) -> tuple[Table, ...]:
    linux = frozenset({"linux"})
    return (
        Table(
            "process_open_sockets",
            PROCESS_OPEN_SOCKETS,
            lambda request: _open(host, request),
            platforms=linux,
        ),
        Table(
            "listening_ports",
            LISTENING_PORTS,
            lambda request: _listening(host, request),
            platforms=linux,
        ),
    )


def _open(host: Host, request: Request) -> Iterator[TableRow]:
    for found, owner, namespace in _sockets(host, request):
        yield {
            "pid": owner.pid,
            "fd": owner.fd,
            "socket": found.inode,
            "family": found.family,
            "protocol": found.protocol,
            "local_address": found.local_address,
            "remote_address": found.remote_address,
            "local_port": found.local_port,
            "remote_port": found.remote_port,
            "path": found.path,
            "state": found.state,
            "net_namespace": namespace,
        }


def _listening(host: Host, request: Request) -> Iterator[TableRow]:
    """Sockets without a peer; of UNIX sockets, those that have a name."""
    for found, owner, namespace in _sockets(host, request):
        of_internet = found.family != _UNIX
        if found.remote_port if of_internet else not found.path:
            continue
        yield {
            "pid": owner.pid,
            "port": found.local_port,
            "protocol": found.protocol,
            "family": found.family,
            "address": found.local_address,
            "fd": owner.fd,
            "socket": found.inode if of_internet else 0,
            "path": found.path,
            "net_namespace": namespace,
        }


def _sockets(host: Host, request: Request) -> Iterator[tuple[Socket, _Owner, str]]:
    """Each socket with each of its owners, and its namespace."""
    owners: dict[int, list[_Owner]] = {}
    folders = {_namespace(host, "/proc/self"): "/proc/self"}
    for pid in selected_pids(host, request):
        request.check_time()
        folders.setdefault(_namespace(host, f"/proc/{pid}"), f"/proc/{pid}")
        for fd, inode in _open_sockets(host, pid):
            owners.setdefault(inode, []).append(_Owner(pid, fd))
    nobody = [] if request.equals("pid") else [_NOBODY]
    for namespace, folder in folders.items():
        if namespace:
            for found in _listed(host, folder):
                request.check_time()
                for owner in owners.get(found.inode, nobody):
                    yield found, owner, namespace


def _namespace(host: Host, folder: str) -> str:
    """The number of the network namespace a process lives in; empty if we may not know."""
    try:
        link = os.readlink(host.path(f"{folder}/ns/net"))  # noqa: PTH115 (the text as it stands)
    except OSError:
        return ""
    return link.removeprefix("net:[").removesuffix("]")


def _open_sockets(host: Host, pid: int) -> Iterator[tuple[int, int]]:
    """(file descriptor, inode) of a process's sockets; none if we may not look."""
    folder = host.path(f"/proc/{pid}/fd")
    try:
        descriptors = os.listdir(folder)  # noqa: PTH208 (names, not paths)
    except OSError:
        return
    for descriptor in descriptors:
        try:
            target = os.readlink(folder / descriptor)  # noqa: PTH115 (the text as it stands)
        except OSError:
            continue
        if target.startswith("socket:["):
            yield int(descriptor), int(target[8:-1])


def _listed(host: Host, folder: str) -> Iterator[Socket]:
    for name, (family, protocol) in _INTERNET_FILES.items():
        for line in _lines(host, f"{folder}/net/{name}"):
            yield from internet_socket(line, family, protocol)
    for line in _lines(host, f"{folder}/net/unix"):
        yield from unix_socket(line)


def _lines(host: Host, path: str) -> Iterable[str]:
    """The file's lines, without its heading."""
    return host.text_or_empty(path, max_bytes=_MAX_NET_FILE_BYTES).splitlines()[1:]


def internet_socket(line: str, family: int, protocol: int) -> Iterator[Socket]:
    """The socket of a line of /proc/net/tcp and its kin; nothing if it is not one."""
    fields = line.split()
    if len(fields) < 10:  # noqa: PLR2004 (the inode is the tenth field)
        return
    local_address, local_port = _endpoint(fields[1], family)
    remote_address, remote_port = _endpoint(fields[2], family)
    state = int(fields[3], 16) if protocol == _TCP else -1
    yield Socket(
        inode=int(fields[9]),
        family=family,
        protocol=protocol,
        local_address=local_address,
        local_port=local_port,
        remote_address=remote_address,
        remote_port=remote_port,
        state=_TCP_STATES[state] if 0 <= state < len(_TCP_STATES) else "",
    )


def unix_socket(line: str) -> Iterator[Socket]:
    """The socket of a line of /proc/net/unix; nothing if it is not one."""
    fields = line.split(maxsplit=7)
    if len(fields) >= 7:  # noqa: PLR2004 (the inode is the seventh field)
        path = fields[7] if len(fields) > 7 else ""  # noqa: PLR2004 (most have no name)
        yield Socket(inode=int(fields[6]), family=_UNIX, protocol=0, path=path)


def _endpoint(text: str, family: int) -> tuple[str, int]:
    """`0100007F:46A0` as `127.0.0.1`, 18080: words of 32 bits in this machine's byte order."""
    address, _colon, port = text.partition(":")
    words = [int(address[start : start + 8], 16) for start in range(0, len(address), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    kind = socket.AF_INET if family == _INET else socket.AF_INET6
    return socket.inet_ntop(kind, packed), int(port, 16)
