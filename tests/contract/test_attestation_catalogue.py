"""What can be attested, as shipped: every item of the catalogue, loaded strictly."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from vigie_server.bundled import bundled_attestations, bundled_catalogue
from vigie_server.domain.attesting import ValueKind, load_attestations
from vigie_server.domain.errors import RulesMalformed

WANTED: Final = """
Q01 N1: equipment-inventory-complete renewal-plan
Q01 N2: standard-deployment equipment-charter purchasing-policy
Q01 N4: central-management help-desk hardware-maintenance-contract
Q01 -: software-inventory-complete licences-valid data-processing-inventory access-inventory
    interconnections-inventory interconnections-filtered
Q02 N1: backup-and-retention-policy
Q02 N2: backup-frequency central-backups
Q02 N3: archiving-policy
Q02 N4: integrity-check restore-test
Q02 -: critical-data-identified three-copies-two-media offline-offsite-copy encryption-assessed
    cloud-conditions-checked hds-host backup-data-protection
Q03 N1: obsolete-components-removed
Q03 N2: end-of-support-tracking
Q03 N3: update-policy patching-tool
Q03 N4: migration-plan
Q03 N2/4: hardware-updates
Q03 -: urgent-patch-procedure subcontractor-maintenance
Q04 N1: authenticated-access separate-accounts
Q04 N3: supervision-managed external-access-supervision account-review
Q04 N4: supervision-evolution vulnerability-scan behavioural-analysis-managed intrusion-test
Q04 -: antivirus-centralised antivirus-beyond-agents complementary-protection
Q05 N1: account-lifecycle-procedure generic-accounts-removed
Q05 N2: directory-authentication-policy
Q05 N3: password-policy-anssi
Q05 N4: strong-authentication rpps-regional-directories
Q05 -: mfa-health-applications password-change-frequency unique-passwords vault-certified
    password-awareness single-sign-on pro-sante-connect electronic-identification
Q06 N1: professional-internet wifi-access-points
Q06 N2: network-security-equipment secured-cabling
Q06 N3: internet-connection-logs daily-network-watch
Q06 N4: intrusion-test
Q06 -: filtering-policy physical-firewalls network-segmentation dmz
Q07 N1: upstream-antivirus mssante
Q07 N2: reporting-tool reports-handled
Q07 N3: client-tls
Q07 N4: mail-servers-not-exposed relay-server
Q07 -: no-personal-forwarding phishing-awareness payment-fraud-measures
Q08 N1: admin-accounts-identified
Q08 N2: admin-rights-minimal
Q08 N3: admin-internet-filtered
Q08 N4: admin-network-dedicated
Q08 -: named-user-accounts no-browsing-as-admin departure-revocation admin-workstations-dedicated
    peer-connections-blocked network-zones personal-use-separated mobile-apps-controlled
Q09 N1: professional-equipment-only
Q09 N2: remote-access-need
Q09 N3: removable-media-blocked
Q09 N4: mobile-encryption no-local-data
Q09 -: travel-backup travel-instructions loss-theft-procedure usb-reduction
Q10 N1: formal-information regular-reminders charter-signed
Q10 N2: training-programme
Q10 N3: skills-refresh crisis-exercise
Q10 N4: certified-staff
Q10 -: threat-watch regional-contacts-known no-blame-reporting
Q11 N1: logging-study key-components-logged
Q11 N2: central-log-store log-retention-protected
Q11 N3: incident-procedure
Q11 N4: yearly-audit corrective-actions
Q11 -: response-provider crisis-communication reflexes-known incident-log-ready
    legal-reporting-procedure complaint-procedure
Q12 N1: risk-analysis alert-procedure
Q12 N2: risk-method risk-map
Q12 N3: ebios-study
Q12 N4: cyber-insurance
Q12 -: insurer-contacted coverage-reviewed provider-insurance contracts-cover-cyber
Q13 N1: contract-requirements
Q13 N2: requirements-verified
Q13 N3: certifications-verified
Q13 N4: security-assurance-plan
Q13 -: missions-described signed-commitment data-protection-clauses authentication-clauses
    data-return-clauses incident-notification-clauses standard-contracts-reviewed
    it-suppliers-strengthened perimeters-mapped supplier-contacts means-documented
