"""Live questions and their answers. The `QuestionStore` and the `AskStore`.

Asking writes a row a device, so that how far a question has come is what is stored and not what a
process remembers. The act in the audit tells every process that there is something to ask.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, select, update

from vigie_server.domain.asking import (
    Addressed,
    Candidate,
    Limits,
    Outcome,
    Question,
    Target,
    addressed,
    progress,
)
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.plurals import counted
from vigie_server.ports.asking import AskedQuestion, DeviceAnswer, GivenAnswer, OpenQuestion
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites
from vigie_server.ports.pages import Page, Position
from vigie_server.store.database import Database, retried
from vigie_server.store.groups import group_row
from vigie_server.store.keyset import keyset, paged
from vigie_server.store.locking import lock
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.question_models import FreeQuestions, QuestionAnswer, QuestionRow
from vigie_server.store.rejudging import record_act
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.surroundings import group_of, picked
from vigie_server.store.tables import table

QUESTION, ANSWER = table(QuestionRow), table(QuestionAnswer)
FREE, DEVICE, SITE = table(FreeQuestions), table(DeviceRow), table(Site)


class Questions:
    """Questions as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, question: Question, target: Target, within: Sites, limits: Limits) -> Addressed:
        with self._database.reading() as connection:
            return _addressed(connection, question, target, within, limits)

    @retried
    def ask(
        self, question: Question, target: Target, within: Sites, limits: Limits, act: Act
    ) -> Addressed:
        with self._database.writing() as connection:
            found = _addressed(connection, question, target, within, limits)
            key = connection.execute(
                QUESTION.insert().values(**_values(question)).returning(QUESTION.c.key)
            ).scalar_one()
            rows = [{"device_key": one.key, "outcome": Outcome.WAITING} for one in found.asked]
            rows += [
                {"device_key": one.key, "outcome": Outcome.NOT_ASKED} for one in found.unsuited
            ]
            connection.execute(
                ANSWER.insert(),
                [
                    {
                        **row,
                        "question_key": key,
                        "message": "",
                        "columns": "[]",
                        "rows": "[]",
                        "answered_at": act.at if row["outcome"] == Outcome.NOT_ASKED else None,
                    }
                    for row in rows
                ],
            )
            what = question.approved or "a SELECT: " + next(iter(question.sql.values()))
            record_act(
                connection,
                act,
                f"asked {question.target} ({counted(len(found.asked), 'device|devices')}) "
                f"{what} ({question.purpose})",
                question.id,
            )
        return found

    @retried
    def cancel(
        self,
        question_id: str,
        within: Sites,
        act: Act,
        require: Require[AskedQuestion] = whatever,
    ) -> None:
        with self._database.writing() as connection:
            lock(connection, QUESTION, QUESTION.c.id == question_id)
            row = _found(connection, question_id, within)
            if within is not None and _devices_of(connection, row.key, None) > _devices_of(
                connection, row.key, within
            ):
                raise DeclarationRefused(
                    "this question goes to other sites too: who sees all of them can cancel it"
                )
            require(_asked(connection, row, within, act.at))
            if row.cancelled_at is None and act.at < row.until:
                connection.execute(
                    update(QUESTION).where(QUESTION.c.key == row.key).values(cancelled_at=act.at)
                )
                record_act(connection, act, "cancelled a question", question_id)

    def question(self, question_id: str, within: Sites, *, now: datetime) -> AskedQuestion:
        with self._database.reading() as connection:
            return _asked(connection, _found(connection, question_id, within), within, now)

    def questions(
        self, within: Sites, *, now: datetime, after: Position | None, limit: int
    ) -> Page[AskedQuestion]:
        query = select(QUESTION)
        if within is not None:
            query = query.where(QUESTION.c.key.in_(_within(select(ANSWER.c.question_key), within)))
        query = keyset(query, (QUESTION.c.key,), after=after, limit=limit, newest_first=True)
        with self._database.reading() as connection:
            return paged(
                connection.execute(query).all(),
                limit,
                lambda row: (row.key,),
                lambda row: _asked(connection, row, within, now),
            )

    def answers(
        self, question_id: str, within: Sites, *, after: Position | None, limit: int
    ) -> Page[DeviceAnswer]:
        with self._database.reading() as connection:
            query = _answers(_found(connection, question_id, within).key, within)
            query = keyset(query, (ANSWER.c.device_key,), after=after, limit=limit)
            rows = connection.execute(query).all()
        return paged(rows, limit, lambda row: (row.device_key,), _answer)

    def answers_since(
        self, question_id: str, within: Sites, since: datetime
    ) -> Sequence[DeviceAnswer]:
        with self._database.reading() as connection:
            query = _answers(_found(connection, question_id, within).key, within)
            query = query.where(ANSWER.c.answered_at >= since).order_by(ANSWER.c.answered_at)
            return [_answer(row) for row in connection.execute(query)]

    def sites_asked(self, question_id: str, within: Sites) -> Sequence[str]:
        with self._database.reading() as connection:
            asked = _found(connection, question_id, within).key
            query = (
                select(SITE.c.name)
                .join(DEVICE, DEVICE.c.site_key == SITE.c.key)
                .join(ANSWER, ANSWER.c.device_key == DEVICE.c.key)
                .where(ANSWER.c.question_key == asked)
                .distinct()
                .order_by(SITE.c.name)
            )
            if within is not None:
                query = query.where(SITE.c.name.in_(sorted(within)))
            return connection.execute(query).scalars().all()

    @retried
    def allow_free(
        self, site: str, act: Act, *, allowed: bool, require: Require[bool] = whatever
    ) -> None:
        with self._database.writing() as connection:
            key = site_key(connection, site, lock=True)
            before = connection.execute(
                select(FREE.c.site_key).where(FREE.c.site_key == key)
            ).first()
            require(before is not None)
            if (before is not None) == allowed:
                return
            if allowed:
                connection.execute(FREE.insert().values(site_key=key, allowed_at=act.at))
            else:
                connection.execute(delete(FREE).where(FREE.c.site_key == key))
            said = "allowed" if allowed else "no longer allowed"
            record_act(connection, act, f"{said} live questions of any SELECT", site)

    def allows_free(self, site: str) -> bool:
        with self._database.reading() as connection:
            key = site_key(connection, site)
            found = connection.execute(select(FREE.c.site_key).where(FREE.c.site_key == key))
            return found.first() is not None

    # --- For the sessions -------------------------------------------------------------------------

    def open(self, *, now: datetime) -> Sequence[OpenQuestion]:
        with self._database.reading() as connection:
            return [
                OpenQuestion(
                    _question(row),
                    frozenset(
                        connection.execute(
                            select(ANSWER.c.device_key).where(
                                ANSWER.c.question_key == row.key,
                                ANSWER.c.outcome == Outcome.WAITING,
                            )
                        ).scalars()
                    ),
                )
                for row in connection.execute(
                    select(QUESTION).where(_is_open(now)).order_by(QUESTION.c.key)
                ).all()
            ]

    def waiting(self, key: int, question_ids: Sequence[str]) -> frozenset[str]:
        query = (
            select(QUESTION.c.id)
            .join(ANSWER, ANSWER.c.question_key == QUESTION.c.key)
            .where(QUESTION.c.id.in_(question_ids), QUESTION.c.cancelled_at.is_(None))
            .where(ANSWER.c.device_key == key, ANSWER.c.outcome == Outcome.WAITING)
        )
        with self._database.reading() as connection:
            return frozenset(connection.execute(query).scalars())

    @retried
    def answer(self, given: Sequence[GivenAnswer]) -> Sequence[bool]:
        with self._database.writing() as connection:
            return [_kept(connection, one) for one in given]

    @retried
    def forget(self, *, before: datetime, bite: int) -> int:
        """Erases questions that ended before this instant, with their answers; gives how many."""
        with self._database.writing() as connection:
            past = select(QUESTION.c.key).where(QUESTION.c.until < before).limit(bite)
            keys = connection.execute(past).scalars().all()
            if keys:
                connection.execute(delete(ANSWER).where(ANSWER.c.question_key.in_(keys)))
                connection.execute(delete(QUESTION).where(QUESTION.c.key.in_(keys)))
        return len(keys)


