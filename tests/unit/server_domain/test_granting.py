from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.granting import Grant, Rights, granted, text_at, values_at

RANKED = ("admin", "operator", "auditor", "contractor")
LILAS, TILLEULS = frozenset({"Les Lilas"}), frozenset({"Les Tilleuls"})
CLAIMS: dict[str, Any] = {
    "groups": ["si", "lilas", 7, None, {"a": 1}],
    "realm_access": {"roles": ["directeur"]},
    "https://example.org/roles": "soignant",
    "resource.access": {"vigie": {"roles": ["oui"]}},
    "sites": ["Les Tilleuls"],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("groups", ["si", "lilas", "7"]),
        ("realm_access.roles", ["directeur"]),
        ("https://example.org/roles", ["soignant"]),
        ("resource.access.vigie.roles", ["oui"]),
        ("realm_access", []),
        ("realm_access.roles.directeur", []),
        ("absent", []),
        ("groups.si", []),
        (".", []),
    ],
)
def test_a_claim_is_found_by_its_name_or_by_the_way_to_it(path: str, found: list[str]) -> None:
    assert values_at(CLAIMS, path) == found


def test_one_text_is_one_text() -> None:
    assert text_at(CLAIMS, "https://example.org/roles") == "soignant"
    assert text_at(CLAIMS, "groups") is None


@pytest.mark.parametrize(
    ("grants", "rights"),
    [
        ([], None),
        ([Grant("groups", "SI", "admin")], None),
        ([Grant("groups", "si", "admin")], Rights("admin", None)),
        (
            [Grant("sites", "Les Tilleuls", "auditor", sites_claim="sites")],
            Rights("auditor", TILLEULS),
        ),
        ([Grant("groups", "si", "auditor", sites_claim="absent")], None),
        (
            [Grant("groups", "si", "operator", LILAS), Grant("groups", "lilas", "auditor")],
            Rights("operator", LILAS),
        ),
        (
            [
                Grant("groups", "si", "operator", LILAS),
                Grant("groups", "lilas", "operator", sites_claim="sites"),
            ],
            Rights("operator", LILAS | TILLEULS),
        ),
        (
            [Grant("groups", "si", "operator", LILAS), Grant("groups", "lilas", "operator")],
            Rights("operator", None),
        ),
    ],
)
def test_the_highest_role_counts_with_its_own_sites(
    grants: list[Grant], rights: Rights | None
) -> None:
    assert granted(CLAIMS, grants, RANKED) == rights


scopes = st.none() | st.frozensets(st.sampled_from("ABC"), min_size=1)
some_grants = st.lists(
    st.builds(Grant, st.just("groups"), st.sampled_from("xyz"), st.sampled_from(RANKED), scopes)
)


@given(some_grants, st.lists(st.sampled_from("xyz")))
def test_nobody_gets_a_site_in_a_role_that_no_single_grant_gives_there(
    grants: list[Grant], groups: list[str]
) -> None:
    rights = granted({"groups": groups}, grants, RANKED)

    applying = [grant for grant in grants if grant.value in groups]
    assert (rights is None) == (applying == [])
    for site in "ABC":
        if rights is not None and (rights.sites is None or site in rights.sites):
            assert any(
                grant.role == rights.role and (grant.sites is None or site in grant.sites)
                for grant in applying
            )
