"""Lists and tables that rows meet: approved names, generic names, ends of support.

A condition names one by its `handle`, a text that is cheap to carry into an evaluation; the list
itself stays here, indexed once. Lists of equal content are one list, and a list that nobody holds
any more is forgotten with its handle. Their files are read in `reference_files.py`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from threading import Lock
from typing import ClassVar, Final, TypeVar
from weakref import WeakValueDictionary

_HANDLE_BYTES: Final = 12


_INTERNING: Final = Lock()  # two lists of one content would forget each other's handle

Held = TypeVar("Held")


class Interned(WeakValueDictionary[str, Held]):
    """Lists by their handles, each as long as somebody holds it."""

    def one(self, handle: str, make: Callable[[], Held]) -> Held:
        """The list of this handle, made where nobody holds it."""
        with _INTERNING:
            known = self.get(handle)
            if known is None:
                known = self[handle] = make()
            return known


class NameList:
    """Names that ignore case; `*` in an entry stands for any characters. Made by `of`."""

    _alive: ClassVar[Interned["NameList"]] = Interned()

    def __init__(self, handle: str, entries: Iterable[str]) -> None:
        folded = {entry.strip().casefold() for entry in entries} - {""}
        self.handle: Final = handle
        self.entries: Final = tuple(sorted(folded))
        self._count: Final = len(folded)
        self._exact: Final = frozenset(entry for entry in folded if "*" not in entry)
        patterns = sorted(entry for entry in folded if "*" in entry)
        self._pattern: Final = any_of(patterns) if patterns else None

    @classmethod
    def of(cls, entries: Iterable[str]) -> "NameList":
        """The list of these entries: the same object for the same entries."""
        given = tuple(entries)
        handle = "names:" + content_digest(given)
        return cls._alive.one(handle, lambda: cls(handle, given))

    @classmethod
    def behind(cls, handle: str) -> "NameList":
        """The list that a handle names. Raises KeyError when nobody holds it."""
        return cls._alive[handle]

    def holds(self, name: str) -> bool:
        """Whether an entry covers this name."""
        folded = name.strip().casefold()
        if folded in self._exact:
            return True
        return self._pattern is not None and self._pattern.fullmatch(folded) is not None

    def __len__(self) -> int:
        return self._count


@dataclass(frozen=True, slots=True)
class SupportedRelease:
    """One release: until when its vendor mends it, who says so, and when that was noted.

    `estimated` marks an end that the vendor does not publish, inferred from its practice.
    """

    key: str
    name: str
    ends: date
    source: str
    recorded: date
    estimated: bool = False

    @property
    def ends_at(self) -> int:
        """The first instant without support, in UNIX seconds: the day after `ends`, 00:00 UTC."""
        return first_instant_after(self.ends)


class SupportTable:
    """Ends of support by release. The longest key that begins the name asked for decides.

    Made by `of`.
    """

    _alive: ClassVar[Interned["SupportTable"]] = Interned()

    def __init__(self, handle: str, releases: Iterable[SupportedRelease]) -> None:
        self.handle: Final = handle
        self.releases: Final[Mapping[str, SupportedRelease]] = {
            release.key.casefold(): release for release in releases
        }

    @classmethod
    def of(cls, name: str, releases: Iterable[SupportedRelease]) -> "SupportTable":
        """The table of these releases: the same object for the same content."""
        given = tuple(releases)
        handle = f"support:{name}:{content_digest(repr(release) for release in given)}"
        return cls._alive.one(handle, lambda: cls(handle, given))

    @classmethod
    def behind(cls, handle: str) -> "SupportTable":
        """The table that a handle names. Raises KeyError when nobody holds it."""
        return cls._alive[handle]

    def release(self, name: str) -> SupportedRelease | None:
        """The release that covers a name: `debian 12` covers `Debian 12 (bookworm)`, not `120`."""
        folded = " ".join(name.casefold().split())
        for length in range(len(folded), 0, -1):
            at_boundary = length == len(folded) or not folded[length].isalnum()
            if at_boundary and (found := self.releases.get(folded[:length])) is not None:
                return found
        return None


def first_instant_after(day: date) -> int:
    """In UNIX seconds: the next day, 00:00 UTC."""
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    return int(midnight.timestamp()) + 86_400


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """What matches one of the patterns, `*` standing for any characters."""
    return re.compile(
        "|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns), re.DOTALL
    )


def content_digest(texts: Iterable[str]) -> str:
    """A short name of a content, for its handle."""
    content = "\0".join(texts).encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=_HANDLE_BYTES).hexdigest()
