"""Topics as the agent sees them: which columns a row has, and what is said of it to staff."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from vigie_agent.domain.errors import TopicMalformed

COMMON_COLUMNS: Final = ("part", "collected", "why")
"""Columns of every topic, whether declared or not."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Text:
    """The same sentence in both languages."""

    fr: str
    en: str

    def of(self, language: str) -> str:
        """The sentence in `fr` or `en`."""
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's declaration. `personal_data` is None where it holds none.

    With `retention_days` 0 the rows are judged when they arrive, and not kept. `not_on` says why a
    platform has no part of it.
    """

    name: str
    version: int
    title: Text
    purpose: Text
    guide_questions: tuple[int, ...]
    interval: timedelta
    personal_data: Text | None
    retention_days: int
    columns: tuple[str, ...]
    parts: Mapping[str, frozenset[str]]
    not_on: Mapping[str, Text] = field(default_factory=dict)

    @property
    def row_columns(self) -> tuple[str, ...]:
        """The columns of each of its rows, the common ones first."""
        return COMMON_COLUMNS + self.columns

    def parts_on(self, platform: str) -> tuple[str, ...]:
        """The parts that a device of this platform answers."""
        return tuple(part for part, platforms in self.parts.items() if platform in platforms)


def read_topic(document: object, *, source: str) -> Topic:
    """The topic in a decoded YAML document. Raises TopicMalformed, naming `source` and the key."""
    fields = _Fields(document, source)
    name = fields.text("topic")
    if not _NAME.fullmatch(name):
        raise TopicMalformed(f"{source}: `topic` {name!r} is not a name such as local_admins")
    return Topic(
        name=name,
        version=fields.number("version"),
        title=fields.both_languages("title"),
        purpose=fields.both_languages("purpose"),
        guide_questions=tuple(
            question for question in fields.sequence("guide_questions") if isinstance(question, int)
        ),
        interval=timedelta(seconds=fields.number("interval")),
        personal_data=(
            None
            if fields.value("personal_data") == "none"
            else fields.both_languages("personal_data")
        ),
        retention_days=fields.number("retention_days", least=0),
        columns=tuple(fields.mapping("columns")),
        parts={
            part: frozenset(
                map(str, _Fields(about, f"{source}, part {part}").sequence("platforms"))
            )
            for part, about in fields.mapping("parts").items()
        },
        not_on=fields.texts("not_on"),
    )


class _Fields:
    """The keys of one mapping of the document, read with the type that each must have."""

    def __init__(self, document: object, source: str) -> None:
        if not isinstance(document, dict):
            raise TopicMalformed(f"{source}: it must hold keys and values")
        self._document = document
        self._source = source

    def value(self, key: str) -> object:
        if key not in self._document:
            raise TopicMalformed(f"{self._source}: `{key}` is missing")
        return self._document[key]

    def text(self, key: str) -> str:
        match self.value(key):
            case str() as value:
                return value
            case _:
                raise self._not_a("text", key)

    def number(self, key: str, *, least: int = 1) -> int:
        match self.value(key):
            case int() as value if value >= least and not isinstance(value, bool):
                return value
            case _:
                raise self._not_a(f"a whole number from {least}", key)

    def sequence(self, key: str) -> list[object]:
        match self.value(key):
            case list() as value:
                return value
            case _:
                raise self._not_a("a list", key)

    def words(self, key: str) -> frozenset[str]:
        return frozenset(word for word in self.sequence(key) if isinstance(word, str))

    def mapping(self, key: str) -> Mapping[str, object]:
        match self.value(key):
            case dict() as value:
                return value
            case _:
                raise self._not_a("a mapping", key)

    def both_languages(self, key: str) -> Text:
        match self.value(key):
            case {"fr": str() as fr, "en": str() as en}:
                return Text(" ".join(fr.split()), " ".join(en.split()))
            case _:
                raise self._not_a("one text for each of fr and en", key)

    def texts(self, key: str) -> Mapping[str, Text]:
        """Texts in both languages by name; none where the key is missing."""
        if key not in self._document:
            return {}
        named = _Fields(self.mapping(key), f"{self._source}, {key}")
        return {str(name): named.both_languages(str(name)) for name in self.mapping(key)}

    def _not_a(self, wanted: str, key: str) -> TopicMalformed:
        return TopicMalformed(f"{self._source}: `{key}` must be {wanted}")
