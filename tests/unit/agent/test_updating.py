"""Which version runs: a new one is on trial, and one that fails is gone back from for good."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_agent.domain.errors import UpdateRefused
from vigie_agent.domain.releases import Offered, Version, platform_of, wanted
from vigie_agent.domain.updating import (
    MOST_STARTS,
    MOST_UNPROVEN,
    TRIED_AGAIN_AFTER,
    RolledBack,
    Standing,
    Trial,
    as_state,
    begin,
    confirm,
    did_not_work_here,
    from_state,
    give_up,
    lacking,
    may_take,
    refuse,
    start,
    stopped,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ON_TRIAL = Standing("1.2.0", Trial("1.1.0", starts=0, with_server=True))


def offered(version: str, *, least: str = "0.1.0", platform: str = "linux-x86_64") -> Offered:
    return Offered(
        f"{platform}/{version}", Version.parse(version), platform, Version.parse(least), 1, 1, "ab"
    )


def test_versions_are_ordered_by_their_numbers_and_a_candidate_comes_before_its_release() -> None:
    written = ["1.10.0", "1.2.0", "1.2.0rc2", "1.2.0rc10", "0.9.99"]

    ordered = [version.text for version in sorted(map(Version.parse, written))]

    assert ordered == ["0.9.99", "1.2.0rc2", "1.2.0rc10", "1.2.0", "1.10.0"]


@pytest.mark.parametrize("text", ["", "1", "1.2", "1.2.3.4", "../1.2.3", "1.2.3\n", "v1.2.3"])
def test_what_is_no_version_names_no_folder(text: str) -> None:
    with pytest.raises(UpdateRefused):
        Version.parse(text)


def test_the_newest_release_for_the_platform_is_wanted_or_the_one_that_is_named() -> None:
    channel = [offered("1.2.0"), offered("1.10.0"), offered("2.0.0", platform="windows-x86_64")]

    assert wanted(channel, "linux-x86_64", "") == channel[1]
    assert wanted(channel, "linux-x86_64", "1.2.0") == channel[0]
    assert wanted(channel, "linux-x86_64", "2.0.0") is None
    assert platform_of("windows", "AMD64") == "windows-x86_64"


def test_a_confirmed_version_that_works_stays_through_any_number_of_starts() -> None:
    confirmed = confirm(start(ON_TRIAL, "1.0.0", NOW), "1.2.0")

    for _ in range(30):
        assert confirmed == Standing("1.2.0")
        confirmed = confirm(start(confirmed, "1.0.0", NOW), "1.2.0")


def test_a_confirmed_version_that_comes_to_nothing_gives_way_to_the_installed_one() -> None:
    standing = Standing("1.2.0")
    for _ in range(MOST_UNPROVEN):
        standing = start(standing, "1.0.0", NOW)
        assert standing.current == "1.2.0"

    assert start(standing, "1.0.0", NOW) == Standing(
        rolled_back=RolledBack("1.2.0", "it came to nothing in 10 starts")
    )


def test_a_version_that_does_not_show_that_it_works_is_gone_back_from() -> None:
    standing = ON_TRIAL
    for _ in range(MOST_STARTS):
        standing = start(standing, "1.0.0", NOW)
        assert standing.current == "1.2.0"

    after = start(standing, "1.0.0", NOW)

    assert after == Standing(
        "1.1.0", rolled_back=RolledBack("1.2.0", "it did not work in 3 starts")
    )


def test_a_start_that_was_stopped_on_purpose_is_not_counted() -> None:
    standing = ON_TRIAL
    for _ in range(20):
        standing = stopped(start(standing, "1.0.0", NOW))

    assert standing == ON_TRIAL


def test_what_an_installer_brings_wins_over_an_older_download() -> None:
    assert start(ON_TRIAL, "1.2.0", NOW) == Standing()
    assert start(Standing("1.2.0"), "1.3.0", NOW) == Standing()
    assert start(Standing("1.2.0"), "1.2.0rc1", NOW).current == "1.2.0"


def test_only_what_is_newer_is_taken_and_never_up_to_what_was_rolled_back() -> None:
    standing = give_up(ON_TRIAL, "the engine did not answer", NOW)

    for version, why in {
        "1.0.0": "not newer",
        "1.1.0": "not newer",
        "1.2.0": "the engine did not answer",
        "1.2.0rc1": "the engine did not answer",
    }.items():
        with pytest.raises(UpdateRefused, match=why):
            may_take(offered(version), standing, "1.0.0", NOW)
    may_take(offered("1.2.1"), standing, "1.0.0", NOW)


def test_a_release_says_from_which_version_on_it_can_be_taken() -> None:
    with pytest.raises(UpdateRefused, match=r"follows 1\.1\.0 or newer, and this is 1\.0\.0"):
        may_take(offered("2.0.0", least="1.1.0"), Standing(), "1.0.0", NOW)


def test_nothing_is_taken_while_another_version_is_on_trial() -> None:
    with pytest.raises(UpdateRefused, match="still on trial"):
        may_take(offered("2.0.0"), ON_TRIAL, "1.0.0", NOW)


def test_a_version_that_failed_before_its_trial_leaves_what_runs_alone() -> None:
    after = refuse(Standing("1.1.0"), Version.parse("1.2.0"), "its self-test failed")

    assert after == Standing("1.1.0", rolled_back=RolledBack("1.2.0", "its self-test failed"))


def test_a_confirmed_version_that_cannot_be_started_is_gone_back_from_to_the_installed() -> None:
    assert give_up(Standing("1.2.0"), "gone", NOW).current == ""
    assert give_up(Standing(), "nothing to give up", NOW) == Standing()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"current": "../../bin", "trial": None, "rolled_back": None},
        {"current": "1.2.0", "trial": {"before": "/etc"}, "rolled_back": None},
        {"current": 7, "trial": None, "rolled_back": None},
        {"current": "1.2.0", "trial": [], "rolled_back": None},
    ],
)
def test_a_standing_that_cannot_be_understood_means_the_installed_version(
    state: dict[str, object],
) -> None:
    assert from_state(state) == Standing()


def test_a_standing_is_kept_as_it_is() -> None:
    told = replace(ON_TRIAL, rolled_back=RolledBack("1.0.9", "why"))
    met_no_server = give_up(lacking(ON_TRIAL, "1.2.0", server_alone=True), "", NOW)

    for one in (told, met_no_server, lacking(ON_TRIAL, "1.2.0", server_alone=True)):
        assert from_state(as_state(one)) == one


def test_what_an_older_agent_kept_is_read_and_without_a_time_zone_means_the_installed() -> None:
    kept = as_state(give_up(ON_TRIAL, "why", NOW))
    for added in ("unmet", "since"):
        del kept["rolled_back"][added]
    strange = as_state(Standing(rolled_back=RolledBack("1.2.0", "why", 1, NOW)))
    strange["rolled_back"]["since"] = "2026-11-26T12:00:00"

    assert from_state(kept) == Standing("1.1.0", rolled_back=RolledBack("1.2.0", "why"))
    assert from_state(strange) == Standing()


def met_no_server(standing: Standing, now: datetime) -> Standing:
    """A trial of 1.2.0 that ends with all of it shown but its server."""
    began = start(begin(standing, Version.parse("1.2.0"), with_server=True), "1.0.0", now)
    return give_up(lacking(began, "1.2.0", server_alone=True), "its time was over", now)


def test_a_version_that_lacked_its_server_alone_is_tried_again_later_each_time() -> None:
    standing, now = Standing("1.1.0"), NOW
    for pause in TRIED_AGAIN_AFTER:
        standing = met_no_server(standing, now)
        assert standing.current == "1.1.0"
        for early in (timedelta(), pause - timedelta(seconds=1)):
            with pytest.raises(UpdateRefused, match=r"met no server .* tried again from 2026-1"):
                may_take(offered("1.2.0"), standing, "1.0.0", now + early)
        now += pause
        may_take(offered("1.2.0"), standing, "1.0.0", now)

    standing = met_no_server(standing, now)

    with pytest.raises(UpdateRefused, match="in trial 5: not tried again"):
        may_take(offered("1.2.0"), standing, "1.0.0", now + timedelta(days=365))
    may_take(offered("1.3.0"), standing, "1.0.0", now)


def test_only_the_version_itself_is_tried_again_and_no_clock_that_went_back_prevents_it() -> None:
    standing = met_no_server(Standing("1.1.0"), NOW)

    assert did_not_work_here("1.2.0rc1", standing, NOW + timedelta(days=1))
    assert not did_not_work_here("1.2.0", standing, NOW - timedelta(days=300))


def test_a_version_whose_other_parts_fail_too_is_not_tried_again() -> None:
    before = met_no_server(Standing("1.1.0"), NOW)
    began = start(begin(before, Version.parse("1.2.0"), with_server=True), "1.0.0", NOW)
    noted = lacking(began, "1.2.0", server_alone=True)

    worse = lacking(noted, "1.2.0", server_alone=False)
    crashed = start(noted, "1.0.0", NOW)

    assert give_up(worse, "its engine died", NOW).rolled_back == RolledBack(
        "1.2.0", "its engine died"
    )
    assert give_up(crashed, "it crashed", NOW).rolled_back == RolledBack("1.2.0", "it crashed")


def test_a_version_that_failed_is_not_forgotten_when_an_older_one_fails_after_it() -> None:
    failed = give_up(ON_TRIAL, "the engine did not answer", NOW)

    damaged = give_up(failed, "its program cannot be started", NOW)

    assert damaged == Standing(rolled_back=RolledBack("1.2.0", "the engine did not answer"))
    assert refuse(damaged, Version.parse("1.1.5"), "why").rolled_back == damaged.rolled_back


def test_trials_in_which_the_server_was_away_are_forgotten_once_it_is_met() -> None:
    standing = met_no_server(met_no_server(Standing("1.1.0"), NOW), NOW)
    again = begin(standing, Version.parse("1.2.0"), with_server=True)

    assert confirm(again, "1.2.0") == Standing("1.2.0")


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["take", "start", "stop", "confirm", "give up"]),
        st.sampled_from(["1.1.0", "1.2.0", "1.3.0", "1.4.0rc1", "1.4.0"]),
    ),
    max_size=40,
)


@given(acts=ACTS)
def test_whatever_happens_what_runs_was_confirmed_or_is_on_trial_for_a_few_starts(
    acts: list[tuple[str, str]],
) -> None:
    standing, confirmed, failed = Standing(), {""}, Version.parse("1.0.0")
    for act, version in acts:
        match act:
            case "take":
                try:
                    may_take(offered(version), standing, "1.0.0", NOW)
                except UpdateRefused:
                    continue
                assert Version.parse(version) > failed
                standing = begin(standing, Version.parse(version), with_server=False)
            case "start":
                standing = start(standing, "1.0.0", NOW)
            case "stop":
                standing = stopped(standing)
            case "confirm":
                standing = confirm(standing, standing.current)
                confirmed.add(standing.current)
            case _:
                standing = give_up(standing, "why", NOW)
        if standing.rolled_back is not None:
            failed = max(failed, Version.parse(standing.rolled_back.version))
        if standing.trial is None:
            assert standing.current in confirmed
        else:
            assert standing.trial.starts <= MOST_STARTS
            assert standing.trial.before in confirmed
        assert from_state(as_state(standing)) == standing
