"""Days of rules, in both databases: each day comes to what the counts were when it ended."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random

import pytest
from sqlalchemy import insert, select, text

from fakes.stored import NOW
from vigie_server.ports.declaring import Sites
from vigie_server.ports.lists import RuleTally
from vigie_server.ports.rule_days import SitesBetween
from vigie_server.store import rule_days
from vigie_server.store.database import Database
from vigie_server.store.models import EVERY_SITE
from vigie_server.store.rule_counts import COLUMNS, COUNT
from vigie_server.store.rule_days import DAY, SITE, RuleDayRecords

RULES = ("Q01-a", "Q02-b")
SITES = {1: "Les Lilas", 2: "Les Tilleuls", 3: "Le Val"}
FIRST = date(2026, 3, 1)
LONG_AGO = date(2020, 1, 1)

Counts = tuple[int, int, int, int, int]
Standing = dict[tuple[int, str], Counts]


def after(days: int) -> date:
    return FIRST + timedelta(days=days)


@pytest.fixture
def records(database: Database) -> RuleDayRecords:
    with database.writing() as connection:
        connection.execute(
            insert(SITE),
            [{"key": key, "name": name, "created_at": NOW} for key, name in SITES.items()],
        )
    return RuleDayRecords(database)


def standing(database: Database, counts: Mapping[tuple[int, str], Counts]) -> None:
    """Has the counts of sites be these, and those of every site their sums."""
    every: Standing = {}
    for (_, rule), held in counts.items():
        before = every.get((EVERY_SITE, rule), (0,) * 5)
        every[EVERY_SITE, rule] = tuple(map(sum, zip(before, held, strict=True)))  # type: ignore[assignment]
    rows = [
        {"site_key": site, "rule": rule, **dict(zip(COLUMNS.values(), held, strict=True))}
        for (site, rule), held in {**counts, **every}.items()
    ]
    with database.writing() as connection:
        connection.execute(text("DELETE FROM rule_count"))
        if rows:
            connection.execute(insert(COUNT), rows)


def end_of(records: RuleDayRecords, day: date, *, kept_from: date = LONG_AGO) -> int:
    changed = sum(records.record(day, sites, kept_from=kept_from) for sites in records.waiting(day))
    records.recorded(day)
    return changed


def seen(
    records: RuleDayRecords, rule: str, sites: Sites, since: date, today: date
) -> Sequence[tuple[date, RuleTally]]:
    return [(held.day, held.tally) for held in records.days(rule, sites, since=since, today=today)]


def rows(database: Database) -> int:
    with database.reading() as connection:
        return len(connection.execute(select(DAY.c.day)).all())


def test_each_day_comes_to_what_the_counts_were_when_it_ended(
    database: Database, records: RuleDayRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_days, "SITES_AT_ONCE", 2)
    random = Random(5)
    now: Standing = {}
    ended: dict[date, Standing] = {}
    for day in range(12):
        for _ in range(random.randrange(4)):
            place = (random.choice(list(SITES)), random.choice(RULES))
            now[place] = tuple(random.randrange(5) for _ in range(5))  # type: ignore[assignment]
        standing(database, now)
        if day % 5 == 4:
            continue  # the server was down at this midnight, and nothing has changed until the next
        end_of(records, after(day))
        ended[after(day)] = dict(now)
    today = after(12)

    def expected(rule: str, keys: Sequence[int], held: Standing) -> RuleTally:
        counts = [held.get((key, rule), (0,) * 5) for key in keys]
        return RuleTally(rule, *map(sum, zip(*counts, strict=True)))

    for rule in RULES:
        for keys in ([1, 2, 3], [1, 3], [2]):
            names = frozenset(SITES[key] for key in keys)
            for since in (after(-3), after(0), after(4), after(11)):
                found = dict(seen(records, rule, names, since, today))
                assert found.pop(today) == expected(rule, keys, now)
                for shown, tally in found.items():
                    of_day = max(one for one in ended if one <= shown)
                    assert tally == expected(rule, keys, ended[of_day])
                first = min((d for d, h in ended.items() if any((k, rule) in h for k in keys)))
                assert list(found) == [
                    since + timedelta(days=back)
                    for back in range((today - since).days)
                    if since + timedelta(days=back) >= first
                ]
        assert seen(records, rule, None, after(0), today) == seen(
            records, rule, frozenset(SITES.values()), after(0), today
        )
    assert seen(records, RULES[0], frozenset(), after(0), today) == [(today, RuleTally(RULES[0]))]


def test_a_day_without_a_change_takes_no_row(database: Database, records: RuleDayRecords) -> None:
    standing(database, {(1, RULES[0]): (3, 1, 0, 0, 0)})
    assert end_of(records, after(0)) == 2  # the site and every site
    assert end_of(records, after(1)) == 0
    standing(database, {(1, RULES[0]): (2, 2, 0, 0, 0)})
    assert end_of(records, after(2)) == 2
    assert rows(database) == 4

    failing = [tally.failing for _, tally in seen(records, RULES[0], None, after(0), after(3))]
    assert failing == [1, 1, 2, 2]


def test_a_day_is_recorded_once(database: Database, records: RuleDayRecords) -> None:
    standing(database, {(1, RULES[0]): (3, 1, 0, 0, 0)})
    assert records.waiting(after(0))[0].first == EVERY_SITE
    end_of(records, after(0))

    assert records.waiting(after(0)) == ()
    assert records.waiting(after(-1)) == ()  # the clock went back over midnight
    assert records.waiting(after(1)) != ()


def test_days_of_a_clock_that_was_ahead_are_let_go(
    database: Database, records: RuleDayRecords
) -> None:
    standing(database, {(1, RULES[0]): (3, 1, 0, 0, 0)})
    end_of(records, after(0))
    standing(database, {(1, RULES[0]): (0, 4, 0, 0, 0)})
    end_of(records, after(1000))

    standing(database, {(1, RULES[0]): (3, 1, 0, 0, 0)})
    end_of(records, after(1))

    assert rows(database) == 2
    failing = [tally.failing for _, tally in seen(records, RULES[0], None, after(0), after(2000))]
    assert set(failing) == {1}


def test_what_held_when_the_kept_days_begin_stays(
    database: Database, records: RuleDayRecords
) -> None:
    for day, failing in enumerate((1, 2, 3)):
        standing(database, {(1, RULES[0]): (0, failing, 0, 0, 0)})
        end_of(records, after(day))
    standing(database, {(1, RULES[0]): (0, 4, 0, 0, 0)})
    end_of(records, after(30), kept_from=after(10))

    assert rows(database) == 4  # of the site and of all: what held on the tenth day, and the newest
    failing_then = [
        tally.failing for _, tally in seen(records, RULES[0], None, after(10), after(31))
    ]
    assert failing_then == [3] * 20 + [4, 4]


def test_other_sites_are_left_alone(database: Database, records: RuleDayRecords) -> None:
    standing(database, {(1, RULES[0]): (0, 1, 0, 0, 0), (3, RULES[0]): (0, 1, 0, 0, 0)})

    assert records.record(after(0), SitesBetween(2, 3), kept_from=LONG_AGO) == 1

    only = frozenset({SITES[1]})
    assert [day for day, _ in seen(records, RULES[0], only, after(0), after(1))] == [after(1)]
