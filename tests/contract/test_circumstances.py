"""What stands of few devices, in both stores: when they went missing, claims, how long unknown."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from fakes.stored import NOW, SITE, a_device, a_token
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.enrolling import Claims
from vigie_server.domain.records import DeviceChange, HeldVerdict, WrittenVerdict
from vigie_server.domain.verdicts import Severity, Status, Verdict
from vigie_server.domain.views import DeviceView
from vigie_server.ports.declaring import Act
from vigie_server.ports.enrolment import EnrolmentTransaction
from vigie_server.ports.tokens import NewToken, Role
from vigie_server.store.administration import Administration
from vigie_server.store.cards import Cards
from vigie_server.store.database import Database
from vigie_server.store.enrolment import Enrolments
from vigie_server.store.fleet import Fleet
from vigie_server.store.groups import Groups
from vigie_server.store.records import Records
from vigie_server.store.room import MeasureStore
from vigie_server.store.tokens import Tokens

RULES = {"Q06-firewall-enabled": Severity.CRITICAL, "Q05-rotation": Severity.MINOR}
LATER = NOW + timedelta(hours=5)
AUDITED = NOW - timedelta(days=365)


def view_of(database: Database, key: int) -> DeviceView:
    ((_, view),) = Fleet(database, RULES, lambda: AUDITED).views_of([key])
    return view


def declared(database: Database, device_id: str, state: DeviceState, at: datetime) -> None:
    Administration(database).declare_state(device_id, state, now=at, actor="test")


def test_a_device_is_missing_since_it_was_last_declared_so(database: Database) -> None:
    a_token(database)
    key = a_device(database, "a")
    assert view_of(database, key).missing_since is None

    declared(database, "a", DeviceState.LOST, NOW)
    declared(database, "a", DeviceState.ACTIVE, NOW + timedelta(hours=1))
    declared(database, "a", DeviceState.LOST, LATER)

    assert view_of(database, key).missing_since == LATER
    declared(database, "a", DeviceState.STOLEN, LATER + timedelta(hours=1))
    assert view_of(database, key).missing_since == LATER + timedelta(hours=1)


@pytest.mark.parametrize("end", ["found", "revoked", "retired"])
def test_a_missing_device_is_settled_by_a_person(database: Database, end: str) -> None:
    a_token(database)
    key = a_device(database, "a")
    declared(database, "a", DeviceState.STOLEN, NOW)
    acts = Administration(database)

    match end:
        case "found":
            declared(database, "a", DeviceState.ACTIVE, LATER)
        case "revoked":
            acts.revoke("a", now=LATER, actor="test")
        case _:
            acts.retire("a", now=LATER, actor="test")

    assert view_of(database, key).missing_since is None


def test_what_the_audit_has_forgotten_is_at_least_as_old(database: Database) -> None:
    a_token(database)
    key = a_device(database, "a")
    declared(database, "a", DeviceState.LOST, NOW)
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM audit")

    assert view_of(database, key).missing_since == AUDITED


def test_claims_count_until_somebody_approves(database: Database) -> None:
    a_token(database)
    known = a_device(database, "a")

    def claims(store: EnrolmentTransaction) -> int:
        token = store.token(b"h" * 32)
        assert token is not None
        key = store.add_device(
            device_id="b",
            token=token,
            state=DeviceState.PENDING,
            claims=Claims("PF-1", "", "", "", "copie", "linux"),
            agent_version="0.1.0",
            at=NOW,
        )
        for device in store.known_devices(serial="PF-1", uuid=""):
            if device.id == "a":
                store.add_conflict(key=key, claimed=device, at=NOW)
        return key

    pending = Enrolments(database).transact(claims)

    assert view_of(database, pending).conflicts == 1
    assert view_of(database, known).conflicts == 0
    Administration(database).approve("b", now=LATER, actor="test")
    assert view_of(database, pending).conflicts == 0


def verdict(rule: str, status: Status, since: datetime) -> WrittenVerdict:
    said = Verdict(
        rule=rule, rule_version=1, status=status, reason={"fr": "r", "en": "r"}, offending=()
    )
    return WrittenVerdict(HeldVerdict(said, since, None, None), NOW, {})


@pytest.mark.parametrize(
    ("rule", "status", "told"),
    [
        ("Q06-firewall-enabled", Status.UNKNOWN, NOW),
        ("Q05-rotation", Status.UNKNOWN, None),
        ("Q06-firewall-enabled", Status.FAIL, None),
    ],
)
def test_only_an_unknown_that_decides_is_timed(
    database: Database, rule: str, status: Status, told: datetime | None
) -> None:
    a_token(database)
    key = a_device(database, "a")
    store = Records(database)
    record = store.record(key)
    before = record.revision
    record.revision += 1
    store.commit(
        [
            DeviceChange(
                key=key,
                device_id="a",
                at=NOW,
                revision_before=before,
                revision=record.revision,
                spool_id=b"s" * 16,
                last_seq=1,
                device=record.device,
                judged_with="rules",
                evidence=(),
                verdicts=(verdict(rule, status, NOW),),
                transitions=(),
            )
        ],
        [],
    )

    assert view_of(database, key).verdicts[rule].unknown_since == told


def test_contractors_in_force_are_told_by_site(database: Database) -> None:
    def made(name: str, role: Role, sites: frozenset[str] | None, days: int) -> None:
        token = NewToken(name, name.encode().ljust(32), NOW, NOW + timedelta(days=days), "test")
        Tokens(database).add_api_token(token, name=name, role=role, sites=sites)

    made("both", Role.CONTRACTOR, frozenset({SITE, "Les Lilas"}), 30)
    made("one", Role.CONTRACTOR, frozenset({SITE}), 20)
    made("over", Role.CONTRACTOR, frozenset({SITE}), 1)
    made("gone", Role.CONTRACTOR, frozenset({SITE}), 30)
    made("scrape", Role.SCRAPE, frozenset({SITE}), 30)
    Tokens(database).revoke("gone", now=NOW, actor="test")

    found = Tokens(database).contractor_expiries(now=NOW + timedelta(days=2))

    assert {site: sorted(tokens) for site, tokens in found.items()} == {
        SITE: [("both", NOW + timedelta(days=30)), ("one", NOW + timedelta(days=20))],
        "Les Lilas": [("both", NOW + timedelta(days=30))],
    }


def test_the_room_of_a_store_grows_with_what_is_in_it(database: Database) -> None:
    measure = MeasureStore(database, capacity=10**12)
    before = measure()
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE filler (content TEXT)")
        row = text("INSERT INTO filler VALUES (:content)")
        connection.execute(row, [{"content": "x" * 200}] * 5_000)

    after = measure()

    assert after.size - before.size > 100_000
    assert after.capacity is not None
    assert after.capacity > after.size
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE filler")


def test_groups_pick_devices_of_their_site_by_what_they_are(database: Database) -> None:
    a_token(database)
    key, other = a_device(database, "a"), a_device(database, "b")
    groups, act = Groups(database), Act("test", NOW)
    assert view_of(database, key).groups == ()

    groups.put(None, "linux", '{"platform": ["linux"]}', act)
    groups.put(SITE, "accueil", '{"devices": ["a"]}', act)
    groups.put(SITE, "linux", '{"devices": ["a"]}', act)
    groups.put(SITE, "serveurs", '{"roles": ["file_server"]}', act)

    assert view_of(database, key).groups == ("accueil", "linux")
    assert view_of(database, other).groups == ("linux",)
    Cards(database).change({"a": {"roles": ("file_server",)}}, act)
    assert view_of(database, key).groups == ("accueil", "linux", "serveurs")
    groups.remove(SITE, "accueil", act)
    assert view_of(database, key).groups == ("linux", "serveurs")