def _addressed(
    connection: Connection, question: Question, target: Target, within: Sites, limits: Limits
) -> Addressed:
    free = connection.execute(
        select(SITE.c.name).join(FREE, FREE.c.site_key == SITE.c.key)
    ).scalars()
    waits = select(func.count()).select_from(QUESTION).where(_is_open(question.asked_at))
    waits = waits.where(_waits())
    return addressed(
        question,
        _candidates(connection, target, within),
        free_sites=frozenset(free),
        limits=limits,
        open_questions=int(connection.execute(waits).scalar_one()),
    )


def _candidates(connection: Connection, target: Target, within: Sites) -> Sequence[Candidate]:
    """The devices of a target, in the scope. Raises NotFound for what is outside of it."""
    if target.group is not None:
        if target.site is not None:
            _require_within(target.site, within)
        group = group_row(connection, target.site, target.group)
        rows = picked(connection, group_of(group).selector, group.site_key)
        return [_candidate(row) for row in rows if within is None or row.site in within]
    query = select(DEVICE, SITE.c.name.label("site")).join(SITE, SITE.c.key == DEVICE.c.site_key)
    if within is not None:
        query = query.where(SITE.c.name.in_(sorted(within)))
    if target.devices:
        wanted = dict.fromkeys(target.devices)
        found = connection.execute(query.where(DEVICE.c.id.in_(list(wanted)))).all()
        for missing in wanted.keys() - {row.id for row in found}:
            raise NotFound(f"no device {missing}")
        return [_candidate(row) for row in found]
    if target.site is not None:
        _require_within(target.site, within)
        query = query.where(DEVICE.c.site_key == site_key(connection, target.site))
    return [_candidate(row) for row in connection.execute(query)]


