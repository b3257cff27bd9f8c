"""Whether what a question asks for lies wholly inside a place that this agent may look at.

A value asked for may itself hold `%` (a LIKE pattern). It lies inside a place when everything it
could stand for does: level by level, each of its wildcards must be swallowed by one of the place's.
What a file system or a library could read as more than a name is refused beforehand: `..` and what
could expand to it, doubled separators, shell globs, XPath, alternate streams.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from vigie_agent.domain.safety_places import Places, Shape

_LEVEL: Final = r"[A-Za-z0-9 ._%@+,=#()-]+"
_WRITTEN: Final[Mapping[Shape, re.Pattern[str]]] = {
    Shape.POSIX_PATH: re.compile(rf"(?:/{_LEVEL})+"),
    Shape.WINDOWS_PATH: re.compile(rf"[A-Za-z]:(?:\\{_LEVEL})+"),
    Shape.REGISTRY_KEY: re.compile(
        r"HKEY_[A-Z_]+(?:\\[A-Za-z0-9 ._%@+,=#(){}/:&-]+)+", re.IGNORECASE
    ),
    Shape.AUGEAS_NODE: re.compile(r"(?:/[A-Za-z0-9._%-]+)+"),
    Shape.NAME: re.compile(r"[A-Za-z0-9 ._/-]+"),
}
_SEPARATOR: Final[Mapping[Shape, str]] = {
    Shape.POSIX_PATH: "/",
    Shape.WINDOWS_PATH: "\\",
    Shape.REGISTRY_KEY: "\\",
    Shape.AUGEAS_NODE: "/",
}
_IGNORES_CASE: Final = frozenset({Shape.WINDOWS_PATH, Shape.REGISTRY_KEY})
_ERRORS_BELOW: Final = "/error/%"


def place_of(asked: str, places: Places) -> str | None:
    """The shipped place that `asked` lies wholly inside; None when there is no such place."""
    if not is_plainly_written(asked, places.shape):
        return None
    if places.shape is Shape.NAME:
        return asked if asked in places.allowed else None
    if places.shape is Shape.AUGEAS_NODE:
        return _augeas_place(asked, places.allowed)
    separator = _SEPARATOR[places.shape]
    if places.holds_entries:
        asked = asked + separator + "%"
    return next(
        (
            place
            for place in places.allowed
            if lies_inside(
                asked, place, separator=separator, ignore_case=places.shape in _IGNORES_CASE
            )
        ),
        None,
    )


def is_plainly_written(asked: str, shape: Shape) -> bool:
    """Whether `asked` can only mean what it spells: no `..`, no `//`, no globs, no other alphabet.

    A level such as `.%` is refused too: a glob expands it to `..`.
    """
    if not _WRITTEN[shape].fullmatch(asked):
        return False
    if shape is Shape.NAME:
        return True
    levels = asked.split(_SEPARATOR[shape])[1:]
    if any(level.startswith(".") and not level.strip(".%") for level in levels):
        return False
    if shape is Shape.WINDOWS_PATH:
        return not any(level.endswith((".", " ")) for level in levels)
    return True


def lies_inside(asked: str, place: str, *, separator: str, ignore_case: bool = False) -> bool:
    """Whether everything that `asked` can stand for is inside `place`."""
    asked_levels = asked.split(separator)
    place_levels = place.split(separator)
    if place_levels[-1] == "%%":
        place_levels.pop()
        below = asked_levels[len(place_levels) :]
        if not below or any("%%" in level for level in below[:-1]):
            return False
        if "%%" in below[-1] and below[-1] != "%%":
            return False
        asked_levels = asked_levels[: len(place_levels)]
    if len(asked_levels) != len(place_levels):
        return False
    return all(
        "%%" not in asked_level and _level(place_level, ignore_case).fullmatch(asked_level)
        for asked_level, place_level in zip(asked_levels, place_levels, strict=True)
    )


@lru_cache(maxsize=1024)
def _level(place_level: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001 (a cache key)
    """`%` in what is asked is an ordinary character here: only a `%` of the place swallows it."""
    pattern = ".*".join(re.escape(part) for part in place_level.split("%"))
    return re.compile(pattern, re.IGNORECASE | re.ASCII if ignore_case else re.ASCII)


def _augeas_place(node: str, files: tuple[str, ...]) -> str | None:
    """A node of the tree below `/files/<file>`, or a parse error of that file."""
    if node.startswith("/augeas/files/"):
        if not node.endswith(_ERRORS_BELOW):
            return None
        path, below = node.removeprefix("/augeas/files").removesuffix(_ERRORS_BELOW), False
    elif node.startswith("/files/"):
        path, below = node.removeprefix("/files"), True
    else:
        return None
    for place in files:
        if lies_inside(path, place, separator="/"):
            return place
        if below and lies_inside(path, f"{place.removesuffix('/%%')}/%%", separator="/"):
            return place
    return None
