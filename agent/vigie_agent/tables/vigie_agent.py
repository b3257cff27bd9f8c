"""vigie_agent, vigie_agent_topics: the agent that answers here, and what it asks."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.about_agent import AboutAgent
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text

AGENT: Final = (
    text("version", "The agent's version"),
    integer("privileged", "It runs with the administrator's rights"),
    text("started_by", "systemd, launchd, windows services, or somebody at the device"),
    *COLLECTED,
)
"""One row."""

TOPICS: Final = (
    text("topic", "A topic that is collected"),
    integer("version", "Version of the topic"),
    text("digest", "Digest of its questions' SQL: what exactly is asked"),
    *COLLECTED,
)
"""One row a topic in force."""

_UNKNOWN: Final = "the agent said nothing of itself to this engine"


def tables(about: AboutAgent | None) -> tuple[Table, ...]:
    """The tables of this module; without `about` they say that nothing is known."""
    return (
        Table(
            "vigie_agent",
            AGENT,
            lambda _request: _agent(about),
            description="The agent: its version, its rights, who started it",
        ),
        Table(
            "vigie_agent_topics",
            TOPICS,
            lambda _request: _topics(about),
            description="The topics in force, with the digest of their questions",
        ),
    )


def _agent(about: AboutAgent | None) -> Iterator[TableRow]:
    if about is None:
        yield not_collected(_UNKNOWN)
        return
    known = {"privileged": int(about.privileged), "started_by": about.started_by.value}
    if about.version:
        yield collected(version=about.version, **known)
    else:
        yield not_collected("this account may not read the agent's own folder", **known)


def _topics(about: AboutAgent | None) -> Iterator[TableRow]:
    topics = about.topics() if about is not None else ()
    for topic in sorted(topics):
        yield collected(topic=topic.topic, version=topic.version, digest=topic.digest)
    if not topics:
        yield not_collected(_UNKNOWN)
