r"""vigie_win_updates: when Windows was last mended, and whether a restart waits.

Windows Update's own history is emptied when its folder is reset, and holds the daily signatures of
the antivirus; the servicing stack keeps each cumulative update that it installed. The newest of
both counts.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text, unix_time
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import filetime
from vigie_agent.tables.windows_system import (
    InstalledUpdate,
    Reason,
    RegistryKey,
    Unread,
)

COLUMNS: Final = (
    text("part", "history or reboot"),
    unix_time("last_install_day", "history: 00:00 UTC of the day of the last update of Windows"),
    unix_time("last_check_day", "history: 00:00 UTC of the day updates were last looked for"),
    text("source", "history: where that day is from: history or servicing"),
    integer("reboot_pending", "reboot: a restart is needed to finish an update"),
    unix_time("reboot_pending_time", "reboot: since when"),
    *COLLECTED,
)
"""One row a part."""

_SERVICING: Final = (
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
)
_UPDATE: Final = (
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
)
_WAITING: Final = (rf"{_UPDATE}\RebootRequired", rf"{_SERVICING}\RebootPending")
_CUMULATIVE: Final = ("package_for_rollupfix~", "package_for_kb")
_INSTALLED: Final = 112
_INSTALLATION: Final = 1
_SUCCEEDED: Final = frozenset({2, 3})
_SIGNATURES: Final = ("kb2267602", "defender")
_DAY: Final = 86_400


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_updates",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"windows"}),
            description="When Windows was last mended, and whether a restart waits",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    yield _history_row(host)
    yield _reboot_row(host)


# --- History --------------------------------------------------------------------------------------


def _history_row(host: Host) -> TableRow:
    history = host.windows.update_history()
    servicing = _servicing_times(host)
    found = []
    if not isinstance(history, Unread):
        found += [(time, "history") for time in mending_times(history.entries)]
    if not isinstance(servicing, Unread):
        found += [(time, "servicing") for time in servicing]
    checked = None if isinstance(history, Unread) else history.last_search
    if found:
        time, source = max(found)
        return collected(
            part="history",
            last_install_day=_day(time),
            last_check_day=_day(checked),
            source=source,
        )
    unread = history if isinstance(history, Unread) else servicing
    why = (
        unread.why("the history of Windows Update")
        if isinstance(unread, Unread)
        else "the history of Windows Update is empty"
    )
    return not_collected(why, part="history", last_check_day=_day(checked))


def mending_times(entries: Iterable[InstalledUpdate]) -> list[int]:
    """When updates of Windows were installed; the signatures of its antivirus are none."""
    return [
        entry.time
        for entry in entries
        if entry.operation == _INSTALLATION
        and entry.result in _SUCCEEDED
        and not any(word in entry.title.lower() for word in _SIGNATURES)
    ]


def _servicing_times(host: Host) -> list[int] | Unread:
    """When the servicing stack installed the cumulative updates that are in force."""
    packages = host.windows.registry(rf"{_SERVICING}\Packages")
    if isinstance(packages, Unread):
        return packages
    names = [name for name in packages.subkeys if name.lower().startswith(_CUMULATIVE)]
    keys = [host.windows.registry(rf"{_SERVICING}\Packages\{name}") for name in names]
    return [
        time
        for key in keys
        if isinstance(key, RegistryKey) and (time := _installed_at(key)) is not None
    ]


def _installed_at(key: RegistryKey) -> int | None:
    high, low = key.number("InstallTimeHigh"), key.number("InstallTimeLow")
    if key.number("CurrentState") != _INSTALLED or high is None or low is None:
        return None
    return filetime((high << 32) | low)


# --- Restart --------------------------------------------------------------------------------------


def _reboot_row(host: Host) -> TableRow:
    """A key that exists is a restart that waits, since it was written."""
    since: list[int] = []
    waits = False
    for path in _WAITING:
        key = host.windows.registry(path)
        if isinstance(key, Unread):
            if key.reason is not Reason.ABSENT:
                return not_collected(key.why("whether a restart waits"), part="reboot")
            continue
        waits = True
        since += [key.written] if key.written else []
    return collected(
        part="reboot",
        reboot_pending=int(waits),
        reboot_pending_time=min(since, default=None),
    )


def _day(seconds: int | None) -> int | None:
    return seconds // _DAY * _DAY if seconds else None
