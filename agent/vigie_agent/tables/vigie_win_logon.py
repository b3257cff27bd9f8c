r"""vigie_win_logon: sessions and accesses to this Windows without a password.

Of an automatic logon's password only that it is there is ever looked at. One that a tool keeps as
an LSA secret is not seen. osquery's table of the registry stops at the first empty value of a key:
what comes after it looks absent there, and not here.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_system import RegistryKey, Unread, WindowsSystem

COLUMNS: Final = (
    text("part", "sessions, guests or anonymous"),
    text("kind", "automatic, guest, anonymous, or anonymous_listing (accounts, shares)"),
    text("method", "What opens it: winlogon, guest account, or the name of a setting"),
    integer("enabled", "It is switched on"),
    text("account", "The account whose session opens"),
    integer("password_stored", "Its password lies readable in the registry"),
    text("origin", "registry, accounts, or default: Windows' own where nothing is set"),
    *COLLECTED,
)
"""One row each for automatic logon and for the guest account, one for each setting."""

_WINLOGON: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
_LSA: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Lsa"
_SERVER: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters"
_GUEST: Final = "-501"  # the end of the guest account's SID, whatever its name
_DISABLED: Final = 0x2


class _Setting(NamedTuple):
    """A setting of network access: what it opens at which value, and Windows' own value."""

    key: str
    kind: str
    name: str
    opens: int
    default: int


_SETTINGS: Final = (
    _Setting(_LSA, "anonymous", "EveryoneIncludesAnonymous", 1, 0),
    _Setting(_SERVER, "anonymous", "RestrictNullSessAccess", 0, 1),
    _Setting(_LSA, "anonymous_listing", "RestrictAnonymousSAM", 0, 1),
    _Setting(_LSA, "anonymous_listing", "RestrictAnonymous", 0, 0),
)


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_logon",
            COLUMNS,
            lambda _request: _rows(host.windows),
            platforms=frozenset({"windows"}),
            description="Sessions and accesses without a password",
        ),
    )


def _rows(windows: WindowsSystem) -> Iterator[TableRow]:
    yield _automatic(windows)
    yield _guest(windows)
    keys = {setting.key: windows.registry(setting.key) for setting in _SETTINGS}
    for setting in _SETTINGS:
        yield _anonymous(setting, keys)


def _automatic(windows: WindowsSystem) -> TableRow:
    known = {"part": "sessions", "kind": "automatic", "method": "winlogon"}
    key = windows.registry(_WINLOGON)
    if isinstance(key, Unread):
        return not_collected(key.why("the settings of logon"), **known)
    enabled = key.number("AutoAdminLogon") == 1
    return collected(
        **known,
        enabled=int(enabled),
        account=(key.text("DefaultUserName") or "") if enabled else "",
        password_stored=int(key.has("DefaultPassword")),
        origin="registry" if key.has("AutoAdminLogon") else "default",
    )


def _guest(windows: WindowsSystem) -> TableRow:
    known = {"part": "guests", "kind": "guest", "method": "guest account"}
    users = windows.net_users()
    if isinstance(users, Unread):
        return not_collected(users.why("the guest account"), **known)
    guests = [user for user in users if user.sid.endswith(_GUEST)]
    enabled = any(not user.flags & _DISABLED for user in guests)
    return collected(**known, enabled=int(enabled), origin="accounts")


def _anonymous(setting: _Setting, keys: Mapping[str, RegistryKey | Unread]) -> TableRow:
    known = {"part": "anonymous", "kind": setting.kind, "method": setting.name}
    key = keys[setting.key]
    if isinstance(key, Unread):
        return not_collected(key.why("the settings of network access"), **known)
    value = key.number(setting.name)
    return collected(
        **known,
        enabled=int((setting.default if value is None else value) == setting.opens),
        origin="default" if value is None else "registry",
    )
