"""Attestations in both stores: a history that only grows, and devices judged by what stands."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from fakes.stored import NOW, SITE, a_device, a_token
from vigie_server.domain.attesting import NewAttestation, Outcome
from vigie_server.domain.errors import NotFound
from vigie_server.ports.attesting import AttestationState
from vigie_server.ports.declaring import Act
from vigie_server.store.attestations import Attestations
from vigie_server.store.database import Database
from vigie_server.store.groups import Groups
from vigie_server.store.models import Audit, DeviceRow
from vigie_server.store.records import Records
from vigie_server.store.tables import table

ITEM, READ = "Q02-restore-test", "Q02-central-backups"
OTHER = b"o" * 32
EXPIRY = NOW + timedelta(days=365)
DEVICE = table(DeviceRow)


def by(minutes: int = 0) -> Act:
    return Act("api:t1", NOW + timedelta(minutes=minutes))


def held(item: str = ITEM, **others: object) -> NewAttestation:
    given = NewAttestation(item, Outcome.HELD, "A. Martin", expires_at=EXPIRY)
    return replace(given, **others)  # type: ignore[arg-type]


@pytest.fixture
def devices(database: Database) -> dict[str, int]:
    """Two devices of one site, one of another, all judged."""
    a_token(database)
    a_token(database, secret_hash=OTHER, site="Les Lilas")
    keys = {
        "a": a_device(database, "a", hostname="SRV-1"),
        "b": a_device(database, "b", hostname="ACCUEIL"),
        "c": a_device(database, "c", secret_hash=OTHER),
    }
    mark_judged(database)
    return keys


@pytest.fixture
def store(database: Database, devices: dict[str, int]) -> Attestations:
    assert devices
    return Attestations(database, frozenset({READ}))


def mark_judged(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(DEVICE.update().values(judged_with="rules"))


def to_judge(database: Database, devices: dict[str, int]) -> list[str]:
    """The devices that the sweeper is to judge again, and none after this."""
    keys = Records(database).judged_otherwise("rules", limit=10)
    mark_judged(database)
    return sorted(name for name, key in devices.items() if key in keys)


def attested(database: Database, key: int) -> object:
    """What the device's rules see, read alone and together with others alike."""
    store = Records(database)
    (together,) = store.many([key])
    alone = store.record(key)
    assert alone.device == together.device
    return alone.device.named("site.attested")


def acts(database: Database) -> Sequence[tuple[str, str, str]]:
    audit = table(Audit)
    with database.reading() as connection:
        rows = connection.execute(select(audit).where(audit.c.action.startswith("attest")))
        return [(row.actor, row.action, row.subject) for row in rows]


def test_what_is_attested_reaches_the_devices_of_the_site_alone(
    database: Database, devices: dict[str, int], store: Attestations
) -> None:
    store.record(SITE, held(READ), by())
    store.record(SITE, held("Q02-hds-host", outcome=Outcome.NOT_APPLICABLE, reason="interne"), by())
    store.record(SITE, held("Q02-backup-frequency", value=7), by())

    device = Records(database).record(devices["a"]).device

    assert attested(database, devices["a"]) == (
        "Q02-backup-frequency",
        READ,
    )
    assert device.named("site.not_applicable") == ("Q02-hds-host",)
    assert device.named("site.backup_interval_days") == 7
    assert attested(database, devices["c"]) == ()


def test_what_a_rule_reads_has_the_site_judged_again_and_other_items_do_not(
    database: Database, devices: dict[str, int], store: Attestations
) -> None:
    store.record(SITE, held(ITEM), by())
    unread = to_judge(database, devices)
    store.record(SITE, held(READ), by())

    assert unread == []
    assert to_judge(database, devices) == ["a", "b"]


def test_a_store_whose_rules_name_no_item_judges_again_for_each(
    database: Database, devices: dict[str, int]
) -> None:
    Attestations(database, frozenset({"*"})).record(SITE, held(ITEM), by())

    assert to_judge(database, devices) == ["a", "b"]


def test_the_newest_word_holds_and_the_history_keeps_them_all(
    database: Database, devices: dict[str, int], store: Attestations
) -> None:
    store.record(SITE, held(READ), by())
    store.record(SITE, held(READ, outcome=Outcome.NOT_HELD, document="audit 2026"), by(5))

    assert attested(database, devices["a"]) == ()
    assert [record.outcome for record in store.standing(SITE)] == [Outcome.NOT_HELD]
    assert [record.outcome for record in store.history(SITE, READ)] == [
        Outcome.NOT_HELD,
        Outcome.HELD,
    ]


