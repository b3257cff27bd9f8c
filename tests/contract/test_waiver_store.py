"""Waivers in both stores: granted on what fails, loaded with records, ended, reopened."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from fakes.stored import NOW, SITE, a_device, a_token
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.facts import FactRow
from vigie_server.domain.records import DeviceChange, DeviceRecord, HeldVerdict, WrittenVerdict
from vigie_server.domain.verdicts import Severity, Status, Verdict
from vigie_server.domain.waivers import NewWaiver, RowKeys
from vigie_server.ports.declaring import Act
from vigie_server.ports.readers import DeviceFilter
from vigie_server.ports.waiving import WaiverRecord
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.models import Audit
from vigie_server.store.records import Records
from vigie_server.store.tables import table
from vigie_server.store.waivers import Waivers

RULE = "Q08-no-stale-account"
KEYS = RowKeys(frozenset({"part", "name"}), 20)
LATER = NOW + timedelta(hours=1)
EXPIRY = NOW + timedelta(days=30)
ACT = Act("api:t1", LATER)
ASKED = NewWaiver(RULE, ("a",), "compte du médecin", "A. Martin", "B. Petit", EXPIRY)


def held(status: Status, *names: str, waived: bool = False) -> WrittenVerdict:
    rows: tuple[FactRow, ...] = tuple(
        {"part": "users", "name": name, "last_logon": 7} for name in names
    )
    verdict = Verdict(RULE, 1, status, {"en": "why"}, rows, NOW + timedelta(days=7))
    failing = NOW if status is Status.FAIL else None
    return WrittenVerdict(
        HeldVerdict(verdict, NOW, failing, verdict.next_check_at, waived=waived), NOW, {}
    )


def a_change(
    record: DeviceRecord, *verdicts: WrittenVerdict, reopened: tuple[int, ...] = ()
) -> DeviceChange:
    return DeviceChange(
        key=record.key,
        device_id=record.device.id,
        at=LATER,
        revision_before=record.revision,
        revision=record.revision + 1,
        spool_id=b"",
        last_seq=0,
        device=record.device,
        judged_with="rules",
        verdicts=verdicts,
        reopened=reopened,
    )


@pytest.fixture
def devices(database: Database) -> dict[str, int]:
    """Two devices of one site that fail the rule, one that passes, and one of another site."""
    a_token(database)
    a_token(database, secret_hash=b"o" * 32, site="Les Lilas")
    keys = {name: a_device(database, name) for name in "abc"}
    keys["d"] = a_device(database, "d", secret_hash=b"o" * 32)
    store = Records(database)
    for name, key in keys.items():
        verdict = held(Status.PASS) if name == "c" else held(Status.FAIL, "ancien")
        store.commit([a_change(store.record(key), verdict)], [])
    return keys


def grant(database: Database, asked: NewWaiver = ASKED, *, site: str = SITE) -> WaiverRecord:
    record, new = Waivers(database).grant(site, asked, KEYS, ACT)
    assert new
    return record


def acts(database: Database) -> Sequence[tuple[str, str]]:
    audit = table(Audit)
    with database.reading() as connection:
        rows = connection.execute(select(audit).where(audit.c.actor == ACT.actor))
        return [(row.action, row.subject) for row in rows]


def test_a_waiver_is_loaded_with_the_records_of_its_devices_alone(
    database: Database, devices: dict[str, int]
) -> None:
    grant(database, replace(ASKED, devices=("a", "b")))
    store = Records(database)

    (waiver,) = store.record(devices["a"]).waivers[RULE]
    many = {record.key: record.waivers for record in store.many(list(devices.values()))}

    assert (waiver.rows, waiver.expires_at) == (({"part": "users", "name": "ancien"},), EXPIRY)
    assert many[devices["a"]] == store.record(devices["a"]).waivers
    assert many[devices["b"]].keys() == {RULE}
    assert many[devices["c"]] == many[devices["d"]] == {}


def test_granting_makes_the_verdict_due_and_raises_the_revision(
    database: Database, devices: dict[str, int]
) -> None:
    store = Records(database)
    before = store.record(devices["a"])

    grant(database)

    assert store.due(now=LATER, limit=10) == {devices["a"]: [RULE]}
    assert store.record(devices["a"]).revision == before.revision + 1
    assert store.commit([a_change(before, held(Status.PASS))], []) == {devices["a"]}


def test_who_waived_what_is_in_the_audit_for_each_device(
    database: Database, devices: dict[str, int]
) -> None:
    waiver = grant(database, replace(ASKED, devices=("a", "b")))
    Waivers(database).end(SITE, waiver.id, ACT)

    assert devices.keys() >= {"a", "b"}
    assert acts(database) == [
        (f"waived: {RULE}", "a"),
        (f"waived: {RULE}", "b"),
        (f"waiver ended: {RULE}", "a"),
        (f"waiver ended: {RULE}", "b"),
    ]


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        (replace(ASKED, devices=("a", "c")), DeclarationRefused, "c does not fail"),
        (replace(ASKED, devices=("a", "d")), NotFound, "no device d"),
        (replace(ASKED, devices=("nobody",)), NotFound, "no device nobody"),
        (replace(ASKED, rule="Q08-other"), DeclarationRefused, "does not fail"),
    ],
)
def test_what_cannot_be_waived_is_told_and_leaves_no_trace(
    database: Database,
    devices: dict[str, int],
    asked: NewWaiver,
    error: type[Exception],
    told: str,
) -> None:
    with pytest.raises(error, match=told):
        Waivers(database).grant(SITE, asked, KEYS, ACT)

    assert Waivers(database).waivers(SITE) == []
    assert Records(database).due(now=LATER, limit=10) == {}
    assert devices.keys() >= {"a"}
    assert acts(database) == []


def test_an_unknown_site_is_told(database: Database, devices: dict[str, int]) -> None:
    assert devices
    with pytest.raises(NotFound, match="no site Ailleurs"):
        Waivers(database).grant("Ailleurs", ASKED, KEYS, ACT)
    with pytest.raises(NotFound, match="no site Ailleurs"):
        Waivers(database).waivers("Ailleurs")


def test_the_same_waiver_asked_for_again_is_given_back(
    database: Database, devices: dict[str, int]
) -> None:
    first = grant(database, replace(ASKED, devices=("a", "b")))

    again, new = Waivers(database).grant(SITE, replace(ASKED, devices=("b", "a")), KEYS, ACT)

    assert devices
    assert (again, new) == (first, False)
    assert grant(database, replace(ASKED, reason="autre raison")).id != first.id


def test_a_device_that_is_retired_is_no_longer_waivable(
    database: Database, devices: dict[str, int]
) -> None:
    Administration(database).retire("a", now=NOW, actor="test")

    assert devices
    with pytest.raises(NotFound, match="no device a"):
        Waivers(database).grant(SITE, ASKED, KEYS, ACT)


def test_a_waiver_covers_no_device_that_is_retired(
    database: Database, devices: dict[str, int]
) -> None:
    of_both = grant(database, replace(ASKED, devices=("a", "b")))
    of_one = grant(database)
    Administration(database).retire("a", now=LATER, actor="test")

    shown = {one.id: one for one in Waivers(database).waivers(SITE)}

    assert devices
    assert [one.retired for one in shown[of_both.id].devices] == [True, False]
    assert [shown[one.id].in_force(LATER) for one in (of_both, of_one)] == [True, False]
    Administration(database).retire("b", now=LATER, actor="test")
    assert not Waivers(database).waiver(SITE, of_both.id).in_force(LATER)


def test_an_ended_waiver_is_loaded_no_more_and_ending_twice_changes_nothing(
    database: Database, devices: dict[str, int]
) -> None:
    waiver = grant(database)
    store = Records(database)
    store.commit(
        [a_change(store.record(devices["a"]), held(Status.FAIL, "ancien", waived=True))], []
    )

    ended = Waivers(database).end(SITE, waiver.id, ACT)
    again = Waivers(database).end(SITE, waiver.id, replace(ACT, at=EXPIRY))

    assert ended.ended_at == again.ended_at == LATER
    assert store.record(devices["a"]).waivers == {}
    assert store.due(now=LATER, limit=10) == {devices["a"]: [RULE]}


def test_a_waiver_of_a_revoked_device_ends_all_the_same(
    database: Database, devices: dict[str, int]
) -> None:
    store = Records(database)
    waiver = grant(database, replace(ASKED, devices=("a", "b")))
    for name in "ab":
        record = store.record(devices[name])
        store.commit([a_change(record, held(Status.FAIL, "ancien", waived=True))], [])
    Administration(database).revoke("a", now=LATER, actor="test")
    Administration(database).retire("b", now=LATER, actor="test")
    assert store.due(now=LATER, limit=10) == {}

    Waivers(database).end(SITE, waiver.id, ACT)

    assert store.due(now=LATER, limit=10) == {devices["a"]: [RULE]}
    assert store.due_since(now=LATER) == LATER


@pytest.mark.parametrize("waiver_id", ["", "w", "12", "w999", "wé", "w1'", "w" + "9" * 40])
def test_a_waiver_that_does_not_exist_is_told(
    database: Database, devices: dict[str, int], waiver_id: str
) -> None:
    assert devices
    with pytest.raises(NotFound, match="no waiver"):
        Waivers(database).end(SITE, waiver_id, ACT)


def test_a_waiver_of_another_site_is_not_there(database: Database, devices: dict[str, int]) -> None:
    waiver = grant(database)

    assert devices
    with pytest.raises(NotFound, match="no waiver"):
        Waivers(database).end("Les Lilas", waiver.id, ACT)
    assert Waivers(database).waivers("Les Lilas") == []


def test_reopening_is_committed_with_the_verdict_and_stays(
    database: Database, devices: dict[str, int]
) -> None:
    grant(database, replace(ASKED, devices=("a", "b")))
    store = Records(database)
    record = store.record(devices["a"])
    (waiver,) = record.waivers[RULE]

    fresh = held(Status.FAIL, "ancien", "nouveau")
    store.commit([a_change(record, fresh, reopened=(waiver.key,))], [])

    (shown,) = Waivers(database).waivers(SITE)
    assert {device.device: device.reopened_at for device in shown.devices} == {
        "a": LATER,
        "b": None,
    }
    assert shown.in_force(LATER)
    assert store.record(devices["a"]).waivers == {}
    assert store.record(devices["b"]).waivers.keys() == {RULE}


def test_a_change_that_comes_too_late_reopens_nothing(
    database: Database, devices: dict[str, int]
) -> None:
    store = Records(database)
    stale = store.record(devices["a"])
    grant(database)
    (waiver,) = store.record(devices["a"]).waivers[RULE]

    late = store.commit([a_change(stale, reopened=(waiver.key,))], [])

    assert late == {devices["a"]}
    assert store.record(devices["a"]).waivers.keys() == {RULE}


def test_readers_see_a_waived_fail_as_such_and_no_beginning_to_alert_on(
    database: Database, devices: dict[str, int]
) -> None:
    store, fleet = Records(database), Fleet(database, {RULE: Severity.CRITICAL})
    store.commit(
        [
            a_change(store.record(devices["a"]), held(Status.FAIL, "ancien", waived=True)),
            a_change(store.record(devices["b"]), held(Status.UNKNOWN, waived=True)),
        ],
        [],
    )

    page = fleet.devices(DeviceFilter(sites=frozenset({SITE})), after=None, limit=10)
    shown = {view.device.id: view.verdicts[RULE] for view in page.devices}
    (record,) = fleet.verdicts("a")

    assert (shown["a"].status, shown["a"].waived, shown["a"].failing_since) == (
        Status.FAIL,
        True,
        None,
    )
    assert (shown["b"].status, shown["b"].waived) == (Status.UNKNOWN, False)
    assert (record.waived, record.failing_since) == (True, NOW)


def test_what_is_held_is_read_back_with_its_trial_and_its_overlay(
    database: Database, devices: dict[str, int]
) -> None:
    store = Records(database)
    verdict = Verdict(RULE, 1, Status.PASS, {"en": "why"}, (), None)
    on_trial = HeldVerdict(verdict, NOW, NOW, None, LATER, waived=True)
    record = store.record(devices["a"])

    store.commit([a_change(record, WrittenVerdict(on_trial, NOW, {}))], [])

    (again,) = store.many([devices["a"]])
    assert store.record(devices["a"]).verdicts[RULE] == again.verdicts[RULE] == on_trial
