"""What `vigie-agent explain` says: all that is read on this device, in words for its users.

Made of the plan in force and the topics' declarations, so that it cannot differ from what is done.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vigie_agent.domain.explain_words import WORDS, Words, every
from vigie_agent.domain.plan import Plan, TopicPlan
from vigie_agent.domain.reading import reading
from vigie_agent.domain.topics import Topic

LANGUAGES: Final = ("fr", "en")


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A live question that was asked of this device. `at` is ISO 8601, UTC.

    `status` is how it ended (`ok`, `refused`, ...), empty while that is not known; so many `rows`
    were sent.
    """

    at: str
    asked_by: str
    purpose: str
    sql: str
    status: str = ""
    rows: int = 0


def explanation(
    plan: Plan,
    topics: Mapping[str, Topic],
    asked: Sequence[AskedQuestion] | None,
    *,
    language: str,
    platform: str,
    with_sql: bool = False,
    live_questions: bool = True,
) -> Iterator[str]:
    """The lines to print. `asked` is None when the record may not be read by this account."""
    words = WORDS[language]
    yield words.title
    yield ""
    yield from words.introduction
    for name, topic in plan.topics.items():
        yield ""
        declared = topics.get(name)
        if declared is None:
            yield from _of_the_site(topic, words, language)
        else:
            yield declared.title.of(language)
            for sentence in about_topic(declared, topic.interval, language=language):
                yield f"  {sentence}"
        yield from _what_is_read(topic, words, platform)
        if with_sql:
            yield from _sql_of(topic)
    yield ""
    yield words.sent_title
    yield from (f"  {sentence}" for sentence in words.sent)
    if plan.problems:
        yield ""
        yield words.left_out_title
        yield from (f"  {problem}" for problem in plan.problems)
    yield ""
    yield words.asked_title
    if not live_questions:
        yield f"  {words.asked_refused}"
    yield from _about_questions(asked, words)


def about_topic(declared: Topic, interval: timedelta, *, language: str) -> Iterator[str]:
    """What a topic is for, how often it is read, the personal data in it, and how long it stays."""
    words = WORDS[language]
    yield declared.purpose.of(language)
    yield words.how_often.format(every(interval, language=language))
    for number in declared.guide_questions:
        yield words.question.format(number=number, title=words.questions.get(number, ""))
    if declared.personal_data is None:
        yield words.no_personal
    else:
        yield words.personal.format(declared.personal_data.of(language))
    kept = words.kept if declared.retention_days else words.not_kept
    yield kept.format(declared.retention_days)


def _of_the_site(topic: TopicPlan, words: Words, language: str) -> Iterator[str]:
    descriptions = [part.query.description for part in topic.parts if part.query]
    yield topic.topic
    yield "  " + words.site_pack.format(" ".join(descriptions).strip(" .") or topic.topic)
    yield "  " + words.how_often.format(every(topic.interval, language=language))
    yield f"  {words.site_unknown}"


def _what_is_read(topic: TopicPlan, words: Words, platform: str) -> Iterator[str]:
    """The tables, those of discovery too, and what is not read although it was asked for."""
    queries = [part.query.sql for part in topic.parts if part.query]
    if tables := reading(queries, platform=platform).tables:
        yield "  " + words.read_in.format(", ".join(tables))
    discovery = _discovery(topic)
    if tables := reading(discovery, platform=platform).tables:
        yield "  " + words.discovery.format(", ".join(tables))
    for sql in discovery:
        if refusal := reading([sql], platform=platform).refusal:
            yield "  " + words.refused.format(part=sql, why=refusal)
    for part in topic.parts:
        if part.query is None and part.unanswered is not None:
            why = _told(part.unanswered.detail, words)
            yield "  " + words.not_read.format(part=part.part, why=why)
        elif part.query and (refusal := reading([part.query.sql], platform=platform).refusal):
            yield "  " + words.refused.format(part=part.part or part.query.name, why=refusal)


def _told(why: str, words: Words) -> str:
    """What a plan says of a part that nobody asks, by its beginning."""
    for beginning, told in words.whys.items():
        if why.startswith(beginning):
            return told + why.removeprefix(beginning)
    return why


def _discovery(topic: TopicPlan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sql for part in topic.parts for sql in part.discovery))


def _sql_of(topic: TopicPlan) -> Iterator[str]:
    for sql in _discovery(topic):
        yield f"    discovery: {' '.join(sql.split())}"
    for part in topic.parts:
        if part.query is not None:
            yield f"    {part.part or part.query.name}: {' '.join(part.query.sql.split())}"


def _about_questions(asked: Sequence[AskedQuestion] | None, words: Words) -> Iterator[str]:
    if asked is None:
        yield f"  {words.asked_hidden}"
    elif not asked:
        yield f"  {words.asked_none}"
    for question in asked or ():
        yield "  " + words.asked_line.format(
            at=question.at, asked_by=question.asked_by, purpose=question.purpose
        )
        yield f"    {' '.join(question.sql.split())}"
        if question.status == "ok":
            yield "    " + words.asked_answered.format(rows=question.rows)
        elif question.status:
            yield "    " + words.asked_unanswered.format(why=question.status)
