"""The counts of rules at the end of each day. The `RuleDays` and the `RuleDayStore`.

A row is written where a count differs from the one before: a day without a row came to what the
newest row before it says. Nothing of this is on the way of a report: the counts themselves move
with the verdicts (`store/rule_counts.py`), and a day's end is read from them once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    func,
    select,
    text,
    union_all,
)

from vigie_server.ports.declaring import Sites
from vigie_server.ports.lists import RuleTally
from vigie_server.ports.rule_days import DayOfRule, SitesBetween
from vigie_server.store.database import Database, retried
from vigie_server.store.models import EVERY_SITE, Meta, RuleCount, RuleDay, Site
from vigie_server.store.rule_counts import COLUMNS
from vigie_server.store.tables import table

COUNT, DAY, SITE, META = table(RuleCount), table(RuleDay), table(Site), table(Meta)

SITES_AT_ONCE: Final = 20
"""Sites that one transaction records: reports wait for some milliseconds between two of them."""
RECORDED: Final = "rule_days"
"""The name in `meta` of the last day that was recorded whole."""

_EPOCH: Final = date(1970, 1, 1)
_COUNTS: Final = tuple(COLUMNS.values())
_NAMES: Final = ", ".join(_COUNTS)
_RECORD: Final = text(
    f"""
INSERT INTO rule_day (site_key, rule, day, {_NAMES})
SELECT c.site_key, c.rule, :day, {", ".join(f"c.{name}" for name in _COUNTS)}
FROM rule_count c
LEFT JOIN rule_day d ON d.site_key = c.site_key AND d.rule = c.rule AND d.day = (
  SELECT max(n.day) FROM rule_day n
  WHERE n.site_key = c.site_key AND n.rule = c.rule AND n.day <= :day)
WHERE c.site_key BETWEEN :first AND :last
  AND (d.day IS NULL OR {" OR ".join(f"d.{name} <> c.{name}" for name in _COUNTS)})
ON CONFLICT (site_key, rule, day) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in _COUNTS)}"""  # noqa: S608 (our own names)
)
# Days to come are of a clock that was ahead: they would stand for days that have not been yet.
_FORGET: Final = text(
    """
DELETE FROM rule_day
WHERE site_key BETWEEN :first AND :last
  AND (day > :day OR (day < :kept_from AND EXISTS (
    SELECT 1 FROM rule_day n
    WHERE n.site_key = rule_day.site_key AND n.rule = rule_day.rule
      AND n.day > rule_day.day AND n.day <= :kept_from)))"""
)
_NOTE: Final = text(
    "INSERT INTO meta (name, value) VALUES (:name, :value) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)

Counts = tuple[int, ...]


class RuleDayRecords:
    """Records and reads the days of rules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, day: date) -> Sequence[SitesBetween]:
        with self._database.reading() as connection:
            last = connection.execute(select(META.c.value).where(META.c.name == RECORDED)).scalar()
            if last is not None and day <= date.fromisoformat(last) <= day + timedelta(days=1):
                return ()
            keys = connection.execute(select(SITE.c.key).order_by(SITE.c.key)).scalars().all()
        every = [EVERY_SITE, *keys]
        parts = (every[at : at + SITES_AT_ONCE] for at in range(0, len(every), SITES_AT_ONCE))
        return [SitesBetween(part[0], part[-1]) for part in parts]

    @retried
    def record(self, day: date, sites: SitesBetween, *, kept_from: date) -> int:
        values = {"day": _number(day), "first": sites.first, "last": sites.last}
        with self._database.writing() as connection:
            connection.execute(_FORGET, values | {"kept_from": _number(kept_from)})
            return connection.execute(_RECORD, values).rowcount

    @retried
    def recorded(self, day: date) -> None:
        with self._database.writing() as connection:
            connection.execute(_NOTE, {"name": RECORDED, "value": day.isoformat()})

    def days(self, rule: str, sites: Sites, *, since: date, today: date) -> Sequence[DayOfRule]:
        with self._database.listing() as connection:
            moved = connection.execute(_moves(rule, sites, since, today)).all()
            now = connection.execute(_standing(rule, sites)).one()
        moves = {row[0]: tuple(int(move) for move in row[1:]) for row in moved}
        totals = by_day(moves, _number(since), _number(today) - 1)
        found = [(_EPOCH + timedelta(days=number), counts) for number, counts in totals]
        found.append((today, tuple(int(count or 0) for count in now)))
        return [DayOfRule(day, RuleTally(rule, *counts)) for day, counts in found]


def by_day(moves: Mapping[int, Counts], since: int, until: int) -> Iterable[tuple[int, Counts]]:
    """The counts at the end of each day from `since` to `until` of which something is known.

    `moves`: by how much they moved on a day, from the first that anything is known of.
    """
    held: Counts = (0,) * len(_COUNTS)
    begun = min(moves, default=until + 1)
    for day in sorted(moves):
        if day < since:
            held = _moved(held, moves[day])
    for day in range(max(since, begun), until + 1):
        held = _moved(held, moves[day]) if day in moves else held
        yield day, held


def _moved(held: Counts, move: Counts) -> Counts:
    return tuple(map(sum, zip(held, move, strict=True)))


def _number(day: date) -> int:
    """The day as the store has it: days since 1 January 1970."""
    return (day - _EPOCH).days


def _moves(rule: str, sites: Sites, since: date, today: date) -> Select[Any]:
    """By how much the counts of these sites together moved, day by day."""
    recorded = _recorded(rule, sites, since, today).subquery()
    site, day = recorded.c.site_key, recorded.c.day
    moves = [
        (
            recorded.c[name]
            - func.lag(recorded.c[name], 1, 0).over(partition_by=site, order_by=day)
        ).label(name)
        for name in _COUNTS
    ]
    moved = select(day, *moves).subquery()
    sums = (func.sum(moved.c[name]) for name in _COUNTS)
    return select(moved.c.day, *sums).group_by(moved.c.day)


def _recorded(rule: str, sites: Sites, since: date, today: date) -> CompoundSelect[Any]:
    """The rows of these days, and of each site the one that held when they began."""
    of_rule = and_(DAY.c.rule == rule, _seen(DAY.c.site_key, sites))
    held = (
        select(DAY.c.site_key, func.max(DAY.c.day).label("day"))
        .where(of_rule, DAY.c.day <= _number(since))
        .group_by(DAY.c.site_key)
        .subquery()
    )
    shown = select(DAY.c.site_key, DAY.c.day, *(DAY.c[name] for name in _COUNTS))
    earlier = shown.join(
        held, and_(DAY.c.site_key == held.c.site_key, DAY.c.day == held.c.day)
    ).where(DAY.c.rule == rule)
    later = shown.where(of_rule, DAY.c.day > _number(since), DAY.c.day < _number(today))
    return union_all(earlier, later)


def _standing(rule: str, sites: Sites) -> Select[Any]:
    sums = (func.sum(COUNT.c[name]) for name in _COUNTS)
    return select(*sums).where(and_(COUNT.c.rule == rule, _seen(COUNT.c.site_key, sites)))


def _seen(site: ColumnElement[Any], sites: Sites) -> ColumnElement[bool]:
    if sites is None:
        return site == EVERY_SITE
    return site.in_(select(SITE.c.key).where(SITE.c.name.in_(sorted(sites))))
