"""What this device collects: by topic, which query answers which part, and which part none does.

Made of the packs (the server's in place of shipped ones of the same name), the topics' declarations
and what is known of the host. A part that is declared for this platform and that no query answers
is kept with the reason, so that it never looks like an answer without rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b

from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.orders import ServerConfig
from vigie_agent.domain.packs import Host, Pack, Query, is_meant_for, restriction
from vigie_agent.domain.topics import Topic


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How one part is answered: by a query, or not, with the reason."""

    part: str
    query: Query | None
    discovery: tuple[str, ...] = ()
    unanswered: QueryError | None = None


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One topic on this device. `columns` is None for a pack that has no declared topic."""

    topic: str
    version: int
    interval: timedelta
    columns: tuple[str, ...] | None
    parts: tuple[PartPlan, ...]

    @property
    def query_digest(self) -> bytes:
        """BLAKE2b-128 of the SQL texts, by part: tells an auditor what was asked."""
        digest = blake2b(digest_size=16)
        for part in sorted(self.parts, key=lambda part: part.part):
            if part.query is not None:
                digest.update(f"{part.part}\0{part.query.sql}\0".encode())
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is collected, by topic, and what was left out, told to people."""

    topics: Mapping[str, TopicPlan]
    problems: tuple[str, ...] = ()


def plan(
    packs: Iterable[Pack], topics: Mapping[str, Topic], host: Host, config: ServerConfig
) -> Plan:
    """What to collect on `host`. `packs` are those in force, the server's own among them."""
    packs = tuple(packs)
    problems = [problem for pack in packs for problem in pack.problems]
    queries: dict[str, list[tuple[Pack, Query]]] = {}
    for pack in packs:
        for query in pack.queries:
            if is_meant_for(pack, host) and is_meant_for(query, host):
                queries.setdefault(query.topic, []).append((pack, query))
    planned: dict[str, TopicPlan] = {}
    for name, asked in sorted(queries.items()):
        if name not in config.disabled_topics:
            planned[name] = _topic_plan(name, asked, topics.get(name), host, problems)
    return Plan(
        {
            name: replace(topic, interval=config.topic_intervals.get(name, topic.interval))
            for name, topic in planned.items()
        },
        tuple(problems),
    )


def packs_in_force(shipped: Iterable[Pack], ordered: Iterable[Pack]) -> tuple[Pack, ...]:
    """The shipped packs, the server's in place of those of the same name, and its others."""
    by_name = {pack.name: pack for pack in shipped}
    by_name.update({pack.name: pack for pack in ordered})
    return tuple(by_name.values())


def _topic_plan(
    name: str,
    asked: Sequence[tuple[Pack, Query]],
    declared: Topic | None,
    host: Host,
    problems: list[str],
) -> TopicPlan:
    version = declared.version if declared is not None else asked[0][1].topic_version
    parts: dict[str, PartPlan] = {}
    for pack, query in asked:
        problem = _why_left_out(query, version, declared)
        answer, known = _part_plan(pack, query, host), parts.get(query.part)
        if problem is None and answer.query and known and known.query:
            problem = f"part {query.part} of topic {name} is answered by {known.query.name} already"
        if problem is not None:
            problems.append(f"pack {pack.name}, query {query.name}: {problem}")
        elif answer.query or not known:  # an older query stands in where a newer cannot run
            parts[query.part] = answer
    if declared is not None:
        for part in declared.parts_on(host.platform):
            nothing_asks = QueryError(Reason.ERROR, "no query of the packs answers it")
            parts.setdefault(part, PartPlan(part, None, unanswered=nothing_asks))
    return TopicPlan(
        topic=name,
        version=version,
        interval=min(
            (part.query.interval for part in parts.values() if part.query),
            default=asked[0][1].interval,
        ),
        columns=None if declared is None else declared.row_columns,
        parts=tuple(parts.values()),
    )


def _why_left_out(query: Query, version: int, declared: Topic | None) -> str | None:
    if query.topic_version != version:
        return f"topic {query.topic} has version {version}, not {query.topic_version}"
    if declared is not None and query.part not in declared.parts:
        return f"topic {query.topic} has no part {query.part}"
    return None


def _part_plan(pack: Pack, query: Query, host: Host) -> PartPlan:
    why_not = restriction(pack, host) or restriction(query, host)
    if why_not is not None:
        return PartPlan(query.part, None, unanswered=QueryError(Reason.MISSING_TABLE, why_not))
    return PartPlan(query.part, query, pack.discovery)
