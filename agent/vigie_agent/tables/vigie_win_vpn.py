r"""vigie_win_vpn: the VPN connections that Windows' own client knows.

They stand in phonebooks, one for the device and one in the folder of each account. Only names and
kinds are read: the address of the other end, names of accounts and keys stay where they are.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_profiles import profiles
from vigie_agent.tables.windows_system import Unread

COLUMNS: Final = (
    text("name", "Name of the connection, as its owner chose it"),
    text("kind", "ikev2, l2tp, pptp, sstp, automatic, or unknown"),
    text("scope", "device, or account: of a single one"),
    *COLLECTED,
)
"""One row a connection; one of `collected` = no for a phonebook that cannot be read."""

_PHONEBOOK: Final = "Microsoft/Network/Connections/Pbk/rasphone.pbk"
_DEVICE: Final = f"C:/ProgramData/{_PHONEBOOK}"
_VPN: Final = "2"
_KINDS: Final = {
    "0": "automatic",
    "1": "pptp",
    "2": "pptp",
    "3": "l2tp",
    "4": "l2tp",
    "5": "sstp",
    "6": "sstp",
    "7": "ikev2",
    "8": "ikev2",
}


class Connection(NamedTuple):
    """An entry of a phonebook."""

    name: str
    kind: str


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_vpn",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"windows"}),
            description="VPN connections of Windows' own client, by name and kind",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    yield from _of(host, _DEVICE, "device")
    found = profiles(host)
    if isinstance(found, Unread):
        yield not_collected(found.why("the profiles of this device"), scope="account")
        return
    for profile in found:
        folder = profile.folder.replace("\\", "/").rstrip("/")
        if folder:
            yield from _of(host, f"{folder}/AppData/Roaming/{_PHONEBOOK}", "account")


def _of(host: Host, path: str, scope: str) -> Iterator[TableRow]:
    try:
        content = host.read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        yield not_collected("a phonebook could not be read", scope=scope)
        return
    for connection in connections(_decoded(content)):
        yield collected(name=connection.name, kind=connection.kind, scope=scope)


def connections(phonebook: str) -> list[Connection]:
    """The VPN connections of a phonebook; modems and others are none."""
    entries: list[tuple[str, dict[str, str]]] = []
    for line in phonebook.splitlines():
        written = line.strip()
        if written.startswith("[") and written.endswith("]"):
            entries.append((written[1:-1], {}))
            continue
        key, equals, value = written.partition("=")
        if equals and entries:
            entries[-1][1].setdefault(key.lower(), value)
    return [
        Connection(name, _KINDS.get(said.get("vpnstrategy", ""), "unknown"))
        for name, said in entries
        if said.get("type") == _VPN
    ]


def _decoded(content: bytes) -> str:
    """Recent phonebooks are UTF-8, older ones in the code page of the device."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
