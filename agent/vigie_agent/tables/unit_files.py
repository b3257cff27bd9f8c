"""systemd's unit files as they lie on the disk: which units start, and what each one runs.

Read as systemd reads them at the start: from a target along `Wants=`, `Requires=` and the links in
`*.wants` and `*.requires` folders. Nothing is asked of the running systemd: what is set to start is
a fact of the files, whether it runs at this moment is not.
"""

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import real_path

SYSTEM_FOLDERS: Final = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
"""Where systemd looks for the units of the system; the first folder that has a name wins."""

USER_FOLDERS: Final = (
    "/etc/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
)
"""The units of every person's session, without those that a person keeps at home."""

_PULLS: Final = frozenset({"Wants", "Requires", "BindsTo", "Upholds"})
_PULL_FOLDERS: Final = (".wants", ".requires", ".upholds")
_MAX_BYTES: Final = 256 * 1024
_MAX_UNITS: Final = 3000


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as its file and drop-ins say it. `name` is the file's own, an alias followed.

    `starts` is the unit that a timer names; empty where it starts the one of its own name.
    """

    name: str
    description: str = ""
    program: str = ""
    command: str = ""
    pulls: frozenset[str] = frozenset()
    commands: tuple[str, ...] = ()
    starts: str = ""


@dataclass(frozen=True, slots=True)
class UnitFolders:
    """The unit folders of one manager, looked through once. `unread`: why a place stays closed."""

    host: Host
    folders: Sequence[str]
    unread: dict[str, str] = field(default_factory=dict)
    _listings: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def started_from(self, *targets: str) -> Mapping[str, Unit]:
        """Every unit that these targets bring up, by name; masked and missing ones are none."""
        waiting, found, seen = list(targets), dict[str, Unit](), set[str]()
        while waiting and len(seen) < _MAX_UNITS:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            unit = self.unit(name)
            if unit is None:
                continue
            found.setdefault(unit.name, unit)
            # The alias and the template of a name have folders of their own.
            names = {name, unit.name, _template(name)}
            waiting += sorted(unit.pulls.union(*(self._linked(each) for each in names)))
        return found

    def unit(self, name: str) -> Unit | None:
        """The unit of this name; None when it is masked, or has no file that can be read."""
        path = self._path_of(name)
        if path is None:
            return None
        try:
            real = real_path(self.host, path)
            if real == "/dev/null":
                return None
            text = self.host.read_text(real, max_bytes=_MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.unread[path] = error.strerror or str(error)
            return None
        if not text.strip():
            return None  # an empty file masks, as a link to /dev/null does
        own_name = real.rpartition("/")[2]
        # A link to a template names the template: the unit stays the instance that was asked for.
        known_as = name if own_name == _template(name) else own_name
        texts = [text, *self._drop_ins({name, known_as, _template(known_as)})]
        return read_unit(known_as, texts)

    def _path_of(self, name: str) -> str | None:
        for wanted in (name, _template(name)):
            for folder in self.folders:
                if wanted in self._names(folder):
                    return f"{folder}/{wanted}"
        return None

    def _linked(self, name: str) -> Iterator[str]:
        for folder in self.folders:
            for kind in _PULL_FOLDERS:
                if name + kind in self._names(folder):
                    yield from self._names(f"{folder}/{name}{kind}")

    def _drop_ins(self, names: set[str]) -> Iterator[str]:
        """Of two with one name the first folder's counts; they are read by name."""
        chosen = dict[str, str]()
        for folder in self.folders:
            for name in sorted(names):
                if f"{name}.d" in self._names(folder):
                    for entry in self._names(f"{folder}/{name}.d"):
                        if entry.endswith(".conf"):
                            chosen.setdefault(entry, f"{folder}/{name}.d/{entry}")
        for _, path in sorted(chosen.items()):
            try:
                yield self.host.read_text(real_path(self.host, path), max_bytes=_MAX_BYTES)
            except FileNotFoundError:
                continue
            except OSError as error:
                self.unread[path] = error.strerror or str(error)

    def _names(self, folder: str) -> tuple[str, ...]:
        if folder not in self._listings:
            try:
                real = self.host.path(real_path(self.host, folder))
                names = tuple(sorted(item.name for item in real.iterdir()))
            except OSError as error:
                names = ()
                if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
                    self.unread[folder] = error.strerror or str(error)
            self._listings[folder] = names
        return self._listings[folder]


def read_unit(name: str, texts: Sequence[str]) -> Unit:
    """A unit from its file and its drop-ins, in their order."""
    description, starts, commands, pulls = "", "", list[str](), set[str]()
    for line in (line for text in texts for line in config_lines(text, Grammar.INI)):
        if line.section == "Unit" and line.key == "Description":
            description = line.value
        elif line.section == "Unit" and line.key in _PULLS:
            pulls |= set(line.value.split())
        elif line.section == "Service" and line.key == "ExecStart":
            commands = [*commands, line.value] if line.value else []  # an empty one starts over
        elif line.section == "Timer" and line.key == "Unit":
            starts = line.value
    command = commands[0] if commands else ""
    return Unit(
        name,
        description,
        program_of(command),
        command,
        pulls=frozenset(pulls),
        commands=tuple(commands),
        starts=starts,
    )


def program_of(command: str) -> str:
    """The program that `ExecStart=` names, without systemd's marks before it."""
    words = command.lstrip("-@:+!|").split(maxsplit=1)
    return words[0].strip("\"'") if words else ""


def _template(name: str) -> str:
    """`getty@tty1.service` is made from `getty@.service`; another name is its own."""
    stem, dot, kind = name.rpartition(".")
    prefix, at, _ = stem.partition("@")
    return f"{prefix}@{dot}{kind}" if at else name
