"""Builders and simple fakes for tests about collecting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.moments import Moment
from vigie_agent.domain.packs import Query
from vigie_agent.domain.plan import PartPlan, TopicPlan

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class Hands:
    """A clock whose hands the test moves."""

    wall: datetime = START
    boot: timedelta = timedelta(days=1)

    def advance(self, span: timedelta) -> None:
        self.wall += span
        self.boot += span

    def now(self) -> Moment:
        return Moment(self.wall, self.boot)

    def since_boot(self) -> timedelta:
        return self.boot


@dataclass
class ScriptedAsking:
    """Answers by SQL, and remembers what it was asked; an answer may be an exception to raise."""

    answers: Mapping[str, Rows | QueryError | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    async def __call__(
        self,
        sql: str,
        *,
        timeout: timedelta,  # noqa: ARG002, ASYNC109 (answers at once)
    ) -> Rows | QueryError:
        self.asked.append(sql)
        self.before()
        answer = self.answers.get(sql, QueryError(Reason.MISSING_TABLE, "nothing was scripted"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def a_part(
    part: str = "front", *, denylist: bool = True, discovery: tuple[str, ...] = ()
) -> PartPlan:
    """A part answered by `SELECT <part>`."""
    query = Query(part, f"SELECT {part}", HOUR, denylist=denylist)
    return PartPlan(part, query, discovery)


def a_topic(*parts: PartPlan, name: str = "fans", interval: timedelta = HOUR) -> TopicPlan:
    """The topic of fans, whose rows have a speed."""
    columns = ("part", "collected", "why", "speed")
    return TopicPlan(name, 1, interval, columns, parts or (a_part(),))


def a_speed(part: str, speed: str = "900") -> Rows:
    """What a fan's part answers."""
    return Rows(({"part": part, "collected": "yes", "why": "", "speed": speed},))
