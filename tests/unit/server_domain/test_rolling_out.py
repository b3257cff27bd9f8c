"""Which devices may take a release: by site, by share, always the same ones."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.rolling_out import (
    Release,
    Rollout,
    Told,
    UpdateState,
    checked,
    in_force,
    is_news,
    is_picked,
    offered,
    told,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HAS = [Release("1.2.0", "linux-x86_64", 1), Release("1.3.0", "windows-x86_64", 1)]
EVERYWHERE = Rollout(None, "1.2.0", 100, "cli:root", NOW)
RUNS = Told("1.1.0", "linux-x86_64")


def devices(share: int, version: str = "1.2.0") -> set[str]:
    return {f"device-{n}" for n in range(2_000) if is_picked(f"device-{n}", version, share)}


def test_a_share_picks_about_that_many_and_a_larger_one_those_and_more() -> None:
    shares = [devices(share) for share in (0, 1, 10, 50, 100)]

    assert (len(shares[0]), len(shares[-1])) == (0, 2_000)
    assert 5 <= len(shares[1]) <= 40
    assert 150 <= len(shares[2]) <= 250
    for smaller, larger in pairwise(shares):
        assert smaller < larger


def test_each_version_begins_with_other_devices() -> None:
    assert len(devices(10, "1.2.0") & devices(10, "1.3.0")) < 60


def test_a_sites_own_decision_wins_and_a_share_of_none_keeps_it_out() -> None:
    own = replace(EVERYWHERE, site="Les Lilas", share=0)

    assert in_force([EVERYWHERE, own], "Les Lilas") == own
    assert in_force([EVERYWHERE, own], "Les Tilleuls") == EVERYWHERE
    assert offered(own, "a", RUNS, HAS) == ""
    assert offered(None, "a", RUNS, HAS) == ""


def test_only_what_the_channel_has_for_the_device_is_offered() -> None:
    assert offered(EVERYWHERE, "a", RUNS, HAS) == "1.2.0"
    assert offered(replace(EVERYWHERE, version="1.3.0"), "a", RUNS, HAS) == ""
    assert offered(EVERYWHERE, "a", RUNS, []) == ""
    assert offered(EVERYWHERE, "a", replace(RUNS, version="1.2.0"), HAS) == ""


@pytest.mark.parametrize(("version", "share"), [("9.9.9", 10), ("1.2.0", 101), ("1.2.0", -1)])
def test_what_cannot_be_rolled_out_is_refused(version: str, share: int) -> None:
    with pytest.raises(DeclarationRefused):
        checked(version, share, HAS)


def test_words_of_a_device_are_bounded_and_only_words() -> None:
    said = told("1.2.0; DROP", "../linux", UpdateState.REFUSED, "x" * 99, "a\x1b[2J\n" + "b" * 999)

    assert said == Told("", "", UpdateState.REFUSED, "", "a [2J " + "b" * 294)


def test_a_refusal_stays_until_something_else_happens() -> None:
    refused = replace(RUNS, state=UpdateState.REFUSED, about="1.2.0", reason="expired")

    assert is_news(None, RUNS)
    assert not is_news(RUNS, RUNS)
    assert is_news(RUNS, refused)
    assert not is_news(refused, RUNS)
    assert is_news(refused, replace(RUNS, version="1.2.0"))
    assert is_news(replace(RUNS, state=UpdateState.ON_TRIAL), RUNS)
