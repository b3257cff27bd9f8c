"""Sites as they are assessed. The `AssessmentStore`.

An assessment is saved by one transaction that holds the site's row, so that of two replicas that
come to the same level only one records the change.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, delete, func, or_, select, update

from vigie_server.domain.maturity import Action
from vigie_server.domain.site_figures import SiteFigures
from vigie_server.domain.site_rules import SiteVerdict
from vigie_server.ports.assessing import (
    Progress,
    SiteSeen,
    StoredAnswer,
    TakenTraits,
    WordedAssessment,
)
from vigie_server.store import changes
from vigie_server.store import followed_history as follow
from vigie_server.store.content import unpacked
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import Maturity, MaturityChange
from vigie_server.store.instants import from_store
from vigie_server.store.newest_answers import EVIDENCE, IS_NEWEST, SNAPSHOT
from vigie_server.store.site_seen import (
    DEVICE,
    KEPT,
    OF_SITE,
    SITE,
    SITE_VERDICT,
    SOURCE,
    TRAIT,
    VERDICTS_OF,
    Shared,
    counted_at,
    site_seen,
)
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.software import keep_software
from vigie_server.store.tables import table

MATURITY, CHANGE = table(Maturity), table(MaturityChange)

TOUCH_EVERY: Final = timedelta(days=1)
"""How often the time of an assessment that says nothing new is written."""
WRITTEN_WITHIN: Final = timedelta(minutes=1)
"""How long after its instant a verdict of another server may come to light."""
_BEGINNING: Final = from_store(0)
_SITES: Final = select(SITE.c.key).order_by(SITE.c.key)
_LOCKED: Final = select(SITE.c.key).where(SITE.c.key == OF_SITE).with_for_update()
_LEVELS: Final = select(MATURITY).where(MATURITY.c.site_key == OF_SITE)


class Assessments:
    """`own` are the rules of sites that are decided here, `shared` those that devices share."""

    def __init__(self, database: Database, *, own: Collection[str], shared: Shared) -> None:
        self._database = database
        self._own = frozenset(own)
        self._shared = shared

    def sites(self) -> Sequence[int]:
        with self._database.reading() as connection:
            return list(connection.execute(_SITES).scalars())

    def key_of(self, site: str) -> int:
        with self._database.reading() as connection:
            return site_key(connection, site)

    def progress(self) -> Progress:
        with self._database.reading() as connection:
            progress = follow.from_here(connection, self._verdicts_at(connection))
            return self._having_read(progress, self._others(connection, progress))

    def changed(self, since: Progress) -> tuple[Collection[int] | None, Progress]:
        with self._database.reading() as connection:
            transitions, acts, now = follow.since(connection, since, self._verdicts_at(connection))
            found = set(follow.sites_of(connection, transitions))
            others = self._others(connection, since)
            found |= {site for site, _, _ in others - since.verdicts_read}
            now = self._having_read(now, others)
            concerned = follow.sites_named(connection, acts)
        if concerned is None:
            return None, now  # a token, a group, a body
        return found | concerned, now

    def _others(
        self, connection: Connection, since: Progress
    ) -> frozenset[tuple[int, str, datetime]]:
        """Verdicts of rules that are not decided here, which may have come to light since then."""
        rows = connection.execute(
            select(SITE_VERDICT.c.site_key, SITE_VERDICT.c.rule, SITE_VERDICT.c.since)
            .where(SITE_VERDICT.c.since > _from(since))
            .where(SITE_VERDICT.c.rule.not_in(self._own))
        )
        return frozenset((row.site_key, row.rule, row.since) for row in rows)

    @staticmethod
    def _having_read(progress: Progress, others: frozenset[tuple[int, str, datetime]]) -> Progress:
        """The progress, with what was read of the time that is looked at again."""
        again = frozenset(other for other in others if other[2] > _from(progress))
        return replace(progress, verdicts_read=again)

    def answers(
        self, site: int, readers: Mapping[str, str], *, limit: int
    ) -> Sequence[StoredAnswer]:
        if not readers:
            return ()
        query = _not_taken(tuple(sorted(readers.items())), limit)
        with self._database.reading() as connection:
            return [
                StoredAnswer(
                    row.device_key,
                    row.platform,
                    row.topic,
                    bytes(row.digest),
                    row.observed_at,
                    unpacked(bytes(row.content)),
                )
                for row in connection.execute(query, {"site": site})
            ]

    @retried
    def keep(self, taken: Sequence[TakenTraits]) -> None:
        if not taken:
            return
        with self._database.writing() as connection:
            replaced = [{"of": one.answer.device_key, "on": one.answer.topic} for one in taken]
            for kept in (SOURCE, TRAIT):
                connection.execute(
                    delete(kept)
                    .where(kept.c.device_key == bindparam("of"))
                    .where(kept.c.topic == bindparam("on")),
                    replaced,
                )
            _insert(
                connection,
                SOURCE,
                (
                    {
                        "device_key": one.answer.device_key,
                        "topic": one.answer.topic,
                        "digest": one.answer.digest,
                        "reader": one.reader,
                        "told": one.traits is not None,
                    }
                    for one in taken
                ),
            )
            _insert(
                connection,
                TRAIT,
                (
                    {
                        "device_key": one.answer.device_key,
                        "topic": one.answer.topic,
                        "name": name,
                        "value": value,
                    }
                    for one in taken
                    for name, value in sorted(one.traits or ())
                ),
            )

    def seen(self, site: int, *, now: datetime) -> SiteSeen | None:
        with self._database.reading() as connection:
            return site_seen(connection, site, shared=self._shared, own=self._own, now=now)

    @retried
    def save(
        self,
        site: int,
        verdicts: Sequence[SiteVerdict],
        assessments: Sequence[WordedAssessment],
        *,
        now: datetime,
        figures: SiteFigures | None = None,
    ) -> None:
        with self._database.writing() as connection:
            if connection.execute(_LOCKED, {"site": site}).scalar() is None:
                return
            if figures is not None:
                keep_software(connection, site, figures)
            said = _save_verdicts(connection, site, verdicts, now)
            if _save_levels(connection, site, assessments, now) or said:
                changes.tell_assessed(connection, site)

    def _verdicts_at(self, connection: Connection) -> datetime:
        newest = connection.execute(
            select(func.max(SITE_VERDICT.c.since)).where(SITE_VERDICT.c.rule.not_in(self._own))
        ).scalar()
        return newest or _BEGINNING


@lru_cache(maxsize=KEPT)
def _not_taken(readers: tuple[tuple[str, str], ...], limit: int) -> Select[Any]:
    """Answers whose traits are not those of the readers, given with their topics."""
    same = and_(SOURCE.c.device_key == SNAPSHOT.c.device_key, SOURCE.c.topic == SNAPSHOT.c.topic)
    other = or_(
        *(and_(SNAPSHOT.c.topic == topic, SOURCE.c.reader != reader) for topic, reader in readers)
    )
    return (
        select(
            SNAPSHOT.c.device_key,
            DEVICE.c.platform,
            SNAPSHOT.c.topic,
            SNAPSHOT.c.digest,
            SNAPSHOT.c.observed_at,
            EVIDENCE.c.content,
        )
        .join(DEVICE, DEVICE.c.key == SNAPSHOT.c.device_key)
        .join(EVIDENCE, IS_NEWEST)
        .outerjoin(SOURCE, same)
        .where(counted_at(OF_SITE))
        .where(SNAPSHOT.c.topic.in_([topic for topic, _ in readers]))
        .where(or_(SOURCE.c.digest.is_(None), SOURCE.c.digest != SNAPSHOT.c.digest, other))
        .order_by(SNAPSHOT.c.device_key)
        .limit(limit)
    )


def _from(progress: Progress) -> datetime:
    """From when on verdicts are looked at."""
    late = timedelta(0) if progress.horizon == 0 else WRITTEN_WITHIN
    return progress.verdicts_at - late


def _insert(connection: Connection, into: Any, rows: Iterable[Mapping[str, object]]) -> None:
    held = list(rows)
    if held:
        connection.execute(into.insert(), held)


def _save_verdicts(
    connection: Connection, site: int, verdicts: Sequence[SiteVerdict], now: datetime
) -> bool:
    """Whether a verdict is another one than before."""
    changed = False
    held = {row.rule: row for row in connection.execute(VERDICTS_OF, {"site": site})}
    for verdict in verdicts:
        before = held.get(verdict.rule)
        changed |= before is None or before.status != verdict.status.value
        values = {
            "status": verdict.status.value,
            "reason": json.dumps(dict(verdict.reason)),
            "detail": json.dumps(dict(verdict.detail)),
        }
        if before is None:
            connection.execute(
                SITE_VERDICT.insert().values(
                    site_key=site, rule=verdict.rule, since=now, judged_at=now, **values
                )
            )
        elif _worth_writing(before, values, now):
            since = before.since if before.status == values["status"] else now
            connection.execute(
                update(SITE_VERDICT)
                .where(SITE_VERDICT.c.site_key == site)
                .where(SITE_VERDICT.c.rule == verdict.rule)
                .values(since=since, judged_at=now, **values)
            )
    return changed


def _save_levels(
    connection: Connection, site: int, assessments: Sequence[WordedAssessment], now: datetime
) -> bool:
    """Whether a level is another one than before."""
    changed = False
    held = {row.question: row for row in connection.execute(_LEVELS, {"site": site})}
    for worded in assessments:
        question, level = worded.assessment.question, worded.assessment.level
        before = held.get(question)
        values = {
            "level": level,
            "reason": json.dumps(dict(worded.reason)),
            "actions": json.dumps(
                [
                    {**_action(action), "words": dict(words)}
                    for action, words in zip(worded.assessment.actions, worded.actions, strict=True)
                ]
            ),
        }
        old = None if before is None else before.level
        changed |= before is None or old != level
        if before is None:
            connection.execute(
                MATURITY.insert().values(
                    site_key=site, question=question, since=now, judged_at=now, **values
                )
            )
        elif _worth_writing(before, values, now):
            connection.execute(
                update(MATURITY)
                .where(MATURITY.c.site_key == site)
                .where(MATURITY.c.question == question)
                .values(since=before.since if old == level else now, judged_at=now, **values)
            )
        if old != level:
            connection.execute(
                CHANGE.insert().values(
                    site_key=site,
                    question=question,
                    before=old,
                    after=level,
                    reason=values["reason"],
                    at=now,
                )
            )
    return changed


def _worth_writing(before: Any, values: Mapping[str, object], now: datetime) -> bool:
    differs = any(getattr(before, name) != value for name, value in values.items())
    return differs or now - before.judged_at >= TOUCH_EVERY


def _action(action: Action) -> dict[str, object]:
    """As `asdict` has it, which copies all that is in it: a fifth of a save."""
    return {
        "need": action.need.value,
        "subject": action.subject,
        "count": action.count,
        "devices": action.devices,
        "alternatives": [[_action(other) for other in way] for way in action.alternatives],
        "value": action.value,
        "at_least": action.at_least,
        "expired_at": action.expired_at,
    }