def _require_within(site: str, within: Sites) -> None:
    if within is not None and site not in within:
        raise NotFound(f"no site {site}")


def _candidate(row: Row[Any]) -> Candidate:
    return Candidate(
        key=row.key,
        id=row.id,
        site=row.site,
        platform=row.platform,
        state=DeviceState(row.state),
        disabled=bool(row.disabled),
    )


def _is_open(now: datetime) -> ColumnElement[bool]:
    return and_(QUESTION.c.until > now, QUESTION.c.cancelled_at.is_(None))


def _waits() -> ColumnElement[bool]:
    return (
        select(ANSWER.c.device_key)
        .where(ANSWER.c.question_key == QUESTION.c.key, ANSWER.c.outcome == Outcome.WAITING)
        .exists()
    )


def _within(query: Select[Any], within: Sites) -> Select[Any]:
    """A query of answers, with those of devices of these sites alone."""
    if within is None:
        return query
    return (
        query.join(DEVICE, DEVICE.c.key == ANSWER.c.device_key)
        .join(SITE, SITE.c.key == DEVICE.c.site_key)
        .where(SITE.c.name.in_(sorted(within)))
    )


def _found(connection: Connection, question_id: str, within: Sites) -> Row[Any]:
    row = connection.execute(select(QUESTION).where(QUESTION.c.id == question_id)).one_or_none()
    if row is None or (within is not None and not _devices_of(connection, row.key, within)):
        raise NotFound(f"no question {question_id}: it is kept for a while after its end only")
    return row


def _devices_of(connection: Connection, key: int, within: Sites) -> int:
    query = _within(select(func.count(ANSWER.c.device_key)), within)
    return int(connection.execute(query.where(ANSWER.c.question_key == key)).scalar_one())


def _asked(connection: Connection, row: Row[Any], within: Sites, now: datetime) -> AskedQuestion:
    query = _within(select(ANSWER.c.outcome, func.count().label("devices")), within)
    counts = connection.execute(
        query.where(ANSWER.c.question_key == row.key).group_by(ANSWER.c.outcome)
    )
    outcomes = {found.outcome: int(found.devices) for found in counts}
    cancelled = row.cancelled_at is not None
    return AskedQuestion(
        _question(row),
        row.cancelled_at,
        progress(outcomes, until=row.until, cancelled=cancelled, now=now),
    )


def _answers(key: int, within: Sites) -> Select[Any]:
    query = (
        select(ANSWER, DEVICE.c.id, DEVICE.c.hostname, DEVICE.c.platform, SITE.c.name.label("site"))
        .join(DEVICE, DEVICE.c.key == ANSWER.c.device_key)
        .join(SITE, SITE.c.key == DEVICE.c.site_key)
        .where(ANSWER.c.question_key == key)
    )
    return query if within is None else query.where(SITE.c.name.in_(sorted(within)))


def _answer(row: Row[Any]) -> DeviceAnswer:
    return DeviceAnswer(
        device=row.id,
        hostname=row.hostname,
        site=row.site,
        platform=row.platform,
        outcome=Outcome(row.outcome),
        message=row.message,
        columns=tuple(json.loads(row.columns)),
        rows=tuple(tuple(values) for values in json.loads(row.rows)),
        answered_at=row.answered_at,
    )


def _kept(connection: Connection, given: GivenAnswer) -> bool:
    question = (
        select(QUESTION.c.key)
        .where(QUESTION.c.id == given.question_id, _is_open(given.at))
        .scalar_subquery()
    )
    kept = connection.execute(
        update(ANSWER)
        .where(ANSWER.c.question_key == question, ANSWER.c.device_key == given.key)
        .where(ANSWER.c.outcome == Outcome.WAITING)
        .values(
            outcome=given.outcome.value,
            message=given.message,
            columns=json.dumps(given.columns, ensure_ascii=False),
            rows=json.dumps(given.rows, ensure_ascii=False),
            answered_at=given.at,
        )
    )
    return bool(kept.rowcount)


def _values(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "approved": question.approved,
        "title": json.dumps(dict(question.title), ensure_ascii=False),
        "sql": json.dumps(dict(question.sql), ensure_ascii=False),
        "purpose": question.purpose,
        "asked_by": question.asked_by,
        "role": question.role,
        "personal": question.personal,
        "target": question.target,
        "rows": question.rows,
        "timeout_seconds": int(question.timeout.total_seconds()),
        "asked_at": question.asked_at,
        "until": question.until,
    }


def _question(row: Row[Any]) -> Question:
    return Question(
        id=row.id,
        approved=row.approved,
        title=json.loads(row.title),
        sql=json.loads(row.sql),
        purpose=row.purpose,
        asked_by=row.asked_by,
        role=row.role,
        personal=row.personal,
        target=row.target,
        rows=row.rows,
        timeout=timedelta(seconds=row.timeout_seconds),
        asked_at=row.asked_at,
        until=row.until,
    )
