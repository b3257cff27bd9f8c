"""What the store forgets, and when: bounded bites, so that nothing waits for it.

Answers are looked for in one thread and erased in another: of a large fleet the former goes through
millions of rows, and devices would wait for the thread that writes. Most of what is old is still
true and gone through at each look: topics that are kept for the same time are looked at together.

An answer is kept as long as its topic says, counted from when it was last true: history from when
it came, the newest answer from when the device last confirmed it. What a topic does not keep at all
is never written; what an earlier version wrote of it goes here.

History goes row by row on SQLite and by whole months on PostgreSQL, see `store.history`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    TableClause,
    bindparam,
    column,
    delete,
    exists,
    func,
    select,
)
from sqlalchemy import table as named

from vigie_server.ports.forgetting import PastAnswers
from vigie_server.ports.sessions import Place
from vigie_server.store import history
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import MailTransition
from vigie_server.store.models import (
    Audit,
    RejectedReport,
    TransitionRow,
)
from vigie_server.store.newest_answers import EVIDENCE, IS_NEWEST, SNAPSHOT
from vigie_server.store.postgres import unlimited
from vigie_server.store.tables import table

TRANSITION, AUDIT, REJECTED = table(TransitionRow), table(Audit), table(RejectedReport)
OF_MAIL = table(MailTransition)

_PLACE = (EVIDENCE.c.device_key, EVIDENCE.c.revision, EVIDENCE.c.topic)

# One by one, by their keys: given a list of places, SQLite reads the whole table.
_NOT_TRUE_ANY_MORE = (
    delete(SNAPSHOT)
    .where(SNAPSHOT.c.device_key == bindparam("of"))
    .where(SNAPSHOT.c.topic == bindparam("on"))
    .where(SNAPSHOT.c.revision == bindparam("at"))
    .where(SNAPSHOT.c.observed_at < bindparam("before"))
)
_WITHOUT_SNAPSHOT = (
    delete(EVIDENCE)
    .where(EVIDENCE.c.device_key == bindparam("of"))
    .where(EVIDENCE.c.revision == bindparam("at"))
    .where(EVIDENCE.c.topic == bindparam("on"))
    .where(~exists().where(IS_NEWEST))
)


class Forgetting:
    """The `ForgettingStore` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def past_answers(
        self, kept: Mapping[str, timedelta], other: timedelta, *, now: datetime, bite: int
    ) -> Sequence[PastAnswers]:
        found: list[PastAnswers] = []
        left = bite
        with self._database.reading() as connection:
            if not self._database.is_sqlite:
                unlimited(connection)  # of a million devices it takes minutes, and nobody waits
            for which, span in _by_span(kept, other):
                before = now - span
                places = _past_answers(connection, which, before, left) if left else ()
                if places:
                    found.append(PastAnswers(before, places))
                    left -= len(places)
        return found

    @retried
    def erase_answers(self, past: Sequence[PastAnswers]) -> int:
        places = [
            {"of": device, "at": revision, "on": topic, "before": some.before}
            for some in past
            for device, revision, topic in some.places
        ]
        if not places:
            return 0
        with self._database.writing() as connection:
            connection.execute(_NOT_TRUE_ANY_MORE, places)
            return connection.execute(_WITHOUT_SNAPSHOT, places).rowcount

    @retried
    def history(
        self, *, transitions: datetime, audit: datetime, rejected: datetime, bite: int
    ) -> int:
        """Erases what happened before these instants; gives how many, at most `bite` a kind.

        On PostgreSQL a month goes once all of it is past its time, and is not counted.
        """
        with self._database.writing() as connection:
            erased = _erase_before(connection, REJECTED, REJECTED, rejected, bite)
            erased += _erase_before(connection, OF_MAIL, OF_MAIL, transitions, bite)
            for of, before in ((TRANSITION, transitions), (AUDIT, audit)):
                where = of if self._database.is_sqlite else _strays(of)
                erased += _erase_before(connection, of, where, before, bite)
        return erased

    def months(self, *, now: datetime, transitions: datetime, audit: datetime) -> Sequence[str]:
        """Makes the months of history to come and drops those before these instants; their names.

        Months are of PostgreSQL alone.
        """
        if self._database.is_sqlite:
            return ()
        moved: list[str] = []
        for change in (
            partial(history.make_months, now=now),
            partial(history.drop_months, of=TRANSITION.name, before=transitions),
            partial(history.drop_months, of=AUDIT.name, before=audit),
        ):
            moved += self._database.retry(partial(self._alone, change))
        return moved

    def _alone(self, change: Callable[[Connection], Sequence[str]]) -> Sequence[str]:
        """One change, which holds its locks no longer than it needs them."""
        with self._database.writing() as connection:
            return change(connection)


def _by_span(
    kept: Mapping[str, timedelta], other: timedelta
) -> Iterator[tuple[ColumnElement[bool], timedelta]]:
    """Which answers are kept for how long: each span once, the last for topics not declared too."""
    topics: dict[timedelta, list[str]] = {}
    for topic, span in kept.items():
        topics.setdefault(span, []).append(topic)
    topics.pop(other, None)
    for span, of_it in topics.items():
        yield EVIDENCE.c.topic.in_(of_it), span
    yield EVIDENCE.c.topic.notin_([topic for of_it in topics.values() for topic in of_it]), other


def _past_answers(
    connection: Connection, which: ColumnElement[bool], before: datetime, bite: int
) -> Sequence[Place]:
    still_true = exists().where(IS_NEWEST).where(SNAPSHOT.c.observed_at >= before)
    past = (
        select(*_PLACE)
        .where(which)
        .where(EVIDENCE.c.received_at < before)
        .where(~still_true)
        .limit(bite)
    )
    return [(key, revision, topic) for key, revision, topic in connection.execute(past)]


def _strays(of: Table) -> TableClause:
    return named(history.stray(of.name), column("key", of.c.key.type), column("at", of.c.at.type))


def _erase_before(
    connection: Connection, of: Table, where: TableClause, before: datetime, bite: int
) -> int:
    # The newest row stays: keys go on from it, and readers remember how far they have read.
    newest = select(func.max(of.c.key)).scalar_subquery()
    past = select(where.c.key).where(where.c.at < before).where(where.c.key < newest).limit(bite)
    found = connection.execute(past).scalars().all()
    if found:
        connection.execute(delete(where).where(where.c.key.in_(found)))
    return len(found)
