"""Sudoers files: their lines with includes followed, and the rules they make."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.host import Host

_MAX_DEPTH: Final = 16
_INCLUDES: Final = frozenset({"#include", "@include"})
_INCLUDE_FOLDERS: Final = frozenset({"#includedir", "@includedir"})
_ALIASES: Final = frozenset({"User_Alias", "Runas_Alias", "Host_Alias", "Cmnd_Alias", "Cmd_Alias"})
_TAG: Final = re.compile(r"([A-Z_]+)\s*:\s*")
_COMMA: Final = re.compile(r"\s*(?<!\\),\s*")
_RUNAS: Final = re.compile(r"\(([^)]*)\)\s*")
_ROOT: Final = frozenset({"ALL", "root", "#0"})


@dataclass(frozen=True, slots=True)
class SudoersLine:
    """One line: its first word and the rest, and the file it stands in."""

    source: str
    header: str
    details: str


@dataclass(frozen=True, slots=True)
class SudoRule:
    """What one user, group or netgroup may do. `who` is as written, aliases resolved.

    `full`: every command, as root. `guarded`: a password is asked for each of them.
    """

    who: str
    full: bool
    guarded: bool
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class SudoPolicy:
    """All rules, and what the defaults change for everyone."""

    rules: tuple[SudoRule, ...] = ()
    authenticates: bool = True
    asks_for_root_password: bool = False


def read_sudoers(host: Host, path: str = "/etc/sudoers") -> tuple[SudoersLine, ...]:
    """The lines of `path` and of what it includes, in sudo's order; none when it is not there.

    Raises OSError when one of the files cannot be read.
    """
    return tuple(_lines(host, path, depth=0))


def sudo_policy(lines: Sequence[SudoersLine]) -> SudoPolicy:
    """The rules in `lines`; what cannot be understood grants nothing."""
    aliases = _aliases(lines)
    defaults = [
        word for line in lines if line.header == "Defaults" for word in _COMMA.split(line.details)
    ]
    return SudoPolicy(
        rules=tuple(rule for line in lines for rule in _rules(line, aliases)),
        authenticates="!authenticate" not in defaults,
        asks_for_root_password=bool({"targetpw", "rootpw"} & set(defaults)),
    )


def sudoers_text_lines(text: str) -> Iterator[tuple[str, str]]:
    """First word and rest of each line, continued lines joined, comments left out."""
    for raw in text.replace("\\\n", " ").splitlines():
        line = raw.strip()
        header, details = [*line.split(maxsplit=1), "", ""][:2]
        if header in _INCLUDES | _INCLUDE_FOLDERS:
            yield header, details.strip('"')
        elif (line and not line.startswith("#")) or re.match(r"#\d+\s", line):
            yield header, _without_comment(details)


def _lines(host: Host, path: str, *, depth: int) -> Iterator[SudoersLine]:
    try:
        text = host.read_text(path) if depth < _MAX_DEPTH else ""
    except FileNotFoundError:
        return
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error  # the device's own name of it
    for header, details in sudoers_text_lines(text):
        yield SudoersLine(path, header, details)
        if header in _INCLUDES:
            yield from _lines(host, _absolute(details, path), depth=depth + 1)
        elif header in _INCLUDE_FOLDERS:
            folder = _absolute(details, path)
            for name in _names(host, folder):
                yield from _lines(host, f"{folder}/{name}", depth=depth + 1)


def _names(host: Host, folder: str) -> list[str]:
    """The files of a folder that sudo reads: it skips names with a dot or a final `~`."""
    try:
        names = sorted(item.name for item in host.path(folder).iterdir())
    except FileNotFoundError:
        return []
    return [name for name in names if "." not in name and not name.endswith("~")]


def _absolute(path: str, included_from: str) -> str:
    return path if path.startswith("/") else f"{included_from.rpartition('/')[0]}/{path}"


def _without_comment(details: str) -> str:
    return re.sub(r"(?:^|\s)#(?!\d).*$", "", details).rstrip()


def _aliases(lines: Sequence[SudoersLine]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        if line.header in _ALIASES:
            for definition in line.details.split(":"):
                name, equals, members = definition.partition("=")
                if equals:
                    found[name.strip()] = tuple(_COMMA.split(members.strip()))
    return found


def _members(words: Sequence[str], aliases: Mapping[str, tuple[str, ...]]) -> list[str]:
    """`words` with aliases replaced by what they stand for, to any depth but never twice."""
    found: list[str] = []
    waiting, seen = list(words), set[str]()
    while waiting:
        word = waiting.pop(0)
        if word in aliases and word not in seen:
            seen.add(word)
            waiting = [*aliases[word], *waiting]
        elif word:
            found.append(word)
    return found


def _rules(line: SudoersLine, aliases: Mapping[str, tuple[str, ...]]) -> Iterator[SudoRule]:
    """`users hosts = (runas) TAG: commands`; the users may hold blanks after commas."""
    if line.header.startswith(("Defaults", "@", "#include")) or line.header in _ALIASES:
        return
    left, equals, commands = f"{line.header} {line.details}".partition("=")
    users = re.sub(r"\s*,\s*", ",", left.strip()).rpartition(" ")[0]
    if not equals or not users:
        return
    full, guarded = _granted(commands, aliases)
    for who in _members(users.replace("\\ ", "\0").split(","), aliases):
        if not who.startswith("!"):
            name = who.replace("\0", " ").strip('"').replace("\\\\", "\\")
            yield SudoRule(name, full, guarded, line.source, commands.strip())


def _granted(commands: str, aliases: Mapping[str, tuple[str, ...]]) -> tuple[bool, bool]:
    """Whether every command as root is among `commands`, and whether all of them ask."""
    full, guarded = False, True
    as_root, asks = True, True
    for written in _COMMA.split(commands.strip()):
        command = written
        if runas := _RUNAS.match(command):
            users = _members(_COMMA.split(runas[1].partition(":")[0].strip()), aliases)
            as_root = not users or bool(_ROOT & set(users))
            command = command[runas.end() :]
        while tag := _TAG.match(command):
            asks = {"NOPASSWD": False, "PASSWD": True}.get(tag[1], asks)
            command = command[tag.end() :]
        guarded = guarded and asks
        full = full or (as_root and "ALL" in _members([command.strip()], aliases))
    return full, guarded
