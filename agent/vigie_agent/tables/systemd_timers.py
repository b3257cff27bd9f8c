"""The timers that systemd starts by itself, from unit files, and when they last went off.

systemctl tells those of the system only, and nothing of people who are logged off; the files tell
both. A timer that somebody started by hand without enabling it is gone at the next start, and is
not told. The last time is known of timers with `Persistent=yes`, which leave a stamp.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.homes import Home
from vigie_agent.tables.host import Host
from vigie_agent.tables.unit_files import SYSTEM_FOLDERS, USER_FOLDERS, UnitFolders

_TARGETS: Final = ("default.target", "timers.target")
_STAMPS: Final = "/var/lib/systemd/timers"


@dataclass(frozen=True, slots=True)
class Timer:
    """An enabled timer, the command lines that it starts, and when it last did."""

    name: str
    commands: tuple[str, ...]
    last_run: int | None


def system_timers(host: Host) -> Iterator[Timer]:
    """The enabled timers of the system."""
    yield from _timers(UnitFolders(host, SYSTEM_FOLDERS), _STAMPS)


def timers_of(host: Host, home: Home) -> Iterator[Timer]:
    """The enabled timers of one person, those that everyone has included."""
    own = f"{home.directory}/.config/systemd/user"
    stamps = f"{home.directory}/.local/share/systemd/timers"
    yield from _timers(UnitFolders(host, (own, *USER_FOLDERS)), stamps)


def _timers(folders: UnitFolders, stamps: str) -> Iterator[Timer]:
    for name, unit in sorted(folders.started_from(*_TARGETS).items()):
        if not name.endswith(".timer"):
            continue
        service = folders.unit(unit.starts or name.removesuffix(".timer") + ".service")
        commands = service.commands if service else ()
        yield Timer(name, commands, _mtime(folders.host, f"{stamps}/stamp-{name}"))


def _mtime(host: Host, path: str) -> int | None:
    try:
        return int(host.path(path).stat().st_mtime)
    except OSError:
        return None