"""
"""By question and level (`-`: of none; `N2/4`: of question 4), the items without their prefix."""


def wanted() -> dict[str, tuple[int | None, int]]:
    """By id, the level and the question it is a condition of."""
    found: dict[str, tuple[int | None, int]] = {}
    question, level, of = 0, None, 0
    for word in WANTED.split():
        if re.fullmatch(r"Q\d\d", word):
            question = int(word[1:])
        elif word.endswith(":"):
            named = word.rstrip(":").removeprefix("N").partition("/")
            level = int(named[0]) if named[0] != "-" else None
            of = int(named[2] or question)
        else:
            found[f"Q{question:02}-{word}"] = level, of
    return found


def test_every_item_of_the_catalogue_is_there_with_its_level() -> None:
    items = bundled_attestations().items

    assert {item.id: (item.level, item.level_of) for item in items.values()} == wanted()
    assert len(items) == 151


def test_items_hold_twelve_months_except_the_review_of_accounts() -> None:
    shorter = {item.id: item.months for item in bundled_attestations().items.values()}

    assert {name: months for name, months in shorter.items() if months != 12} == {
        "Q04-account-review": 6
    }


def test_four_items_carry_a_value() -> None:
    carried = {item.id: item.value for item in bundled_attestations().items.values() if item.value}

    assert carried == {
        "Q02-backup-frequency": ValueKind.DAYS,
        "Q06-wifi-access-points": ValueKind.COUNT,
        "Q09-remote-access-need": ValueKind.YES_NO,
        "Q10-charter-signed": ValueKind.PERCENT,
    }


def test_no_two_items_of_a_question_have_one_title_and_none_repeats_a_rule() -> None:
    items = bundled_attestations().items.values()

    for language in ("fr", "en"):
        titles = [(item.question, item.title[language]) for item in items]
        assert len(set(titles)) == len(titles)
    assert not {item.id for item in items} & bundled_catalogue().rules.keys()


def test_french_texts_use_the_words_of_the_catalogue() -> None:
    told = {
        item.id: " ".join((item.title["fr"], item.to_do["fr"], item.proof["fr"]))
        for item in bundled_attestations().items.values()
    }

    wrong = re.compile(r"cryptage|crypter|flotte|[^ \u00a0][;:?!](?:\s|$)|\bpatient", re.IGNORECASE)
    assert {name: text for name, text in told.items() if wrong.search(text)} == {}


ITEM: Final = """question: 3
attestations:
  - id: Q03-update-policy
    title: {fr: Titre, en: Title}
    do: {fr: Faire, en: Do}
    proof: {fr: Document, en: Document}
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ITEM + "    levle: 3\n", "q03.yaml:7: `levle` .*did you mean `level`"),
        (ITEM + "    level: 5\n", "q03.yaml:7: `level` must be 1 to 4"),
        (ITEM + "    months: 24\n", "q03.yaml:7: `months` must be 1 to 12"),
        (ITEM + "    of: 4\n", "q03.yaml:7: `of` must be the question of"),
        (ITEM + "    value: {kind: colour, about: {fr: a, en: b}}\n", "q03.yaml:7: `kind`"),
        (ITEM.replace("Q03-", "Q04-"), "q03.yaml:3: `id`"),
        (ITEM.replace("en: Title", "de: Titel"), "q03.yaml:4"),
        (ITEM.replace("question: 3", "question: 4"), "q03.yaml:1: `question`"),
        (ITEM + ITEM.partition("attestations:\n")[2], "q03.yaml:7: `id` is there twice"),
        ("question: 3\n", "holds no attestation"),
    ],
)
def test_a_file_that_is_wrong_is_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "q03.yaml").write_text(text)

    with pytest.raises(RulesMalformed, match=told):
        load_attestations(tmp_path)


def test_a_review_expires_after_six_months_by_the_calendar() -> None:
    review = bundled_attestations().items["Q04-account-review"]

    assert review.expiry(datetime(2026, 8, 31, 9, tzinfo=UTC)) == datetime(
        2027, 2, 28, 9, tzinfo=UTC
    )
