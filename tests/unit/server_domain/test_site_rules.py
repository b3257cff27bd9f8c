"""The rules of a whole site: what passes, what fails, and what nobody can tell."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.bundled import guide_folder
from vigie_server.domain.maturity import Attestation, Outcome
from vigie_server.domain.reference_files import load_references
from vigie_server.domain.site_figures import COMPLEMENTS, ContractorToken, Inventory, SiteFigures
from vigie_server.domain.site_rule_files import load_site_rules
from vigie_server.domain.site_rules import DECISIONS, SiteRule, SiteVerdict, judge_site
from vigie_server.domain.verdicts import Status

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
EMPTY = SiteFigures()
HELD = Attestation(Outcome.HELD)


@cache
def rules() -> Mapping[str, SiteRule]:
    return load_site_rules(
        guide_folder() / "site" / "rules.yaml", load_references(guide_folder() / "reference")
    )


def verdict(rule: str, figures: SiteFigures, **more: Mapping[str, object]) -> SiteVerdict:
    return judge_site(
        rules()[rule],
        figures,
        overrides=more.get("overrides", {}),
        memory=more.get("memory", {}),
        now=NOW,
    )


def status(rule: str, figures: SiteFigures, **more: Mapping[str, object]) -> Status:
    return verdict(rule, figures, **more).status


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


COVERED = SiteFigures(declared_devices=20, counted=20, heard={0: 15, 6: 4, 8: 1})


def test_enough_declared_devices_that_report_are_coverage() -> None:
    assert status("Q01-coverage", COVERED) is Status.PASS
    assert status("Q01-coverage", replace(COVERED, declared_devices=21)) is Status.FAIL


def test_a_site_that_declares_no_number_has_no_coverage_to_judge() -> None:
    found = verdict("Q01-coverage", replace(COVERED, declared_devices=None))

    assert found.status is Status.UNKNOWN
    assert "19" in found.reason["fr"]


def test_a_site_that_declares_none_while_devices_report_is_unknown() -> None:
    assert status("Q01-coverage", replace(COVERED, declared_devices=0)) is Status.UNKNOWN
    assert status("Q01-coverage", SiteFigures(declared_devices=0)) is Status.NOT_APPLICABLE


def test_a_share_set_for_the_site_decides() -> None:
    half = replace(COVERED, declared_devices=38)

    assert status("Q01-coverage", half, overrides={"share": 50}) is Status.PASS
    assert status("Q01-coverage", half) is Status.FAIL


@pytest.mark.parametrize("share", ["most", 101, -1])
def test_a_setting_of_no_use_leaves_the_rule_unknown(share: object) -> None:
    found = verdict("Q01-coverage", COVERED, overrides={"share": share}, memory={"kept": 1})

    assert found.status is Status.UNKNOWN
    assert "share" in found.reason["en"]
    assert found.detail == {"kept": 1}


def reviewed(days: int = 10, *, without: Inventory | None = None) -> SiteFigures:
    return SiteFigures(
        reviews={inventory.value: days_ago(days) for inventory in Inventory},
        attestations={
            item: HELD for inventory, item in COMPLEMENTS.items() if inventory is not without
        },
    )


def test_five_inventories_reviewed_and_complete_pass_until_the_first_is_due() -> None:
    found = verdict("Q01-inventory-reviewed", reviewed())

    assert found.status is Status.PASS
    assert found.until == days_ago(10) + timedelta(days=183)


def test_an_inventory_reviewed_too_long_ago_is_named() -> None:
    figures = reviewed()
    late = replace(figures, reviews={**figures.reviews, "access": days_ago(184)})

    found = verdict("Q01-inventory-reviewed", late)

    assert found.status is Status.FAIL
    assert found.reason["fr"] == "À revoir ou à compléter : accès (revu le 29/11/2025)."


def test_a_review_counts_with_its_attested_complement_only() -> None:
    figures = reviewed(without=Inventory.DATA)
    excused = {
        **figures.attestations,
        COMPLEMENTS[Inventory.DATA]: Attestation(Outcome.NOT_APPLICABLE),
    }
    refused = {**figures.attestations, COMPLEMENTS[Inventory.DATA]: Attestation(Outcome.NOT_HELD)}

    assert status("Q01-inventory-reviewed", figures) is Status.FAIL
    assert status("Q01-inventory-reviewed", replace(figures, attestations=excused)) is Status.PASS
    assert status("Q01-inventory-reviewed", replace(figures, attestations=refused)) is Status.FAIL


def test_without_any_review_on_record_nothing_is_known() -> None:
    assert status("Q01-inventory-reviewed", EMPTY) is Status.UNKNOWN


ALIKE = SiteFigures(
    counted=20, software_told=20, versions={("windows", "Google Chrome"): {"142.0": 20}}
)


def test_one_version_of_each_watched_product_passes() -> None:
    assert status("Q03-versions-homogeneous", ALIKE) is Status.PASS


def test_several_versions_are_a_rollout_only_where_the_site_was_watched_before() -> None:
    mixed = replace(ALIKE, versions={("windows", "Google Chrome"): {"141.0": 5, "142.0": 15}})
    first = verdict("Q03-versions-homogeneous", mixed)
    began = int(days_ago(60).timestamp())
    known = {
        "began": began,
        "seen": [
            ["windows", "Google Chrome", "141.0", began],
            ["windows", "Google Chrome", "142.0", int(days_ago(5).timestamp())],
        ],
    }
    late = {**known, "seen": [*known["seen"][:1], [*known["seen"][1][:3], began]]}  # type: ignore[index]

    assert first.status is Status.UNKNOWN
    assert first.until == NOW + timedelta(days=30)
    assert status("Q03-versions-homogeneous", mixed, memory=first.detail) is Status.UNKNOWN
    assert status("Q03-versions-homogeneous", mixed, memory=known) is Status.PASS
    assert status("Q03-versions-homogeneous", mixed, memory=late) is Status.FAIL


def test_too_few_devices_that_tell_their_software_prove_nothing() -> None:
    assert status("Q03-versions-homogeneous", replace(ALIKE, software_told=18)) is Status.UNKNOWN
    assert status("Q03-versions-homogeneous", replace(ALIKE, software_told=19)) is Status.PASS


def test_no_watched_product_is_not_applicable_only_where_devices_told() -> None:
    none = replace(ALIKE, versions={})

    assert status("Q03-versions-homogeneous", none) is Status.NOT_APPLICABLE
    assert status("Q03-versions-homogeneous", replace(none, software_told=0)) is Status.UNKNOWN


@pytest.mark.parametrize(
    ("configurations", "told", "expected"),
    [
        ({"linux": {"a": 9, "b": 1}}, 10, Status.PASS),
        ({"linux": {"a": 8, "b": 2}}, 10, Status.FAIL),
        ({"linux": {"a": 5}, "windows": {"b": 5}}, 10, Status.PASS),
        ({"linux": {"a": 4, "b": 2}}, 6, Status.FAIL),
        ({"linux": {"a": 9}}, 9, Status.UNKNOWN),
        ({}, 0, Status.UNKNOWN),
    ],
)
def test_devices_of_a_system_share_one_firewall(
    configurations: Mapping[str, Mapping[str, int]], told: int, expected: Status
) -> None:
    figures = SiteFigures(counted=10, configurations=configurations, firewall_told=told)

    assert status("Q06-policy-homogeneous", figures) is expected


def test_a_single_device_is_not_compared_with_itself() -> None:
    alone = SiteFigures(counted=1, configurations={"linux": {"a": 1}}, firewall_told=1)

    assert status("Q06-policy-homogeneous", alone) is Status.NOT_APPLICABLE


TOKEN = ContractorToken(
    "infogérance",
    everywhere=False,
    created_at=days_ago(200),
    expires_at=NOW + timedelta(days=100),
    last_used_at=days_ago(3),
)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (TOKEN, Status.PASS),
        (replace(TOKEN, everywhere=True), Status.FAIL),
        (replace(TOKEN, expires_at=NOW + timedelta(days=400)), Status.FAIL),
        (replace(TOKEN, last_used_at=days_ago(91)), Status.FAIL),
        (replace(TOKEN, last_used_at=None), Status.FAIL),
        (replace(TOKEN, last_used_at=None, created_at=days_ago(3)), Status.PASS),
    ],
)
def test_a_contractor_reaches_its_sites_for_a_year_and_while_it_needs_to(
    token: ContractorToken, expected: Status
) -> None:
    figures = SiteFigures(contractors=(replace(TOKEN, name="autre"), token))

    assert status("Q13-contractor-access-bounded", figures) is expected


def test_a_site_that_no_contractor_reaches_has_nothing_to_bound() -> None:
    assert status("Q13-contractor-access-bounded", EMPTY) is Status.NOT_APPLICABLE


@pytest.mark.parametrize("rule", sorted(DECISIONS))
def test_no_rule_passes_on_a_site_of_which_nothing_is_known(rule: str) -> None:
    assert status(rule, EMPTY) in {Status.UNKNOWN, Status.NOT_APPLICABLE}


counts = st.integers(0, 50)
names = st.text(max_size=8)
figures_of_any_site = st.builds(
    SiteFigures,
    declared_devices=st.none() | counts,
    counted=counts,
    heard=st.dictionaries(st.integers(0, 400), counts, max_size=4),
    software_told=counts,
    versions=st.dictionaries(
        st.tuples(names, names), st.dictionaries(names, st.integers(1, 50), min_size=1), max_size=3
    ),
    firewall_told=counts,
    configurations=st.dictionaries(
        names, st.dictionaries(names, st.integers(1, 50), min_size=1), max_size=3
    ),
    reviews=st.dictionaries(
        st.sampled_from([inventory.value for inventory in Inventory]),
        st.integers(0, 400).map(days_ago),
    ),
    attestations=st.dictionaries(
        st.sampled_from(sorted(COMPLEMENTS.values())), st.sampled_from(Outcome).map(Attestation)
    ),
)
memories = st.dictionaries(
    st.sampled_from(["began", "seen"]),
    st.none() | st.integers() | st.text(max_size=5) | st.lists(st.lists(st.integers(), max_size=5)),
)


@given(figures=figures_of_any_site, memory=memories)
def test_every_rule_answers_in_both_languages_whatever_it_is_given(
    figures: SiteFigures, memory: Mapping[str, object]
) -> None:
    for rule in DECISIONS:
        found = verdict(rule, figures, memory=memory)

        assert all(text and text.isprintable() for text in found.reason.values())
        assert found.until is None or found.until > NOW


@given(figures=figures_of_any_site)
def test_taking_evidence_away_never_makes_a_site_pass(figures: SiteFigures) -> None:
    unheard = replace(figures, heard={}, software_told=0, firewall_told=0, reviews={})

    assert status("Q01-inventory-reviewed", unheard) is not Status.PASS
    if figures.declared_devices:
        assert status("Q01-coverage", unheard) is not Status.PASS
    if figures.counted:
        assert status("Q03-versions-homogeneous", unheard) is not Status.PASS
        assert status("Q06-policy-homogeneous", unheard) is not Status.PASS
