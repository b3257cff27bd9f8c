"""Notices in both stores: what stands is told once, whoever dies when; messages wait for nobody."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from fakes.stored import NOW, SITE, a_device, a_token
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import NotFound, StoreBusy
from vigie_server.domain.notices.content import content_of
from vigie_server.domain.notices.occurrences import Occurrence, What
from vigie_server.domain.notices.recipients import recipient_of
from vigie_server.domain.sites import Site
from vigie_server.ports.declaring import Act
from vigie_server.ports.notifying import DeliveryState, NoticeKind, Sending
from vigie_server.store import declared_models
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database
from vigie_server.store.models import Audit, Conflict, DeviceRow, VerdictRow
from vigie_server.store.models import Site as SiteRow
from vigie_server.store.notices import Notices
from vigie_server.store.occurring import Occurring
from vigie_server.store.organisation import Organisation
from vigie_server.store.recipients import Recipients
from vigie_server.store.tables import table

ACT = Act("cli:test", NOW)
RULE, MINOR = "Q06-firewall-enabled", "Q06-other"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOW + 4 * DAY
"""When devices of `NOW` have had their grace."""
HOLD = timedelta(minutes=10)
DEVICE, VERDICT = table(DeviceRow), table(VerdictRow)
WHY = {"fr": "pare-feu arrêté", "en": "firewall off"}


@pytest.fixture
def outbox(database: Database) -> Notices:
    a_token(database)
    return Notices(database, database, Occurring({RULE}, 3 * DAY, 365 * DAY))


def write(database: Database, model: type, **values: object) -> None:
    with database.writing() as connection:
        connection.execute(table(model).insert().values(**values))


def change(database: Database, key: int, **values: object) -> None:
    with database.writing() as connection:
        connection.execute(update(DEVICE).where(DEVICE.c.key == key).values(**values))


def a_waiver(database: Database, device: int, **values: object) -> None:
    of = table(declared_models.Waiver)
    with database.writing() as connection:
        insert = of.insert().values(**values).returning(of.c.key)
        key = connection.execute(insert).scalar_one()
    write(database, declared_models.WaivedDevice, waiver_key=key, device_key=device, rows="[]")


def a_fail(
    database: Database, key: int, rule: str = RULE, *, since: datetime = NOW, **values: object
) -> None:
    held = {
        "device_key": key,
        "rule": rule,
        "rule_version": 1,
        "status": "fail",
        "reason": json.dumps(WHY),
        "offending": "[]",
        "measures": "{}",
        "topic_versions": "{}",
        "since": since,
        "failing_since": since,
        "waived": False,
    }
    write(database, VerdictRow, **held | values)


def somebody(
    database: Database, address: str = "dsi@tilleuls.fr", *, site: str = SITE, body: str = ""
) -> str:
    given = recipient_of(
        site="" if body else site,
        body=body,
        channel="email",
        address=address,
        secret="",
        language="fr",
        critical=True,
        digest=False,
    )
    return Recipients(database).add(given, ACT).id


def untold(outbox: Notices, at: datetime = LATER) -> list[Occurrence]:
    return [one for found in outbox.untold(now=at).values() for one in found]


def site_of(database: Database, name: str = SITE) -> int:
    site = table(SiteRow)
    with database.reading() as connection:
        key: int = connection.execute(select(site.c.key).where(site.c.name == name)).scalar_one()
    return key


def tell(
    database: Database, outbox: Notices, found: Sequence[Occurrence], at: datetime = LATER
) -> None:
    outbox.tell(site_of(database), found, content_of(found, {}), now=at)


def taken(outbox: Notices, at: datetime = LATER) -> Sequence[Sending]:
    return outbox.take(now=at, limit=100, hold=HOLD)


def test_a_critical_fail_is_told_once_and_again_when_it_begins_again(
    database: Database, outbox: Notices
) -> None:
    somebody(database)
    key = a_device(database, "a")
    a_fail(database, key)

    found = untold(outbox)
    tell(database, outbox, found)
    after = untold(outbox)
    with database.writing() as connection:
        connection.execute(update(VERDICT).values(failing_since=NOW + HOUR))
    again = untold(outbox)

    assert [(one.what, one.name, one.since) for one in found] == [(What.CRITICAL, "poste", NOW)]
    assert found[0].reason == {}
    assert after == []
    assert [one.since for one in again] == [NOW + HOUR]


@pytest.mark.parametrize(
    "spared", ["waived", "minor", "passing on trial", "unknown", "grace", "pending", "retired"]
)
def test_what_is_spared_is_not_told(database: Database, outbox: Notices, spared: str) -> None:
    somebody(database)
    key = a_device(database, "a")
    spares: dict[str, dict[str, Any]] = {
        "waived": {"waived": True},
        "passing on trial": {"status": "pass", "passing_since": NOW},
        "unknown": {"status": "unknown"},
    }
    a_fail(database, key, MINOR if spared == "minor" else RULE, **spares.get(spared, {}))
    if spared in {"pending", "retired"}:
        change(database, key, state=spared)

    at = NOW + 3 * DAY - HOUR if spared == "grace" else LATER

    assert untold(outbox, at) == []


def test_nobody_is_told_where_nobody_is_declared_and_the_first_is_told_what_stands(
    database: Database, outbox: Notices
) -> None:
    a_fail(database, a_device(database, "a"))

    before = untold(outbox)
    tell(database, outbox, [Occurrence(What.CRITICAL, f"a {RULE}", NOW, RULE, "poste", WHY)])
    somebody(database)

    assert before == []
    assert len(untold(outbox)) == 1
    assert taken(outbox) == ()


def test_what_was_noticed_keeps_its_moment(database: Database, outbox: Notices) -> None:
    somebody(database)
    a_fail(database, a_device(database, "a"))

    outbox.note(site_of(database), untold(outbox), now=LATER)

    assert [one.noticed_at for one in untold(outbox, LATER + HOUR)] == [LATER]


def test_everything_else_that_is_told_at_once(database: Database, outbox: Notices) -> None:
    somebody(database)
    site, soon = site_of(database), LATER - HOUR
    stolen, clone = a_device(database, "a", serial="1"), a_device(database, "b", serial="2")
    gone = a_device(database, "c", serial="3")
    Administration(database).retire("c", now=NOW, actor="test")
    change(database, stolen, last_report_at=soon, last_seen_at=soon)
    Administration(database).declare_state("a", DeviceState.STOLEN, now=soon - HOUR, actor="test")
    change(database, clone, state="quarantined")
    write(database, Audit, at=soon, actor="server", action="quarantined: two", subject="b")
    write(database, Conflict, device_key=clone, claimed_key=stolen, at=soon, reason="claims")
    lapsed = {"author": "M", "at": NOW, "expires_at": soon}
    attested = {"site_key": site, "outcome": "held", "reason": "", "document": "", **lapsed}
    write(database, declared_models.Attestation, item="Q02-restore-test", **attested)
    renewed = {**attested, "expires_at": LATER + DAY}
    write(database, declared_models.Attestation, item="Q02-x", **attested)
    write(database, declared_models.Attestation, item="Q02-x", **renewed)
    waiver = {"site_key": site, "rule": RULE, "reason": "r", "approver": "D", **lapsed}
    a_waiver(database, stolen, **waiver)
    a_waiver(database, stolen, **waiver | {"ended_at": soon - HOUR})
    a_waiver(database, stolen, **waiver | {"expires_at": LATER - 31 * DAY})
    a_waiver(database, gone, **waiver)
    write(
        database,
        declared_models.MaturityChange,
        site_key=site,
        question=3,
        before=2,
        after=1,
        reason=json.dumps(WHY),
        at=soon,
    )
    for before, after in ((2, 1), (1, 2)):  # regained meanwhile
        write(
            database,
            declared_models.MaturityChange,
            site_key=site,
            question=4,
            before=before,
            after=after,
            reason="{}",
            at=soon,
        )

    found = {(one.what, one.subject, one.of) for one in untold(outbox)}

    assert found == {
        (What.MISSING, "a", "stolen"),
        (What.CLONED, "b", "clone"),
        (What.CLONED, "claim 1", "claim"),
        (What.ATTESTATION, "Q02-restore-test", "Q02-restore-test"),
        (What.WAIVER, "w1", RULE),
        (What.LEVEL, "question 3", "question 3"),
    }
    tell(database, outbox, untold(outbox))
    assert untold(outbox) == []


def test_a_message_goes_to_everybody_of_the_site_the_body_and_all(
    database: Database, outbox: Notices
) -> None:
    Organisation(database).put(Site(name=SITE, body="Association"), ACT)
    Organisation(database).put(Site(name="Les Lilas", body="Autre"), ACT)
    ids = [
        somebody(database, "a@x.fr"),
        somebody(database, "b@x.fr", body="Association"),
        somebody(database, "c@x.fr", site=""),
    ]
    somebody(database, "d@x.fr", site="Les Lilas")
    somebody(database, "e@x.fr", body="Autre")
    a_fail(database, a_device(database, "a"))

    tell(database, outbox, untold(outbox))
    sendings = taken(outbox)

    assert [one.recipient.address for one in sendings] == ["a@x.fr", "b@x.fr", "c@x.fr"]
    assert len({one.id for one in sendings}) == len(ids)
    assert {one.site for one in sendings} == {SITE}


def test_a_message_is_with_one_sender_at_a_time_and_keeps_its_id(
    database: Database, outbox: Notices
) -> None:
    somebody(database)
    a_fail(database, a_device(database, "a"))
    tell(database, outbox, untold(outbox))

    (first,) = taken(outbox)
    meanwhile = taken(outbox, LATER + HOLD - timedelta(seconds=1))
    (second,) = taken(outbox, LATER + HOLD)
    outbox.settle(first, DeliveryState.GIVEN_UP, "late", now=LATER, next_try_at=None)
    outbox.settle(second, DeliveryState.SENT, "", now=LATER, next_try_at=None)

    assert meanwhile == ()
    assert (first.id, first.attempt, second.attempt) == (second.id, 1, 2)
    assert taken(outbox, LATER + DAY) == ()
    (record,) = Recipients(database).deliveries(None, before=None, limit=10)
    assert (record.state, record.error, record.attempts) == (DeliveryState.SENT, "", 2)


def test_message_and_mark_are_written_together_or_not_at_all(
    database: Database, outbox: Notices, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody(database)
    a_fail(database, a_device(database, "a"))
    found = untold(outbox)

    def fails(*_: object, **__: object) -> None:
        raise StoreBusy("the machine went down")

    with monkeypatch.context() as down:
        down.setattr(Notices, "_mark", fails)
        with pytest.raises(StoreBusy):
            tell(database, outbox, found)

    assert taken(outbox) == ()
    assert untold(outbox) == found


def test_who_is_removed_is_sent_nothing_that_waits(database: Database, outbox: Notices) -> None:
    recipient = somebody(database)
    a_fail(database, a_device(database, "a"))
    tell(database, outbox, untold(outbox))

    Recipients(database).remove(recipient, None, ACT)

    assert taken(outbox) == ()
    (record,) = Recipients(database).deliveries(None, before=None, limit=10)
    assert record.state is DeliveryState.DROPPED
    assert Recipients(database).recipients(None) == []


def test_a_scope_sees_and_removes_the_recipients_of_its_sites_alone(database: Database) -> None:
    a_token(database)
    a_token(database, secret_hash=b"o" * 32, site="Les Lilas")
    ours, theirs, all_of = (
        somebody(database),
        somebody(database, site="Les Lilas"),
        somebody(database, site=""),
    )
    within, store = frozenset({SITE}), Recipients(database)

    assert [held.id for held in store.recipients(within)] == [ours]
    for other in (theirs, all_of, "n99", "x", "n²"):
        with pytest.raises(NotFound):
            store.remove(other, within, ACT)
    assert somebody(database) == ours


def test_old_messages_go_those_that_wait_stay(database: Database, outbox: Notices) -> None:
    somebody(database)
    a_fail(database, a_device(database, "a"))
    tell(database, outbox, untold(outbox))

    waiting = outbox.forget(LATER + DAY, bite=10)
    (sending,) = taken(outbox)
    outbox.settle(sending, DeliveryState.SENT, "", now=LATER, next_try_at=None)

    assert waiting == 0
    assert outbox.forget(LATER, bite=10) == 0
    assert outbox.forget(LATER + DAY, bite=10) == 1
    assert untold(outbox) == []


def test_a_site_goes_with_its_marks_messages_and_recipients(
    database: Database, outbox: Notices
) -> None:
    Organisation(database).put(Site(name="Les Lilas"), ACT)
    somebody(database, site="Les Lilas")
    lilas = site_of(database, "Les Lilas")
    level = Occurrence(What.LEVEL, "question 1", NOW, "question 1", "N2 → N1", WHY)
    outbox.tell(lilas, [level], content_of([level], {}), now=NOW)

    Organisation(database).remove("Les Lilas", ACT)

    assert Recipients(database).recipients(None) == []
    assert taken(outbox) == ()


def test_a_body_that_somebody_is_told_of_stays(database: Database) -> None:
    sites = Organisation(database)
    sites.put(Site(name=SITE, body="Association"), ACT)
    recipient = somebody(database, body="Association")

    sites.put(Site(name=SITE), ACT)
    sites.put(Site(name="Autre", body="Nouvelle"), ACT)

    (held,) = Recipients(database).recipients(None)
    assert (held.id, held.recipient.of) == (recipient, "Association")


def test_a_digest_is_made_once_for_each_time_it_is_due(database: Database, outbox: Notices) -> None:
    given = recipient_of(
        site=SITE,
        body="",
        channel="email",
        address="a@x.fr",
        secret="",
        language="fr",
        critical=False,
        digest=True,
    )
    Recipients(database).add(given, ACT)

    first = outbox.digests_due(NOW, now=NOW)
    again = outbox.digests_due(NOW, now=NOW)
    (due,) = outbox.digests_due(NOW + 7 * DAY, now=NOW + 7 * DAY)
    outbox.put_digest(due, {}, due=NOW + 7 * DAY, now=NOW + 7 * DAY)

    assert (first, again) == ([], [])
    assert (due.site, due.since) == (SITE, NOW)
    assert outbox.digests_due(NOW + 7 * DAY, now=NOW + 8 * DAY) == []
    assert [one.kind for one in taken(outbox, NOW + 8 * DAY)] == [NoticeKind.DIGEST]
