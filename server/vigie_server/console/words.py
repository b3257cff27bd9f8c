"""What pages say: one file of texts a language, in the folder `words`.

A text is found by its dotted name. It may name values, `{name}`, and words that follow a number,
`{count:device|devices}`. French texts get their no-break spaces here, so that nobody has to type
them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from vigie_server.domain.french import spaced
from vigie_server.domain.plurals import Counted

LANGUAGES: Final = ("fr", "en")
DEFAULT: Final = "fr"
COLUMNS: Final = "columns.yaml"
"""The names of columns of rows are English; this file heads them in French."""
FOLDER: Final = Path(__file__).parent / "words"

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INSTANT: Final = "_time"
_DAY: Final = {"fr": "%d/%m/%Y", "en": "%Y-%m-%d"}
_MOMENT: Final = {"fr": "%d/%m/%Y %H:%M UTC", "en": "%Y-%m-%d %H:%M UTC"}


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language. `columns`: how it heads the columns of rows, where it does."""

    language: str
    texts: Mapping[str, str]
    columns: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, name: str, /, **values: Any) -> str:
        """The text of this name, with its values. Raises KeyError: there is no such text."""
        text = self.texts[name]
        if not values:
            return text
        counted = {
            key: Counted.of(value, self.language) if type(value) is int else value
            for key, value in values.items()
        }
        return text.format(**counted)

    def said(self, texts: Mapping[str, str] | None) -> str:
        """A text that comes in both languages, in this one; empty where there is none."""
        if not texts:
            return ""
        text = texts.get(self.language) or next(iter(texts.values()))
        return spaced(text) if self.language == "fr" else text

    def day(self, at: datetime | None) -> str:
        """A day as people of the language write it."""
        return self("never") if at is None else at.astimezone(UTC).strftime(_DAY[self.language])

    def calendar_day(self, day: date) -> str:
        """A day of the calendar as people of the language write it."""
        return day.strftime(_DAY[self.language])

    def moment(self, at: datetime | None) -> str:
        """A day and hour, in UTC."""
        return self("never") if at is None else at.astimezone(UTC).strftime(_MOMENT[self.language])

    def month(self, at: datetime) -> str:
        """A month, for a chart."""
        return self.texts[f"month.{at.month}"] + f" {at:%y}"

    def decimal(self, number: float) -> str:
        """A number with one decimal."""
        return f"{number:.1f}".replace(".", self("decimal"))

    def cell(self, column: str, value: object) -> str:
        """What a row holds in a column: yes and no in words, instants as days."""
        if isinstance(value, bool):
            return self("yes" if value else "no")
        if value and column.endswith(_INSTANT) and isinstance(value, int | float):
            return self.day(datetime.fromtimestamp(value, UTC))
        return "" if value is None else str(value)

    def share(self, ratio: float | None) -> str:
        """A share in whole per cent, never rounded up to all."""
        if ratio is None:
            return self("none")
        return self("percent", number=str(int(ratio * 100 + 1e-9)))


@cache
def load_words(folder: Path = FOLDER) -> Mapping[str, Words]:
    """Every language's texts."""
    return {language: _words(folder / f"{language}.yaml", language) for language in LANGUAGES}


def _words(path: Path, language: str) -> Words:
    read = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 (safe)
    texts = dict(_flat(read, ""))
    if language != "fr":
        return Words(language, texts)
    columns = yaml.load((path.parent / COLUMNS).read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 (safe)
    return Words(language, {name: spaced(text) for name, text in texts.items()}, columns)


def _flat(node: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", str(value)
