"""What reports read of a store, SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from fakes.judged import a_judged_device
from fakes.stored import NOW, SITE, STORES, a_token, opened_store
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import NotFound
from vigie_server.domain.facility_report.content import Kind
from vigie_server.domain.facility_report.sources import LevelMoved, SitesMoved
from vigie_server.domain.maturity import Assessment
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status
from vigie_server.ports.assessing import WordedAssessment
from vigie_server.ports.declaring import Act
from vigie_server.store.assessments import Assessments
from vigie_server.store.database import Database
from vigie_server.store.models import VerdictRow
from vigie_server.store.organisation import Organisation
from vigie_server.store.report_reading import ReportRecords
from vigie_server.store.tables import table

RULE, OTHER = "Q06-firewall-enabled", "Q05-screen-lock"
DAY = timedelta(days=1)
VERDICT = table(VerdictRow)


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        a_token(opened)
        yield opened


def hold(database: Database, level: int | None, days_ago: int, site: str = SITE) -> None:
    """The site comes to a level of question 6."""
    store = Assessments(database, own=(), shared={})
    worded = WordedAssessment(Assessment(6, level), {"fr": "Oui", "en": "Yes"}, ())
    store.save(store.key_of(site), (), (worded,), now=NOW - days_ago * DAY)


def test_devices_that_count_come_with_what_fails_openly(database: Database) -> None:
    a_judged_device(database, "a", {RULE: Status.FAIL, OTHER: Status.PASS})
    waived = a_judged_device(database, "b", {RULE: Status.FAIL, OTHER: Status.UNKNOWN})
    a_judged_device(database, "c", {RULE: Status.FAIL}, state=DeviceState.PENDING.value)
    a_judged_device(database, "d", {}, declared_nomadic=True, state=DeviceState.LOST.value)
    with database.writing() as connection:
        connection.execute(
            update(VERDICT)
            .where(VERDICT.c.device_key == waived)
            .where(VERDICT.c.rule == RULE)
            .values(waived=True)
        )

    seen = ReportRecords(database).devices(SITE)

    assert [(one.id, one.state, one.nomadic, sorted(one.failing)) for one in seen.devices] == [
        ("a", DeviceState.ACTIVE, False, [RULE]),
        ("b", DeviceState.ACTIVE, False, []),
        ("d", DeviceState.LOST, True, []),
    ]
    assert seen.verdicts == {
        RULE: {Status.FAIL: 1},
        OTHER: {Status.PASS: 1, Status.UNKNOWN: 1},
    }
    assert seen.waived == {RULE: 1}
    assert seen.states == {DeviceState.ACTIVE: 2, DeviceState.PENDING: 1, DeviceState.LOST: 1}


def test_levels_are_known_as_they_changed_since_a_day(database: Database) -> None:
    hold(database, None, 90)
    hold(database, 0, 60)
    hold(database, 2, 20)

    history = ReportRecords(database).history(SITE, since=NOW - 30 * DAY)

    assert history.changes == [LevelMoved(6, 0, NOW - 20 * DAY)]
    assert history.kept_since == NOW - 60 * DAY


def test_a_site_that_was_never_looked_at_has_no_history(database: Database) -> None:
    assert ReportRecords(database).history(SITE, since=NOW).kept_since is None
    with pytest.raises(NotFound):
        ReportRecords(database).history("Ailleurs", since=NOW)


def test_sites_that_rose_and_fell_are_counted_within_a_body_a_region_and_a_scope(
    database: Database,
) -> None:
    for name in ("Les Lilas", "Les Roses", "Ailleurs"):
        a_token(database, secret_hash=name[::-1].encode().ljust(32), site=name)
    for name in (SITE, "Les Lilas", "Les Roses"):
        Organisation(database).put(Site(name, body="Fleurs", region="84"), Act("test", NOW))
    for name, levels in (
        (SITE, (1, 0, 2)),  # down, then up: above where it was
        ("Les Lilas", (3, 3, 1)),
        ("Les Roses", (None, None, 2)),  # not assessed before
        ("Ailleurs", (0, 0, 4)),
    ):
        for level, days_ago in zip(levels, (60, 20, 10), strict=True):
            hold(database, level, days_ago, name)
    records = ReportRecords(database)

    body = records.moved(Kind.BODY, "Fleurs", None, since=NOW - 30 * DAY)
    region = records.moved(Kind.REGION, "84", None, since=NOW - 30 * DAY)
    scoped = records.moved(Kind.REGION, "84", frozenset({SITE}), since=NOW - 30 * DAY)

    assert body == region == SitesMoved({6: 1}, {6: 1})
    assert scoped == SitesMoved({6: 1}, {})
