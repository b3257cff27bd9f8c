"""vigie_services: what is set to start by itself on this device, as systemd's files say (Linux).

Not what runs at this moment: that changes by itself, and a set-up is judged by what it starts.
"""

import re
from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.unit_files import SYSTEM_FOLDERS, USER_FOLDERS, Unit, UnitFolders

COLUMNS: Final = (
    text("name", "Name of the unit, without the instance: getty@.service"),
    text("description", "What the unit says it is"),
    text("program", "The program it starts; whose home it lies in is not told"),
    text("scope", "system: with the machine; user: with each person's session"),
    text("start", "auto; on_demand: when somebody connects or a file appears; scheduled: a timer"),
    *COLLECTED,
)
"""One row a unit; one `collected` = no row where systemd does not run or a folder stays closed."""

_STARTS: Final = {
    ".service": "auto",
    ".socket": "on_demand",
    ".path": "on_demand",
    ".timer": "scheduled",
}
_SESSION_TARGETS: Final = (
    "default.target",
    "graphical-session-pre.target",
    "graphical-session.target",
    "gnome-session.target",
    "plasma-workspace.target",
)
_HOME: Final = re.compile(r"^(/home|/Users)/[^/]+")
_INSTANCE: Final = re.compile(r"@.*(?=\.[a-z]+$)")


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_services",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="What is set to start by itself",
        ),
    )


def runs_systemd(host: Host) -> bool:
    """Whether systemd is what started this machine, told as its own `sd_booted` tells it."""
    return is_there(host, "/run/systemd/system")


def started_units(host: Host) -> UnitFolders:
    """The unit folders of the system."""
    return UnitFolders(host, SYSTEM_FOLDERS)


def _rows(host: Host) -> Iterator[TableRow]:
    if not runs_systemd(host):
        yield not_collected("systemd does not run this machine: what starts is not known")
        return
    for scope, folders, targets in (
        ("system", started_units(host), ("default.target",)),
        ("user", UnitFolders(host, USER_FOLDERS), _SESSION_TARGETS),
    ):
        told = dict[str, TableRow]()
        for unit in folders.started_from(*targets).values():
            start = _STARTS.get(unit.name[unit.name.rfind(".") :])
            if start is not None:
                name = _INSTANCE.sub("@", unit.name)
                told.setdefault(name, _row(name, unit, scope=scope, start=start))
        yield from (told[name] for name in sorted(told))
        for path, why in sorted(folders.unread.items()):
            yield not_collected(f"{path}: {why}", scope=scope)


def _row(name: str, unit: Unit, *, scope: str, start: str) -> TableRow:
    return collected(
        name=name,
        description=unit.description,
        program=_HOME.sub(r"\1/*", unit.program),
        scope=scope,
        start=start,
    )
