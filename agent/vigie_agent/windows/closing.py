"""Closes the agent's folder to all but administrators, and sets aside what others own in it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from secrets import token_hex
from typing import Final

from vigie_agent.domain.windows_rights import (
    DATA,
    SECRET,
    TOP,
    Entry,
    is_closed,
    is_trusted,
    to_set_aside,
)
from vigie_agent.windows import rights

TOKEN: Final = "enrolment-token"  # noqa: S105 (a file's name)
_ASIDE: Final = "untrusted"
_JUNCTION: Final = 0xA000_0003


@dataclass(frozen=True, slots=True)
class Rights:
    """Windows' own, or others in tests."""

    owner: Callable[[Path], str] = rights.owner
    give: Callable[[Path, str], None] = rights.give
    told: Callable[[Path], str] = rights.told


def close_folder(top: Path, data: Path, system: Rights | None = None) -> tuple[Path, ...]:
    """Makes `top` and `data` in it where missing, and closes both; where what others own now lies.

    Whatever was there before it was closed is trusted only if the system or administrators own it,
    and if it is no link. Raises OSError.
    """
    system = system or Rights()
    aside: list[Path] = []
    if os.path.lexists(top) and not is_trusted(_entry(top, top, system)):
        aside.append(_set_aside(top))
    if not os.path.lexists(top):
        top.mkdir()  # who makes it in this very moment makes this fail
    if not is_closed(system.owner(top), system.told(top)):
        system.give(top, DATA)  # from here on nobody else changes anything below
        entries = tuple(_below(top, top, system))
        aside += [_set_aside(top / path) for path in to_set_aside(entries)]
        system.give(top, TOP)  # not before all was looked at: it counts as closed now
    data.mkdir(exist_ok=True)
    system.give(data, DATA)
    if (top / TOKEN).exists():
        system.give(top / TOKEN, SECRET)
    return tuple(aside)


def leave_token(top: Path, text: str, system: Rights | None = None) -> None:
    """Writes the token where the service looks for it, never readable by others. Raises OSError."""
    system = system or Rights()
    path = top / TOKEN
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        system.give(path, SECRET)  # while it is empty
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _below(folder: Path, top: Path, system: Rights) -> Iterator[Entry]:
    """Everything in `folder`; links and what is not trusted are not gone into."""
    for path in sorted(folder.iterdir()):
        entry = _entry(path, top, system)
        yield entry
        if path.is_dir() and is_trusted(entry):
            yield from _below(path, top, system)


def _entry(path: Path, top: Path, system: Rights) -> Entry:
    return Entry(PurePath(path.relative_to(top)), system.owner(path), _leads_elsewhere(path))


def _leads_elsewhere(path: Path) -> bool:
    return path.is_symlink() or getattr(path.lstat(), "st_reparse_tag", 0) == _JUNCTION


def _set_aside(path: Path) -> Path:
    """Under a name that nobody can have taken before."""
    return path.rename(path.with_name(f"{path.name}.{_ASIDE}-{token_hex(4)}"))
