"""What one process commits, another over the same store learns: once shown, nothing is left out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from fakes.stored import NOW, SITE, STORES, a_device, a_token, opened_store
from vigie_server.domain.attesting import NewAttestation, Outcome
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.records import DeviceChange, DeviceRecord, Evidence
from vigie_server.domain.sites import Site
from vigie_server.ports.accesses import AccessRow
from vigie_server.ports.declaring import Act
from vigie_server.ports.sessions import SessionStart
from vigie_server.store import changes
from vigie_server.store.accesses import Accesses
from vigie_server.store.administration import Administration
from vigie_server.store.attestations import Attestations
from vigie_server.store.changes import Told, notices_of
from vigie_server.store.database import Database
from vigie_server.store.groups import Groups
from vigie_server.store.mail import MailDomains
from vigie_server.store.organisation import Organisation
from vigie_server.store.records import Records

TOLD = STORES[1:]
"""The stores that several serving processes may share."""


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        a_token(opened)
        yield opened


@pytest.fixture(params=TOLD)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        a_token(opened)
        yield opened


@contextmanager
def another(database: Database) -> Iterator[Database]:
    """The same store, as another process opens it."""
    opened = Database(database.url)
    try:
        yield opened
    finally:
        opened.close()


def a_change(record: DeviceRecord, *evidence: Evidence) -> DeviceChange:
    return DeviceChange(
        key=record.key,
        device_id=record.device.id,
        at=NOW,
        revision_before=record.revision,
        revision=record.revision + 1,
        spool_id=b"s" * 16,
        last_seq=record.last_seq + 1,
        device=record.device,
        judged_with="rules",
        evidence=evidence,
    )


def test_verdicts_on_mail_are_noticed_when_a_domain_goes_and_for_no_other_act(
    shared: Database,
) -> None:
    domains, act = MailDomains(shared), Act("cli:test", NOW)
    domains.put(SITE, "a.example", (), act)
    follow = notices_of(shared)
    follow.start()
    a_token(shared, secret_hash=b"o" * 32)
    by_token = follow.since()
    domains.remove(SITE, "a.example", act)

    assert by_token.subjects
    assert not by_token.mail
    assert follow.since().mail


def test_that_a_contractor_looked_is_no_act(database: Database) -> None:
    follow = notices_of(database)
    follow.start()
    told = "GET /api/v1/devices: 200, 1 request, 100 rows"
    Accesses(database).write([AccessRow(None, NOW, "api:a", told, SITE)])
    looked = follow.since()
    Organisation(database).put(Site(SITE), Act("cli:test", NOW))

    assert (looked.subjects, looked.acted, looked.missed) == ((), {}, False)
    assert follow.since().subjects == (SITE,)


def test_an_act_on_a_device_is_noticed_once(database: Database) -> None:
    key = a_device(database, "a")
    follow = notices_of(database)
    follow.start()

    Administration(database).declare_state("a", DeviceState.LOST, now=NOW, actor="test")

    first, second = follow.since(), follow.since()
    assert (first.acted, first.ended, first.subjects) == ({key: 1}, {}, ("a",))
    assert (second.acted, second.subjects, second.missed) == ({}, (), False)


@pytest.mark.parametrize("act", ["revoke", "retire"])
def test_an_act_that_bars_a_device_ends_its_session(database: Database, act: str) -> None:
    key = a_device(database, "a")
    follow = notices_of(database)
    follow.start()

    getattr(Administration(database), act)("a", now=NOW, actor="test")

    assert follow.since().ended == {key: 1}


def test_devices_of_a_group_are_noticed_when_it_comes_and_when_it_goes(database: Database) -> None:
    key = a_device(database, "a")
    follow, groups, act = notices_of(database), Groups(database), Act("cli:test", NOW)
    follow.start()

    groups.put(SITE, "accueil", '{"devices": ["a"]}', act)
    assert follow.since().shown == (key,)
    groups.remove(SITE, "accueil", act)

    assert (follow.since().shown, follow.since().shown) == ((key,), ())


def test_the_site_of_an_attestation_is_noticed(database: Database) -> None:
    follow = notices_of(database)
    follow.start()

    Attestations(database, frozenset()).record(
        SITE, NewAttestation("Q02-restore-test", Outcome.HELD, "A. Martin"), Act("cli:test", NOW)
    )

    assert SITE in follow.since().subjects


def test_a_commit_of_another_process_is_noticed_and_ones_own_is_not(shared: Database) -> None:
    key = a_device(shared, "a")
    mine, other = notices_of(shared), Told(shared)
    with another(shared) as elsewhere:
        theirs = notices_of(elsewhere)
        for follow in (mine, other, theirs):
            follow.start()
        store = Records(shared)
        evidence = Evidence("firewall", b"1" * 16, 1, 1, b"content", b"", NOW)

        store.commit([a_change(store.record(key), evidence)], [])

        noticed = theirs.since()
    assert (noticed.moved, tuple(noticed.shown)) == ({key: 1}, (key,))
    assert mine.since().moved == {}


def test_a_device_that_looks_otherwise_is_noticed_although_no_verdict_moved(
    shared: Database,
) -> None:
    key = a_device(shared, "a")
    store = Records(shared)
    with another(shared) as elsewhere:
        theirs = notices_of(elsewhere)
        theirs.start()

        store.commit([replace(a_change(store.record(key)), reshown=True)], [])

        assert tuple(theirs.since().shown) == (key,)


def test_a_report_without_news_tells_when_it_came_and_nothing_else(shared: Database) -> None:
    key = a_device(shared, "a")
    store = Records(shared)
    record = store.record(key)
    with another(shared) as elsewhere:
        theirs = notices_of(elsewhere)
        theirs.start()
        at = NOW + timedelta(minutes=3)
        change = a_change(record)
        object.__setattr__(change.device, "last_report_at", at)

        store.commit([change], [])

        noticed = theirs.since()
    assert (tuple(noticed.shown), noticed.seen, noticed.moved) == ((), {"a": at}, {key: 1})


def test_a_session_that_began_ends_those_before_it(shared: Database) -> None:
    key = a_device(shared, "a")
    follow = notices_of(shared)
    follow.start()
    store = Records(shared)

    (begun,) = store.start_sessions(
        [SessionStart(key, b"s" * 16, (), ("x",), "0.1.0", "embedded", 0, NOW, None)]
    )

    record = store.record(key)
    assert begun == record.session_revision == record.revision
    assert follow.since().ended == {key: record.revision}


@pytest.mark.parametrize("meanwhile", ["another boot", "revoked", "quarantined"])
def test_a_session_does_not_begin_on_what_was_read_before(
    database: Database, meanwhile: str
) -> None:
    key = a_device(database, "a")
    store = Records(database)
    if meanwhile == "another boot":
        store.start_sessions(
            [SessionStart(key, b"s" * 16, (), ("x",), "0.1.0", "embedded", 0, NOW, None)]
        )
    elif meanwhile == "revoked":
        Administration(database).revoke("a", now=NOW, actor="test")
    else:
        store.quarantine(key, reason="two machines", at=NOW)
    before = store.record(key)

    (begun,) = store.start_sessions(
        [SessionStart(key, b"t" * 16, (), ("y",), "0.1.0", "embedded", 0, NOW, None)]
    )

    after = store.record(key)
    assert begun is None
    assert (after.revision, after.boot_ids) == (before.revision, before.boot_ids)


def test_a_row_whose_transaction_ends_late_is_not_passed_over(shared: Database) -> None:
    """The first writes first and commits last; in between, the second is read."""
    first, second = a_device(shared, "a"), a_device(shared, "b")
    with another(shared) as elsewhere, ExitStack() as late:
        follow = notices_of(elsewhere)
        follow.start()
        connection = late.enter_context(shared.writing())
        changes.tell_moved(connection, [(first, 7)])
        with another(shared) as third, third.writing() as quick:
            changes.tell_moved(quick, [(second, 3)])

        between = follow.since()
        late.close()
        afterwards = follow.since()

        assert between.moved == {second: 3}
        assert afterwards.moved == {first: 7}
        assert follow.since().moved == {}


def test_more_rows_than_a_page_are_all_read(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "PAGE", 3)
    with another(shared) as elsewhere:
        follow = notices_of(elsewhere)
        follow.start()
        for number in range(10):
            with shared.writing() as connection:
                changes.tell_moved(connection, [(number, 1)])
        found: dict[int, int] = {}
        looks = 0
        while True:
            noticed = follow.since()
            looks += 1
            assert not found.keys() & noticed.moved.keys()
            found.update(noticed.moved)
            if not noticed.more:
                break

    assert (sorted(found), looks) == (list(range(10)), 4)


def test_who_was_away_for_too_long_is_told_that_something_was_missed(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(changes, "monotonic", lambda: now)
    follow = notices_of(shared)
    follow.start()
    now += changes.AWAY_FOR_AT_MOST.total_seconds() + 1

    assert follow.since().missed
    assert not follow.since().missed


def test_who_missed_acts_is_told_of_every_device_that_may_not_speak(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(changes, "monotonic", lambda: now)
    names = ("revoked", "retired", "quarantined", "lost", "active")
    keys = {name: a_device(shared, name, serial=name) for name in names}
    follow = notices_of(shared)
    follow.start()
    acts = Administration(shared)
    acts.revoke("revoked", now=NOW, actor="test")
    acts.retire("retired", now=NOW, actor="test")
    acts.declare_state("lost", DeviceState.LOST, now=NOW, actor="test")
    Records(shared).quarantine(keys["quarantined"], reason="two machines", at=NOW)
    now += changes.AWAY_FOR_AT_MOST.total_seconds() + 1

    noticed = follow.since()

    assert noticed.missed
    assert noticed.ended == {keys[name]: 1 for name in names[:3]}


def test_who_missed_sessions_is_told_where_each_devices_newest_began(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(changes, "monotonic", lambda: now)
    moved, stayed, silent = (a_device(shared, name, serial=name) for name in "abc")
    store = Records(shared)

    def begun(key: int, boot: str, *before: str) -> int:
        start = SessionStart(
            key, b"s" * 16, before, (*before, boot), "0.1.0", "embedded", 0, NOW, None
        )
        (revision,) = store.start_sessions([start])
        assert revision is not None
        return revision

    here = {key: begun(key, "first") for key in (moved, stayed)}
    follow = notices_of(shared)
    follow.start()
    elsewhere = begun(moved, "second", "first")
    store.commit([a_change(store.record(stayed))], [])
    now += changes.AWAY_FOR_AT_MOST.total_seconds() + 1

    noticed = follow.since()

    assert noticed.ended == {moved: elsewhere, stayed: here[stayed]}
    assert elsewhere > here[moved]
    assert store.record(stayed).revision > here[stayed]
    assert silent not in noticed.ended


def test_a_store_whose_transactions_began_anew_is_read_again(shared: Database) -> None:
    follow = Told(shared)
    follow.start()
    assert follow.floor is not None
    follow.floor += 1_000_000  # what a store brought back into another cluster looks like

    assert follow.since().missed


def test_what_everybody_has_read_is_forgotten(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shared.writing() as connection:
        changes.tell_act(connection, "somebody")
    assert changes.forget(shared) == 0

    monkeypatch.setattr(changes, "KEPT", timedelta(microseconds=0))

    assert changes.forget(shared) > 0
    with shared.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM change")).scalar() == 0