def test_the_same_word_of_the_same_day_is_given_back(store: Attestations) -> None:
    first, new = store.record(SITE, held(), by())
    again, second = store.record(SITE, held(expires_at=EXPIRY + timedelta(hours=1)), by(60))
    tomorrow, third = store.record(SITE, held(), by(24 * 60))

    assert (new, second, third) == (True, False, True)
    assert again == first
    assert tomorrow.at != first.at


def test_withdrawing_brings_no_older_word_back(
    database: Database, devices: dict[str, int], store: Attestations
) -> None:
    store.record(SITE, held(READ), by())
    store.record(SITE, held(READ, document="2026"), by(5))
    to_judge(database, devices)

    withdrawn = store.withdraw(SITE, READ, None, by(10))

    assert withdrawn.withdrawn_at == by(10).at
    assert attested(database, devices["a"]) == ()
    assert store.standing(SITE) == []
    assert len(store.history(SITE, READ)) == 2
    assert to_judge(database, devices) == ["a", "b"]
    with pytest.raises(NotFound, match="nothing is attested"):
        store.withdraw(SITE, READ, None, by(15))


def test_an_expired_one_lapses_once_and_counts_no_more(
    database: Database, devices: dict[str, int], store: Attestations
) -> None:
    store.record(SITE, held(READ, expires_at=NOW + timedelta(days=1)), by())
    to_judge(database, devices)

    early = store.lapse(NOW + timedelta(hours=23))
    lapsed = store.lapse(NOW + timedelta(days=1))
    again = store.lapse(NOW + timedelta(days=2))

    assert (early, lapsed, again) == (0, 1, 0)
    assert attested(database, devices["a"]) == ()
    assert to_judge(database, devices) == ["a", "b"]
    assert acts(database)[-1] == ("server", f"attestation {READ}: expired", SITE)


def test_an_older_word_that_lasts_longer_does_not_come_back(
    database: Database, devices: dict[str, int], store: Attestations
) -> None:
    store.record(SITE, held(READ), by())
    store.record(SITE, held(READ, expires_at=NOW + timedelta(days=1)), by(5))

    store.lapse(NOW + timedelta(days=1))

    assert attested(database, devices["a"]) == ()


def test_what_is_said_of_a_group_counts_for_its_devices(
    database: Database, devices: dict[str, int], store: Attestations
) -> None:
    Groups(database).put(SITE, "serveurs", '{"hostname": ["SRV-*"]}', by())

    record, _ = store.record(SITE, held(READ, group="serveurs"), by())

    assert record.group == "serveurs"
    assert attested(database, devices["a"]) == (READ,)
    assert attested(database, devices["b"]) == ()
    with pytest.raises(NotFound, match="no group portables"):
        store.record(SITE, held(READ, group="portables"), by())


def test_every_act_is_in_the_audit(store: Attestations, database: Database) -> None:
    store.record(SITE, held(), by())
    store.withdraw(SITE, ITEM, None, by(5))

    assert acts(database) == [
        ("api:t1", f"attestation {ITEM}: held", SITE),
        ("api:t1", f"attestation {ITEM}: withdrawn", SITE),
    ]


def test_expiries_are_those_of_what_stands_the_earliest_of_groups_first(
    database: Database, store: Attestations
) -> None:
    soon = NOW + timedelta(days=9)
    Groups(database).put(SITE, "serveurs", '{"hostname": ["SRV-*"]}', by())
    store.record(SITE, held(), by())
    store.record(SITE, held(group="serveurs", expires_at=soon), by())
    store.record(SITE, held("Q01-help-desk", outcome=Outcome.NOT_HELD), by())

    assert store.expiries() == {SITE: {ITEM: soon}}
    assert store.expiries([SITE, "Les Lilas"]) == {SITE: {ITEM: soon}, "Les Lilas": {}}
    store.withdraw(SITE, ITEM, None, by(1))
    store.withdraw(SITE, ITEM, "serveurs", by(1))
    assert store.expiries([SITE]) == {SITE: {}}


def test_a_reminder_begins_before_the_expiry(store: Attestations) -> None:
    record, _ = store.record(SITE, held(), by())
    month = timedelta(days=30)

    def state(days: int) -> AttestationState:
        return record.state(EXPIRY - timedelta(days=days), remind_before=month)

    assert (state(31), state(30), state(0)) == (
        AttestationState.IN_FORCE,
        AttestationState.DUE_SOON,
        AttestationState.EXPIRED,
    )
    assert (
        store.withdraw(SITE, ITEM, None, by(5)).state(NOW, remind_before=month)
        is AttestationState.WITHDRAWN
    )


def test_an_unknown_site_is_told(store: Attestations) -> None:
    with pytest.raises(NotFound, match="no site Ailleurs"):
        store.record("Ailleurs", held(), by())
    with pytest.raises(NotFound, match="no site Ailleurs"):
        store.standing("Ailleurs")
