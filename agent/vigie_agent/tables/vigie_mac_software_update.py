"""vigie_mac_software_update: whether a Mac mends itself, and when it last did (macOS).

A setting that nothing sets is at the default of its release, which changes between releases: not
told as a fact. Whether it looks for updates at all is asked of `softwareupdate` itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text, unix_time
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import SOFTWAREUPDATE, Unanswered, bit, read_answer
from vigie_agent.tables.mac_settings import (
    Installed,
    UpdateSettings,
    installations,
    own_update_preferences,
    seconds_of,
    update_settings,
)

COLUMNS: Final = (
    text("part", "automatic or history"),
    integer("checks", "automatic: it looks for updates; NULL when not known"),
    integer("downloads", "automatic: it downloads them; NULL at the release's default"),
    integer("installs", "automatic: it installs updates of macOS by itself"),
    unix_time("last_install", "history: when macOS or one of its parts was last installed"),
    unix_time("last_check_day", "history: day of the last successful check"),
    *COLLECTED,
)
"""One row a part, always."""

_DAY: Final = 86_400
_CHECKED: Final = ("LastSuccessfulDate", "LastFullSuccessfulDate", "LastBackgroundSuccessfulDate")
_SCHEDULE: Final = re.compile(r"\b(?:turned|is)\s+(on|off)\b", re.IGNORECASE)
_DATA_FILES: Final = ("XProtect", "MRT", "Gatekeeper")


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_mac_software_update",
            COLUMNS,
            lambda _request: [
                _part("automatic", lambda: _automatic(host)),
                _part("history", lambda: _history(host)),
            ],
            platforms=frozenset({"darwin"}),
            description="Settings of Software Update in force, last installation and check",
        ),
    )


def schedule(said: str) -> bool | None:
    """Whether `softwareupdate --schedule` says that it looks by itself; None for neither."""
    found = _SCHEDULE.search(said)
    return found[1].lower() == "on" if found else None


def last_of_system(history: Iterable[Installed]) -> int | None:
    """When macOS was last mended; signatures, applications and other packages do not count."""
    return max((entry.time for entry in history if _is_systems(entry)), default=None)


def _is_systems(entry: Installed) -> bool:
    if entry.name.startswith(_DATA_FILES):
        return False
    return entry.process == "softwareupdated" or bool(re.match(r"macOS\b", entry.name))


def _part(name: str, read: Callable[[], TableRow]) -> TableRow:
    try:
        return {"part": name, **read()}
    except Unanswered as why:
        return not_collected(str(why), part=name)


def _automatic(host: Host) -> TableRow:
    settings = update_settings(host)
    checks = _checks(host, settings)
    downloads = settings.downloads
    known = {"checks": bit(checks), "downloads": bit(downloads)}
    if checks is False or downloads is False:
        return collected(**known, installs=0)
    if settings.installs is None:
        return not_collected("the setting is at the default of this release", **known)
    return collected(**known, installs=bit(settings.installs))


def _checks(host: Host, settings: UpdateSettings) -> bool | None:
    try:
        return read_answer(host, schedule, SOFTWAREUPDATE, "--schedule")
    except Unanswered:
        return settings.checks


def _history(host: Host) -> TableRow:
    installed = last_of_system(installations(host))
    if installed is None:
        return not_collected("no installation is on record")
    checked = max(_check_times(host), default=None)
    return collected(
        last_install=installed,
        last_check_day=None if checked is None else checked // _DAY * _DAY,
    )


def _check_times(host: Host) -> Iterator[int]:
    try:
        preferences = own_update_preferences(host)
    except Unanswered:
        return
    for key in _CHECKED:
        if (time := seconds_of(preferences.get(key))) is not None:
            yield time
