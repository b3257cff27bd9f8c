"""The incident log in both stores: entries follow one another, and tampering is found."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from fakes.stored import NOW, SITE, a_token
from vigie_server.domain.errors import NotFound
from vigie_server.domain.incident_log import NewEntry
from vigie_server.ports.declaring import Act
from vigie_server.store.database import Database
from vigie_server.store.declared_models import Incident
from vigie_server.store.incidents import Incidents
from vigie_server.store.tables import table

INCIDENT = table(Incident)


def an_entry(number: int) -> NewEntry:
    at = NOW + timedelta(minutes=number, microseconds=number)
    return NewEntry(at, "C. Durand", f"Étape {number} : poste débranché")


def by(minutes: int = 0) -> Act:
    return Act("cli:direction", NOW + timedelta(minutes=minutes))


@pytest.fixture
def log(database: Database) -> Incidents:
    """Three entries at one site, one at another."""
    a_token(database)
    a_token(database, secret_hash=b"o" * 32, site="Les Lilas")
    log = Incidents(database)
    for number in (1, 2, 3):
        log.append(SITE, an_entry(number), by(number))
    log.append("Les Lilas", an_entry(1), by())
    return log


def tamper(database: Database, number: int, values: Mapping[str, Any] | None) -> None:
    """Changes an entry behind the log's back, or removes it."""
    which = INCIDENT.c.number == number
    with database.writing() as connection:
        if values is None:
            connection.execute(INCIDENT.delete().where(which))
        else:
            connection.execute(INCIDENT.update().where(which).values(**values))


def test_entries_are_read_back_in_order_site_by_site(log: Incidents) -> None:
    entries = log.entries(SITE)

    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.happened_at for entry in entries] == [an_entry(n).happened_at for n in (1, 2, 3)]
    assert entries[0].text == "Étape 1 : poste débranché"
    assert [entry.number for entry in log.entries("Les Lilas")] == [1]


def test_a_log_that_nobody_touched_is_intact(log: Incidents) -> None:
    check = log.check(SITE)

    assert check.intact
    assert (check.entries, check.head) == (3, log.entries(SITE)[-1].digest.hex())


def test_an_entry_sent_twice_is_one(log: Incidents) -> None:
    again, new = log.append(SITE, an_entry(2), by(9))

    assert (again.number, new) == (2, False)
    assert len(log.entries(SITE)) == 3


@pytest.mark.parametrize(
    "values",
    [
        {"text": "rien"},
        {"person": "personne"},
        {"happened_at": NOW},
        {"recorded_at": NOW},
        {"digest": b"d" * 32},
    ],
)
def test_a_changed_entry_is_found(
    log: Incidents, database: Database, values: Mapping[str, Any]
) -> None:
    tamper(database, 2, values)

    check = log.check(SITE)

    assert not check.intact
    assert check.broken_at == 2


def test_a_removed_entry_is_found_wherever_it_was(log: Incidents, database: Database) -> None:
    tamper(database, 3, None)
    cut = log.check(SITE)
    tamper(database, 1, None)
    torn = log.check(SITE)

    assert (cut.broken_at, cut.missing, cut.intact) == (None, 1, False)
    assert (torn.broken_at, torn.intact) == (1, False)


def test_a_log_written_anew_is_betrayed_by_the_audit(log: Incidents, database: Database) -> None:
    other = Incidents(database)
    with database.writing() as connection:
        connection.execute(INCIDENT.delete())
    for number in (1, 2, 3):
        other.append(SITE, NewEntry(NOW, "C. Durand", f"version {number}"), by())

    assert log.check(SITE).broken_at == 1


def test_an_unknown_site_is_told_and_an_empty_log_is_intact(
    log: Incidents, database: Database
) -> None:
    a_token(database, secret_hash=b"v" * 32, site="Vide")

    assert log.check("Vide").intact
    assert log.entries("Vide") == []
    for call in (log.entries, log.check):
        with pytest.raises(NotFound, match="no site Ailleurs"):
            call("Ailleurs")


def test_entries_added_at_once_follow_one_another(log: Incidents) -> None:
    def add(number: int) -> int:
        entry, _ = log.append(SITE, an_entry(number), by(number))
        return entry.number

    with ThreadPoolExecutor(4) as threads:
        numbers = list(threads.map(add, range(10, 26)))

    assert sorted(numbers) == list(range(4, 20))
    assert log.check(SITE).intact
