"""The register of what is collected, as Markdown for staff: French first, then English.

Made of topics and packs alone, and in the sentences of `vigie-agent explain`, so that the three
cannot say different things. Unlike `explain` it covers every system.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

from vigie_agent.domain.explain import LANGUAGES, about_topic
from vigie_agent.domain.explain_words import WORDS, Words, every
from vigie_agent.domain.packs import Pack, Query
from vigie_agent.domain.reading import Reading, reading
from vigie_agent.domain.register_words import REGISTER_WORDS, RegisterWords
from vigie_agent.domain.told_questions import ToldQuestion
from vigie_agent.domain.topics import Topic

_SYSTEMS: Final = {"windows": "Windows", "darwin": "macOS", "linux": "Linux"}

_Asked = Sequence[tuple[Pack, Query]]


def register(
    packs: Iterable[Pack], topics: Mapping[str, Topic], questions: Sequence[ToldQuestion] = ()
) -> Iterator[str]:
    """The lines of the document."""
    asked: dict[str, list[tuple[Pack, Query]]] = {}
    for pack in packs:
        for query in pack.queries:
            asked.setdefault(query.topic, []).append((pack, query))
    for number, language in enumerate(LANGUAGES):
        if number:
            yield ""
        yield from _Register(asked, topics, questions, language).lines()


@dataclass(frozen=True, slots=True)
class _Register:
    """The document in one language."""

    asked: Mapping[str, _Asked]
    topics: Mapping[str, Topic]
    questions: Sequence[ToldQuestion]
    language: str

    @property
    def common(self) -> Words:
        return WORDS[self.language]

    @property
    def words(self) -> RegisterWords:
        return REGISTER_WORDS[self.language]

    def lines(self) -> Iterator[str]:
        declared = sorted(
            (self.topics[name] for name in self.asked if name in self.topics),
            key=lambda topic: _sorted_as_read(topic.title.of(self.language)),
        )
        yield f"# {self.words.title}"
        yield ""
        yield from self.words.introduction
        yield from _listed(self.words.who_title, self.words.who)
        yield from _listed(self.common.sent_title, self.common.sent)
        yield from _listed(self.words.rights_title, self.words.rights)
        yield from self._at_a_glance(declared)
        for topic in declared:
            purpose, *facts = about_topic(topic, topic.interval, language=self.language)
            details = (*facts, *self._unread(topic), *self._technical(self.asked[topic.name]))
            columns = self.words.columns.format(", ".join(f"`{name}`" for name in topic.columns))
            yield from _entry(topic.title.of(self.language), purpose, (*details, columns))
        for name in sorted(self.asked.keys() - self.topics.keys()):
            yield from _entry(name, *self._of_the_site(self.asked[name]))
        if self.questions:
            told = (self._live(question) for question in self.questions)
            yield from _entry(self.words.live_title, self.words.live, told)

    def _live(self, question: ToldQuestion) -> str:
        personal = question.personal.get(self.language)
        told = self.common.personal.format(personal) if personal else self.common.no_personal
        return self.words.live_one.format(title=question.title[self.language], personal=told)

    def _at_a_glance(self, topics: Iterable[Topic]) -> Iterator[str]:
        words = self.words
        yield from ("", f"## {words.glance_title}", "")
        yield "| " + " | ".join(words.glance_heads) + " |"
        yield "|---" * len(words.glance_heads) + "|"
        for topic in topics:
            days = topic.retention_days
            cells = (
                topic.title.of(self.language),
                every(topic.interval, language=self.language),
                words.no if topic.personal_data is None else words.yes,
                words.days.format(days) if days else words.no_day,
            )
            yield "| " + " | ".join(cells) + " |"

    def _unread(self, topic: Topic) -> Iterator[str]:
        for platform, system in _SYSTEMS.items():
            if not topic.parts_on(platform):
                why = topic.not_on.get(platform)
                reason = f" {why.of(self.language)}" if why else ""
                yield self.words.nothing_on.format(system) + reason

    def _of_the_site(self, asked: _Asked) -> tuple[str, Iterable[str]]:
        about = " ".join(query.description for _, query in asked).strip(" .")
        interval = every(min(query.interval for _, query in asked), language=self.language)
        return self.common.site_pack.format(about or asked[0][1].name), (
            self.common.how_often.format(interval),
            self.common.site_unknown,
            *self._technical(asked),
        )

    def _technical(self, asked: _Asked) -> Iterator[str]:
        for platform, system in _SYSTEMS.items():
            here = [
                (pack, query)
                for pack, query in asked
                if platform in query.platforms & pack.platforms
            ]
            what = reading([query.sql for _, query in here], platform=platform)
            first = dict.fromkeys(sql for pack, _ in here for sql in pack.discovery)
            before = reading(first, platform=platform)
            if what.tables:
                yield self.words.read_on.format(system=system, tables=_code(what))
            if before.tables:
                yield self.words.discovery_on.format(system=system, tables=_code(before))
            if refusal := what.refusal or before.refusal:
                yield self.common.refused.format(part=system, why=refusal)


def _listed(title: str, sentences: Iterable[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield from (f"- {sentence}" for sentence in sentences)


def _entry(title: str, purpose: str, details: Iterable[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "", purpose, "")
    yield from (f"- {detail}" for detail in details)


def _sorted_as_read(title: str) -> str:
    return normalize("NFKD", title).encode("ascii", "ignore").decode().casefold()


def _code(what: Reading) -> str:
    return ", ".join(f"`{table}`" for table in what.tables)
