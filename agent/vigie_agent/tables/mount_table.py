"""What is mounted and what is swapped to, from /proc."""

import re
from dataclasses import dataclass
from typing import Final

_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_FIELDS_BEFORE_DASH: Final = 6


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system. `number` is its device's `major:minor`."""

    path: str
    number: str
    fs_type: str
    source: str


@dataclass(frozen=True, slots=True)
class Swap:
    """One swap area: a block device, or a file."""

    path: str
    is_file: bool


def read_mountinfo(text: str) -> tuple[Mount, ...]:
    """The mounts in /proc/self/mountinfo, in its order; odd lines are left out."""
    found = []
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        before, after = left.split(), right.split()
        if dash and len(before) >= _FIELDS_BEFORE_DASH and len(after) > 1:
            path, number = unescaped(before[4]), before[2]
            found.append(Mount(path, number, after[0], unescaped(after[1])))
    return tuple(found)


def read_swaps(text: str) -> tuple[Swap, ...]:
    """The swap areas in /proc/swaps, in its order."""
    rows = (line.split() for line in text.splitlines()[1:])
    return tuple(Swap(unescaped(row[0]), row[1] == "file") for row in rows if len(row) > 1)


def mount_of(path: str, mounts: tuple[Mount, ...]) -> Mount | None:
    """The mount that `path` lies on: the deepest, and of several at one place the last."""
    holding = [
        mount
        for mount in mounts
        if path == mount.path or path.startswith(mount.path.rstrip("/") + "/")
    ]
    return max(reversed(holding), key=lambda mount: len(mount.path), default=None)


def unescaped(text: str) -> str:
    """`text` with the octal numbers that stand for blanks and backslashes in /proc."""
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 8)), text)
