"""Which rules have parameters that may be set, and for what."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest

from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.overrides import Override, Scope
from vigie_server.domain.settable import Settable

LENGTH = ("Q05-min-length", "min_length")
COVERAGE = Override(
    Scope.SITE,
    "Les Lilas",
    "Les Lilas",
    "Q01-coverage",
    "share",
    80,
    "essai",
    "cli:test",
    datetime(2026, 11, 25, tzinfo=UTC),
)


@cache
def settable() -> Settable:
    catalogue = bundled_catalogue()
    return Settable.of(catalogue.rules, bundled_site_guide(catalogue))


@pytest.mark.parametrize("scope", list(Scope))
def test_a_rule_of_devices_is_set_for_anything(scope: Scope) -> None:
    assert settable().parameter(*LENGTH, scope).name == "min_length"


def test_a_rule_of_the_whole_site_is_set_for_a_site_alone() -> None:
    assert settable().parameter("Q01-coverage", "share", Scope.SITE).most == 100
    for scope in (Scope.GROUP, Scope.DEVICE):
        with pytest.raises(DeclarationRefused, match=f"set it for a site, not for a {scope}"):
            settable().parameter("Q01-coverage", "share", scope)


@pytest.mark.parametrize(
    ("rule", "name", "told"),
    [
        ("Q05-min-lenght", "min_length", "did you mean `Q05-min-length`"),
        ("Q01-coverag", "share", "did you mean `Q01-coverage`"),
        ("Q07-spff", "share", "did you mean `Q07-spf`"),
        ("Q05-min-length", "min-length", "did you mean `min_length`"),
        ("Q01-coverage", "shares", "did you mean `share`"),
        ("Q06-firewall-enabled", "min_length", "has no parameters"),
        ("Q07-spf", "share", "is one on mail domains: it has no parameters"),
    ],
)
def test_what_cannot_be_set_is_told_with_what_was_meant(rule: str, name: str, told: str) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        settable().parameter(rule, name, Scope.SITE)


def test_what_is_set_of_the_whole_site_concerns_no_device_and_is_not_lost() -> None:
    gone = replace(COVERAGE, rule="Q01-gone")

    assert settable().for_devices([COVERAGE, gone]) == [gone]
    assert settable().lost([COVERAGE, gone, replace(COVERAGE, name="gone")]) == [
        gone,
        replace(COVERAGE, name="gone"),
    ]
