"""What an attestation must hold to be recorded, and what those in force say of a device."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vigie_server.domain.attested import InForce, attested
from vigie_server.domain.attesting import (
    AttestationCatalogue,
    AttestedItem,
    AttestedValue,
    NewAttestation,
    Outcome,
    ValueKind,
    months_after,
)
from vigie_server.domain.declared import DECLARED
from vigie_server.domain.errors import DeclarationRefused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXTS = {"fr": "Texte", "en": "Text"}


def an_item(
    item_id: str = "Q02-restore-test", *, months: int = 12, value: ValueKind | None = None
) -> AttestedItem:
    return AttestedItem(item_id, 2, TEXTS, TEXTS, TEXTS, 4, 2, months, value, None)


CATALOGUE = AttestationCatalogue(
    {
        item.id: item
        for item in (
            an_item(),
            an_item("Q04-account-review", months=6),
            an_item("Q02-backup-frequency", value=ValueKind.DAYS),
            an_item("Q06-wifi-access-points", value=ValueKind.COUNT),
            an_item("Q09-remote-access-need", value=ValueKind.YES_NO),
            an_item("Q10-charter-signed", value=ValueKind.PERCENT),
        )
    },
    rules=frozenset({"Q09-disk-encrypted"}),
)
HELD = NewAttestation("Q02-restore-test", Outcome.HELD, "A. Martin")


def test_an_attestation_holds_as_long_as_its_item_says() -> None:
    year = CATALOGUE.checked(HELD, now=NOW)
    half = CATALOGUE.checked(replace(HELD, item="Q04-account-review"), now=NOW)

    assert year.expires_at == datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert half.expires_at == datetime(2026, 9, 1, 12, tzinfo=UTC)


def test_an_earlier_expiry_is_kept() -> None:
    soon = NOW + timedelta(days=30)

    assert CATALOGUE.checked(replace(HELD, expires_at=soon), now=NOW).expires_at == soon


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("Q02-backup-frequency", 7),
        ("Q06-wifi-access-points", 0),
        ("Q09-remote-access-need", "no"),
        ("Q10-charter-signed", 100),
    ],
)
def test_a_value_of_its_kind_is_recorded(item: str, value: AttestedValue) -> None:
    assert CATALOGUE.checked(replace(HELD, item=item, value=value), now=NOW).value == value


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (replace(HELD, item="Q02-restor-test"), "did you mean `Q02-restore-test`"),
        (replace(HELD, author="  "), "author"),
        (replace(HELD, outcome=Outcome.NOT_APPLICABLE), "reason"),
        (replace(HELD, expires_at=NOW), "expires_at"),
        (replace(HELD, expires_at=NOW + timedelta(days=366)), "expires_at"),
        (replace(HELD, document="a" * 2001), "document"),
        (replace(HELD, value=7), "carries none"),
        (replace(HELD, item="Q02-backup-frequency"), "number of days"),
        (replace(HELD, item="Q02-backup-frequency", value=0), "number of days"),
        (replace(HELD, item="Q02-backup-frequency", value="7"), "number of days"),
        (replace(HELD, item="Q02-backup-frequency", value=True), "number of days"),
        (replace(HELD, item="Q09-remote-access-need", value="maybe"), "yes or no"),
        (replace(HELD, item="Q10-charter-signed", value=101), "0 to 100"),
        (
            replace(HELD, item="Q10-charter-signed", value=50, outcome=Outcome.NOT_HELD),
            "carries none",
        ),
    ],
)
def test_what_is_wrong_with_an_attestation_is_told(given: NewAttestation, told: str) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        CATALOGUE.checked(given, now=NOW)


@pytest.mark.parametrize(
    ("begun", "months", "ends"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2024-02-29", 12, "2025-02-28"),
    ],
)
def test_months_are_those_of_the_calendar(begun: str, months: int, ends: str) -> None:
    at = datetime.fromisoformat(begun).replace(tzinfo=UTC)

    assert months_after(at, months) == datetime.fromisoformat(ends).replace(tzinfo=UTC)


def a_word(
    item: str,
    outcome: Outcome = Outcome.HELD,
    *,
    group: int | None = None,
    value: AttestedValue = None,
    minutes: int = 0,
) -> InForce:
    return InForce(item, group, outcome, value, NOW + timedelta(minutes=minutes))


def test_what_is_held_and_what_is_not_applicable_are_told_apart() -> None:
    said = attested(
        [
            a_word("Q02-restore-test"),
            a_word("Q02-hds-host", Outcome.NOT_APPLICABLE),
            a_word("Q02-integrity-check", Outcome.NOT_HELD),
        ]
    )

    assert said == {
        "site.attested": ("Q02-restore-test",),
        "site.not_applicable": ("Q02-hds-host",),
    }
    assert said.keys() <= DECLARED.keys()


def test_values_have_names_of_their_own_while_they_are_held() -> None:
    said = attested(
        [a_word("Q02-backup-frequency", value=7), a_word("Q09-remote-access-need", value="no")]
    )
    excused = attested([a_word("Q02-backup-frequency", Outcome.NOT_APPLICABLE)])

    assert (said["site.backup_interval_days"], said["site.remote_access_needed"]) == (7, "no")
    assert excused == {"site.not_applicable": ("Q02-backup-frequency",)}


def test_what_is_said_of_a_group_counts_for_its_devices_alone_and_outweighs_the_site() -> None:
    words = [
        a_word("Q02-backup-frequency", value=7, minutes=5),
        a_word("Q02-backup-frequency", value=1, group=3),
    ]

    assert attested(words, groups={3})["site.backup_interval_days"] == 1
    assert attested(words, groups={4})["site.backup_interval_days"] == 7
    assert attested(words)["site.backup_interval_days"] == 7


def test_of_two_groups_of_a_device_the_newest_word_holds() -> None:
    words = [
        a_word("Q09-no-local-data", group=1, minutes=1),
        a_word("Q09-no-local-data", Outcome.NOT_HELD, group=2, minutes=2),
    ]

    assert attested(words, groups={1, 2}) == {}
    assert attested(words, groups={1}) == {"site.attested": ("Q09-no-local-data",)}


def test_of_a_rule_that_is_measured_a_person_may_only_say_that_it_does_not_apply() -> None:
    said = replace(
        HELD,
        item="Q09-disk-encrypted",
        outcome=Outcome.NOT_APPLICABLE,
        reason="Aucun ordinateur portable",
    )

    kept = CATALOGUE.checked(said, now=NOW)

    assert kept.expires_at == datetime(2027, 3, 1, 12, tzinfo=UTC)
    for refused in (
        replace(said, outcome=Outcome.HELD),
        replace(said, outcome=Outcome.NOT_HELD),
        replace(said, reason=" "),
        replace(said, value=3),
    ):
        with pytest.raises(DeclarationRefused):
            CATALOGUE.checked(refused, now=NOW)
