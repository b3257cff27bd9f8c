"""Stores that an older version filled: once migrated they hold what they held, and go on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, inspect, text

from fakes.stored import NOW, SITE, STORES, a_device, a_token, bare_store, schema_differences
from vigie_server.domain.attesting import Outcome
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.domain.records import DeviceChange, HeldSnapshot, HeldVerdict, WrittenVerdict
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.domain.whereabouts import Whereabouts
from vigie_server.ports.readers import DeviceFilter
from vigie_server.ports.sessions import Peer
from vigie_server.store import epoch, migrating
from vigie_server.store.attestations import Attestations
from vigie_server.store.content import packed
from vigie_server.store.database import Database
from vigie_server.store.fleet import Fleet
from vigie_server.store.instants import to_store
from vigie_server.store.mail import MailDomains
from vigie_server.store.organisation import Organisation
from vigie_server.store.records import Records

RULE, TOPIC, ITEM = "Q06-firewall-enabled", "firewall", "Q02-restore-test"
DIGEST, FORM = b"\1" * 16, b"vigie" * 400
AT = to_store(NOW)
DUE = NOW + timedelta(hours=1)
VERDICT = Verdict(
    rule=RULE,
    rule_version=1,
    status=Status.FAIL,
    reason={"fr": "Parce que « é »", "en": "Because"},
    offending=({"name": "ipv6", "enabled": False},),
    next_check_at=DUE,
    measures={"vigie_device_rules_total": 3.5},
)


@pytest.fixture(params=STORES)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A store at the first schema, with a device that was judged on one answer."""
    with bare_store(request.param, tmp_path) as opened:
        migrating.migrate_to(opened, "0001")
        _fill(opened)
        yield opened


class _Rows:
    """Inserts into the tables as they are in the store, whatever the models say of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables = MetaData()
        with database.reading() as connection:
            self._tables.reflect(connection)

    def add(self, of: str, /, **values: object) -> int:
        """The row's key, or 0 in a table without one."""
        table = self._tables.tables[of]
        with self._database.writing() as connection:
            inserted: Any = connection.execute(table.insert().values(**values))
            return int(inserted.inserted_primary_key[0]) if "key" in table.c else 0

    def key_of(self, name: str) -> int:
        """The key of the only row of a table."""
        table = self._tables.tables[name]
        with self._database.reading() as connection:
            return int(connection.execute(table.select()).one().key)


def _fill(database: Database) -> None:
    rows = _Rows(database)
    site = rows.add("site", name=SITE, created_at=AT)
    device = rows.add(
        "device",
        id="a",
        site_key=site,
        profile="standard",
        platform="linux",
        state="active",
        hostname="poste",
        os="ubuntu",
        os_version="24.04",
        chassis="laptop",
        agent_version="0.1.0",
        engine="embedded",
        hardware_serial="PF-1",
        hardware_uuid="",
        hardware_vendor="",
        hardware_model="",
        nomadic=True,
        revision=1,
        spool_id=b"s" * 16,
        last_seq=7,
        dropped_reports=0,
        boot_ids='["boot"]',
        judged_with="rules",
        disabled="",
        enrolled_at=AT,
        last_report_at=AT,
        last_seen_at=AT,
        clock_skew_seconds=0.5,
    )
    rows.add("certificate", serial="c1", device_key=device, not_after=to_store(DUE), issued_at=AT)
    rows.add(
        "evidence",
        device_key=device,
        revision=1,
        topic=TOPIC,
        spool_id=b"s" * 16,
        seq=7,
        digest=DIGEST,
        status=1,
        content=packed(FORM),
        query_digest=b"",
        observed_at=AT,
        received_at=AT,
    )
    rows.add("snapshot", device_key=device, topic=TOPIC, revision=1, digest=DIGEST, observed_at=AT)
    told = {
        "rule": RULE,
        "rule_version": 1,
        "reason": '{"fr": "Parce que « é »", "en": "Because"}',
        "offending": '[{"name": "ipv6", "enabled": false}]',
        "topic_versions": '{"firewall": 1}',
    }
    rows.add(
        "verdict",
        device_key=device,
        status="fail",
        measures='{"vigie_device_rules_total": 3.5}',
        since=AT,
        failing_since=AT,
        evidence_at=AT,
        next_check_at=to_store(DUE),
        **told,
    )
    rows.add("transition", device_key=device, before=None, after="fail", at=AT, **told)


def test_a_store_of_the_first_schema_is_migrated_to_what_the_models_say(old: Database) -> None:
    migrating.migrate(old)

    assert migrating.stored_revision(old) == migrating.newest_revision()
    assert schema_differences(old) == []


