"""How a setting is written, in a TOML file or in a variable, and what to write instead.

Each reader takes what stands there (text from the environment, TOML's own types from the file) and
gives the value, or raises ValueError with a text that says what to write.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

Value = TypeVar("Value")
Kind = TypeVar("Kind", bound=StrEnum)
Reader = Callable[[object], Value]

_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES: Final = {
    unit: 1024**power if unit.endswith("ib") else 1000**power
    for power, units in enumerate(
        (("", "b"), ("k", "kb", "kib"), ("m", "mb", "mib"), ("gb", "gib"))
    )
    for unit in units
}
_TRUE: Final = frozenset({"true", "yes", "on", "1", "t", "y"})
_FALSE: Final = frozenset({"false", "no", "off", "0", "f", "n"})


class Secret:
    """A text that is shown to nobody by accident: neither logs nor errors print it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(withheld)"


def text(written: object) -> str:
    """Any text."""
    if not isinstance(written, str):
        raise ValueError("write a text, in quotes")  # noqa: TRY004 (the caller tells the person)
    return written


def secret(written: object) -> Secret:
    """A text that stays hidden."""
    return Secret(text(written))


def path(written: object) -> Path:
    """A file or folder."""
    return Path(text(written))


def boolean(written: object) -> bool:
    """`true` or `false`, and what people write for it in a variable."""
    if isinstance(written, bool):
        return written
    word = str(written).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("write true or false")
    return word in _TRUE


def one_of(kind: type[Kind]) -> Reader[Kind]:
    """A word of an enumeration."""
    words = [f"'{member}'" for member in kind]

    def read(written: object) -> Kind:
        try:
            return kind(text(written))
        except ValueError:
            raise ValueError(f"write {', '.join(words[:-1])} or {words[-1]}") from None

    return read


def number(*, least: int, most: int) -> Reader[int]:
    """A whole number between both, which are allowed."""

    def read(written: object) -> int:
        found = re.fullmatch(r"\s*(\d{1,18})\s*", str(written))
        if found is None or not least <= int(found[1]) <= most:
            raise ValueError(f"write a whole number from {least} to {most}")
        return int(found[1])

    return read


def time_span(*, least: timedelta) -> Reader[timedelta]:
    """Seconds as a number, or with a unit: 30, "30s", "5m", "2h", "1d"."""

    def read(written: object) -> timedelta:
        found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d+)?)\s*([smhd]?)\s*", str(written))
        if found is None:
            raise ValueError("write a time span such as 30s, 5m, 2h or 1d")
        span = timedelta(seconds=float(found[1]) * _SECONDS[found[2]])
        if span < least:
            raise ValueError(f"write a time span of {least.total_seconds():g}s or more")
        return span

    return read


def size(*, least: int) -> Reader[int]:
    """Bytes as a number, or with a unit: 8388608, "8MiB", "10 MB"."""

    def read(written: object) -> int:
        found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d+)?)\s*([a-z]*)\s*", str(written).lower())
        if found is None or found[2] not in _BYTES:
            raise ValueError("write a size such as 8MiB")
        total = int(float(found[1]) * _BYTES[found[2]])
        if total < least:
            raise ValueError(f"write a size of {least} bytes or more")
        return total

    return read
