"""Collects one topic: asks each of its parts and makes one snapshot of the answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.assembly import assemble
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.orders import Limits
from vigie_agent.domain.overruns import Overruns
from vigie_agent.domain.plan import PartPlan, TopicPlan
from vigie_agent.domain.snapshot import Cost, Snapshot
from vigie_agent.ports import Asking

log = structlog.get_logger()

DISCOVERY_HOLDS_FOR: Final = timedelta(hours=1)
"""How long the answer to a discovery query decides for its pack, as in osqueryd."""

_LOSSES_BORNE: Final = 2


@dataclass(slots=True)
class Collect:
    """Callable: the snapshot of a topic, or None where discovery leaves it out.

    `clock` is the time since boot, `cpu` the CPU time of this process. An engine that goes away
    raises EngineLost so that the topic is tried again; the third time in a row its parts say so.
    """

    ask: Asking
    timeout: timedelta
    limits: Callable[[], Limits]
    clock: Callable[[], timedelta]
    cpu: Callable[[], timedelta]
    overruns: Overruns = field(default_factory=Overruns)
    _discovered: dict[str, tuple[timedelta, bool]] = field(default_factory=dict)
    _losses: dict[str, int] = field(default_factory=dict)

    async def __call__(self, topic: TopicPlan) -> Snapshot | None:
        wall_before, cpu_before = self.clock(), self.cpu()
        answers: dict[str, Rows | QueryError] = {}
        try:
            for part in topic.parts:
                if await self._is_discovered(part):
                    answers[part.part] = await self._answer(part)
        except EngineLost:
            if (losses := self._losses.get(topic.topic, 0)) < _LOSSES_BORNE:
                self._losses[topic.topic] = losses + 1
                raise
            lost = QueryError(Reason.ERROR, "the engine went away")
            answers = {part.part: answers.get(part.part, lost) for part in topic.parts}
        else:
            self._losses.pop(topic.topic, None)
        if not answers:
            return None
        cost = Cost(wall=self.clock() - wall_before, cpu=self.cpu() - cpu_before)
        snapshot = assemble(topic, answers, limits=self.limits(), cost=cost)
        log.info(
            "topic_collected",
            topic=topic.topic,
            status=str(snapshot.status),
            row_count=len(snapshot.rows),
            failed_parts=sorted(
                part for part, answer in answers.items() if isinstance(answer, QueryError)
            ),
            milliseconds=cost.wall // timedelta(milliseconds=1),
        )
        return snapshot

    async def _answer(self, part: PartPlan) -> Rows | QueryError:
        query = part.query
        if query is None:
            return part.unanswered or QueryError(Reason.ERROR, "nothing asks for it")
        refusal = self.overruns.refusal(query.sql, self.clock())
        if refusal is not None:
            return refusal
        answer = await self.ask(query.sql, timeout=self.timeout)
        if not isinstance(answer, QueryError) or answer.reason is not Reason.TIMEOUT:
            self.overruns.answered(query.sql)
        elif query.denylist and self.overruns.overran(query.sql, self.clock()):
            log.warning("query_set_aside", query=query.name, topic=query.topic)
        return answer

    async def _is_discovered(self, part: PartPlan) -> bool:
        """Whether each discovery query of the part's pack returns rows; a failed one does not."""
        for sql in part.discovery:
            until, found = self._discovered.get(sql, (timedelta(), False))
            if self.clock() >= until:
                answer = await self.ask(sql, timeout=self.timeout)
                found = isinstance(answer, Rows) and bool(answer.rows)
                self._discovered[sql] = (self.clock() + DISCOVERY_HOLDS_FOR, found)
            if not found:
                return False
        return True