def test_devices_evidence_and_verdicts_of_the_first_schema_are_read_as_they_were(
    old: Database,
) -> None:
    migrating.migrate(old)
    epoch.prepare(old)

    store = Records(old)
    (greeted,) = store.greeted([Peer("a", "c1")])
    assert greeted is not None
    key = greeted.key
    record = store.record(key)

    assert (record.revision, record.last_seq, record.boot_ids) == (1, 7, ("boot",))
    assert (record.device.site, record.device.chassis, record.device.nomadic) == (
        SITE,
        "laptop",
        True,
    )
    assert record.device.whereabouts == Whereabouts()
    assert record.snapshots == {TOPIC: HeldSnapshot(DIGEST, NOW, 1, None)}
    assert record.verdicts == {RULE: HeldVerdict(VERDICT, NOW, NOW, DUE)}
    assert store.contents(key, {TOPIC: 1}) == {TOPIC: FORM}
    ((at_once, forms),) = store.many_with_forms([key])
    assert (at_once.device, at_once.verdicts) == (record.device, record.verdicts)
    assert forms == {TOPIC: FORM}
    (shown,) = Fleet(old, {}).verdicts("a")
    assert (shown.rule, shown.status, shown.waived) == (RULE, Status.FAIL, False)
    (change,) = Fleet(old, {}).transitions("a", limit=10)
    assert (change.rule, change.after) == (RULE, Status.FAIL)


def test_a_device_of_the_first_schema_goes_on_after_the_migration(old: Database) -> None:
    migrating.migrate(old)
    epoch.prepare(old)
    store = Records(old)
    (greeted,) = store.greeted([Peer("a", "c1")])
    assert greeted is not None
    key = greeted.key
    record = store.record(key)
    passing = HeldVerdict(replace(VERDICT, status=Status.PASS), DUE, NOW, DUE, passing_since=DUE)

    late = store.commit(
        [
            DeviceChange(
                key=key,
                device_id="a",
                at=DUE,
                revision_before=1,
                revision=2,
                spool_id=record.spool_id,
                last_seq=8,
                device=record.device,
                judged_with="rules",
                verdicts=(WrittenVerdict(passing, DUE, {TOPIC: 1}),),
            )
        ],
        [],
    )
    a_token(old)
    other = a_device(old, "b")

    page = Fleet(old, {}).devices(DeviceFilter(), after=None, limit=10)
    assert not late
    assert store.record(key).verdicts == {RULE: passing}
    assert store.record(other).device.site == SITE
    assert {view.device.id for view in page.devices} == {"a", "b"}
    assert Organisation(old).site(SITE).networks == ()


def test_what_was_declared_before_the_newest_schema_stands_and_is_followed(old: Database) -> None:
    migrating.migrate_to(old, "0002")
    rows = _Rows(old)
    site = rows.key_of("site")
    rows.add(
        "attestation",
        site_key=site,
        item=ITEM,
        outcome="held",
        reason="",
        author="A. Martin",
        document="",
        at=AT,
        expires_at=to_store(DUE),
    )
    rows.add("mail_domain", site_key=site, domain="example.org", selectors='["s1"]', created_at=AT)
    rows.add(
        "mail_verdict",
        domain_key=rows.key_of("mail_domain"),
        rule="Q07-spf",
        status="fail",
        reason="{}",
        detail="[]",
        since=AT,
        checked_at=AT,
    )

    migrating.migrate(old)

    (stands,) = Attestations(old, frozenset()).standing(SITE)
    assert (stands.item, stands.outcome, stands.expires_at) == (ITEM, Outcome.HELD, DUE)
    mail = MailDomains(old)
    (held,) = mail.of_site(SITE)
    assert (held.domain, held.selectors) == ("example.org", ("s1",))
    assert held.verdicts["Q07-spf"].finding.status is Status.FAIL
    (due,) = mail.take_due(NOW, limit=10, hold=timedelta(minutes=5))
    assert due.domain == "example.org"  # as soon as possible: nobody said when


def test_checks_of_devices_that_were_judged_no_more_before_are_let_go(old: Database) -> None:
    migrating.migrate_to(old, "0025")
    with old.writing() as connection:
        connection.execute(text("UPDATE device SET disabled = 'retired' WHERE id = 'a'"))

    migrating.migrate(old)

    with old.reading() as connection:
        left = connection.execute(text("SELECT count(next_check_at) FROM verdict")).scalar_one()
    assert left == 0


@pytest.mark.parametrize("kind", STORES)
def test_tables_of_somebody_else_are_not_migrated(kind: str, tmp_path: Path) -> None:
    with bare_store(kind, tmp_path) as store:
        with store.writing() as connection:
            connection.execute(text("CREATE TABLE invoice (number text)"))

        with pytest.raises(SettingsMalformed, match=r"no store of Vigie.*invoice"):
            migrating.migrate(store)

        with store.reading() as connection:
            assert inspect(connection).get_table_names() == ["invoice"]


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(old: Database) -> None:
    migrating.migrate(old)
    with old.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for refusing in (migrating.migrate, migrating.require_migrated):
        with pytest.raises(SettingsMalformed, match=r"9999.*newer version"):
            refusing(old)

    assert migrating.stored_revision(old) == "9999"
