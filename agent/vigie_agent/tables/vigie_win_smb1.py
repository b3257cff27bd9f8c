r"""vigie_win_smb1: whether this Windows still speaks SMBv1, as a server and as a client.

The server itself says what it speaks, to who has the rights. Where it does not answer, the registry
proves an off, and the optional feature whether there is anything to speak it.
"""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_system import CIMV2, Reason, RegistryKey, Unread, WindowsSystem

COLUMNS: Final = (
    text("side", "server or client"),
    integer("enabled", "It speaks SMBv1"),
    text("origin", "server (its own word), registry, feature, or driver"),
    text("installation_type", "Client, Server or Server Core"),
    *COLLECTED,
)
"""One row for the server, one for the client."""

_SMB: Final = r"root\Microsoft\Windows\SMB"
_PARAMETERS: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters"
_DRIVER: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\mrxsmb10"
_WINDOWS: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_FEATURES: Final = (
    "SELECT Name, InstallState FROM Win32_OptionalFeature "
    "WHERE Name = 'SMB1Protocol' OR Name = 'SMB1Protocol-Server'"
)
_ENABLED, _ABSENT, _UNKNOWN = 1, 3, 4  # InstallState; 2 is disabled
_START_DISABLED: Final = 4


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_smb1",
            COLUMNS,
            lambda _request: _rows(host.windows),
            platforms=frozenset({"windows"}),
            description="Whether this device still speaks SMBv1",
        ),
    )


def _rows(windows: WindowsSystem) -> Iterator[TableRow]:
    about = windows.registry(_WINDOWS)
    kind = (about.text("InstallationType") or "") if isinstance(about, RegistryKey) else ""
    for row in (_server(windows), _client(windows)):
        yield {**row, "installation_type": kind}


def _server(windows: WindowsSystem) -> TableRow:
    found = windows.wmi(_SMB, "SELECT EnableSMB1Protocol FROM MSFT_SmbServerConfiguration")
    if not isinstance(found, Unread) and found:
        speaks = found[0]["EnableSMB1Protocol"]
        if isinstance(speaks, bool):
            return collected(side="server", enabled=int(speaks), origin="server")
    key = windows.registry(_PARAMETERS)
    if isinstance(key, RegistryKey) and key.number("SMB1") == 0:
        return collected(side="server", enabled=0, origin="registry")
    features = windows.wmi(CIMV2, _FEATURES)
    if isinstance(features, Unread):
        why = features.why("whether the server speaks SMBv1")
        return not_collected(why, side="server")
    states = {str(row["Name"]).lower(): row["InstallState"] for row in features}
    state = states.get("smb1protocol-server", states.get("smb1protocol", _ABSENT))
    if state == _UNKNOWN:
        return not_collected("Windows does not know the state of SMBv1", side="server")
    return collected(side="server", enabled=int(state == _ENABLED), origin="feature")


def _client(windows: WindowsSystem) -> TableRow:
    """Its driver is removed together with the feature."""
    key = windows.registry(_DRIVER)
    if isinstance(key, Unread):
        if key.reason is Reason.ABSENT:
            return collected(side="client", enabled=0, origin="driver")
        return not_collected(key.why("the driver of SMBv1"), side="client")
    start = key.number("Start")
    if start is None:
        return not_collected("the driver of SMBv1 does not say how it starts", side="client")
    return collected(side="client", enabled=int(start != _START_DISABLED), origin="driver")
