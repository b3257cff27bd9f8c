"""The timers that systemd starts by itself, from the files that say so: units, links, stamps.

systemctl tells those of the system manager only, and nothing in a container or of people who are
logged off; the files tell both. A timer that somebody started by hand without enabling it is gone
at the next start, and is not told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.config_text import ConfigLine, Grammar, config_lines
from vigie_agent.tables.homes import Home
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import real_path

_SYSTEM: Final = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_OF_PEOPLE: Final = ("/etc/systemd/user", "/usr/lib/systemd/user")
_STAMPS: Final = "/var/lib/systemd/timers"
_WANTS: Final = (".wants", ".requires")
_MAX_BYTES: Final = 65_536
_MASK: Final = "/dev/null"


@dataclass(frozen=True, slots=True)
class Timer:
    """An enabled timer, what it starts, and when it last did (told of persistent timers only)."""

    name: str
    commands: tuple[str, ...]
    last_run: int | None


def system_timers(host: Host) -> Iterator[Timer]:
    """The enabled timers of the system."""
    yield from _timers(host, _SYSTEM, _STAMPS)


def timers_of(host: Host, home: Home) -> Iterator[Timer]:
    """The enabled timers of one person."""
    own = f"{home.directory}/.config/systemd/user"
    stamps = f"{home.directory}/.local/share/systemd/timers"
    yield from _timers(host, (own, *_OF_PEOPLE), stamps, links_in=(own,))


def _timers(
    host: Host, roots: tuple[str, ...], stamps: str, *, links_in: tuple[str, ...] = ()
) -> Iterator[Timer]:
    for name in _enabled(host, links_in or roots):
        lines = _unit(host, roots, name)
        if lines is None:
            continue
        started = _last(lines, "Timer", "Unit") or name.removesuffix(".timer") + ".service"
        service = _unit(host, roots, started) or []
        commands = tuple(
            line.value for line in service if line.section == "Service" and _starts(line)
        )
        yield Timer(name, commands, _mtime(host, f"{stamps}/stamp-{name}"))


def _starts(line: ConfigLine) -> bool:
    return line.key in {"ExecStart", "ExecStartPre", "ExecStartPost"} and line.value != ""


def _enabled(host: Host, roots: tuple[str, ...]) -> list[str]:
    found = set[str]()
    for root in roots:
        for folder in _names(host, root):
            if folder.endswith(_WANTS):
                found |= {n for n in _names(host, f"{root}/{folder}") if n.endswith(".timer")}
    return sorted(found)


def _unit(host: Host, roots: tuple[str, ...], name: str) -> list[ConfigLine] | None:
    """The lines of a unit and of its drop-ins; None where there is none, or it is masked."""
    stem, suffix = name.rpartition(".")[::2]
    template = f"{stem.partition('@')[0]}@.{suffix}" if "@" in stem else ""
    for candidate in filter(None, (name, template)):
        for root in roots:
            path = f"{root}/{candidate}"
            if _real(host, path) == _MASK:
                return None
            text = host.text_or_empty(_real(host, path), max_bytes=_MAX_BYTES)
            if text:
                return [*config_lines(text, Grammar.INI), *_drop_ins(host, roots, candidate)]
    return None


def _drop_ins(host: Host, roots: tuple[str, ...], name: str) -> Iterator[ConfigLine]:
    for root in roots:
        for item in _names(host, f"{root}/{name}.d"):
            if item.endswith(".conf"):
                path = _real(host, f"{root}/{name}.d/{item}")
                text = host.text_or_empty(path, max_bytes=_MAX_BYTES)
                yield from config_lines(text, Grammar.INI)


def _last(lines: list[ConfigLine], section: str, key: str) -> str:
    values = [line.value for line in lines if (line.section, line.key) == (section, key)]
    return values[-1] if values else ""


def _names(host: Host, folder: str) -> list[str]:
    try:
        return sorted(item.name for item in host.path(folder).iterdir())
    except OSError:
        return []


def _real(host: Host, path: str) -> str:
    try:
        return real_path(host, path)
    except OSError:
        return path


def _mtime(host: Host, path: str) -> int | None:
    try:
        return int(host.path(path).stat().st_mtime)
    except OSError:
        return None
