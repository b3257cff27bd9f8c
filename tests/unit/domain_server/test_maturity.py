"""The ladder N0 to N4: what holds a site where it is, and what comes next."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.maturity import (
    DECLARED_DEVICES,
    Action,
    AnyOf,
    Assessment,
    Attestation,
    Attested,
    Condition,
    Need,
    OfSite,
    Outcome,
    Population,
    RuleStanding,
    Share,
    SiteStanding,
    WordShare,
    assess,
    spread,
)
from vigie_server.domain.verdicts import Status

HELD: Final = Attestation(Outcome.HELD)
EMPTY: Final = SiteStanding(
    declared_devices=None, reporting=0, rules={}, site_rules={}, attestations={}
)


def ladder(
    *n1: Condition, n2: Condition | None = None
) -> Mapping[int, Mapping[int, tuple[Condition, ...]]]:
    """One question; what is not given asks for an attestation that nobody makes."""
    never = (Attested("never"),)
    return {9: {1: n1, 2: never if n2 is None else (n2,), 3: never, 4: never}}


def level_of(site: SiteStanding, *n1: Condition, n2: Condition | None = None) -> Assessment:
    (assessment,) = assess(ladder(*n1, n2=n2), site, share=0.95)
    return assessment


def site(
    *, declared: int | None = 20, reporting: int = 20, applies: int = 20, passing: int = 20
) -> SiteStanding:
    standing = RuleStanding(applies, passing, judged=applies > 0, open=("pc-1", "pc-2"))
    return replace(
        EMPTY,
        declared_devices=declared,
        reporting=reporting,
        rules={("Q09-x", Population.ALL): standing},
    )


def test_a_site_of_which_nothing_is_known_is_not_assessed_rather_than_n0() -> None:
    assert level_of(EMPTY, Attested("Q09-charter"), Share("Q09-x")).level is None


def test_a_level_holds_when_all_its_conditions_and_those_below_hold() -> None:
    told = replace(EMPTY, attestations={"one": HELD, "two": HELD})

    assert level_of(told, Attested("one"), n2=Attested("two")).level == 2
    assert level_of(told, Attested("one"), n2=Attested("three")).level == 1
    assert level_of(told, Attested("three"), n2=Attested("two")).level == 0


def test_enough_devices_are_a_share_of_those_the_site_declares() -> None:
    assert level_of(site(passing=19), Share("Q09-x")).level == 1
    assert level_of(site(passing=18), Share("Q09-x")).level == 0


def test_devices_that_never_reported_do_not_pass() -> None:
    absent = site(declared=40)

    assessment = level_of(absent, Share("Q09-x"))

    assert assessment.level == 0
    assert assessment.actions == (Action(Need.ENROL, "Q09-x", 18),)


def test_a_site_that_does_not_say_how_many_devices_it_has_meets_no_share() -> None:
    assessment = level_of(site(declared=None), Share("Q09-x"))

    assert assessment.level == 0
    assert assessment.actions == (Action(Need.DECLARE, DECLARED_DEVICES),)


def test_every_device_is_more_than_enough_devices() -> None:
    assert level_of(site(passing=19), Share("Q09-x", every=True)).level == 0
    assert level_of(site(passing=20), Share("Q09-x", every=True)).level == 1


def test_a_share_of_nobody_is_met_only_by_a_person_who_says_that_it_does_not_apply() -> None:
    nobody = site(declared=0, reporting=0, applies=0, passing=0)
    said = replace(nobody, attestations={"Q09-x": Attestation(Outcome.NOT_APPLICABLE)})

    assert level_of(nobody, Share("Q09-x")).actions == (Action(Need.APPLY, "Q09-x"),)
    assert level_of(said, Share("Q09-x")).level == 1


def test_a_rule_that_devices_fail_is_not_made_to_hold_by_a_word() -> None:
    excused = {"Q09-x": Attestation(Outcome.NOT_APPLICABLE)}
    failing = replace(site(passing=3), attestations=excused)
    failed = replace(EMPTY, site_rules={"Q09-x": Status.FAIL}, attestations=excused)
    unknown = replace(failed, site_rules={"Q09-x": Status.UNKNOWN})

    assert level_of(failing, Share("Q09-x")).level == 0
    assert level_of(failed, OfSite("Q09-x")).level == 0
    assert level_of(unknown, OfSite("Q09-x")).actions == (Action(Need.SITE, "Q09-x"),)


def test_a_rule_of_the_site_with_nothing_to_decide_on_needs_a_person_who_says_so() -> None:
    nothing = replace(EMPTY, site_rules={"Q07-x": Status.NOT_APPLICABLE})
    said = {"Q07-x": Attestation(Outcome.NOT_APPLICABLE)}

    (to_say,) = level_of(nothing, OfSite("Q07-x")).actions
    (to_meet,) = level_of(EMPTY, OfSite("Q07-x")).actions

    assert to_say == Action(Need.APPLY, "Q07-x")
    assert (to_meet.need, to_meet.alternatives) == (Need.SITE, ((to_say,),))
    assert level_of(replace(nothing, attestations=said), OfSite("Q07-x")).level == 1
    assert level_of(replace(EMPTY, attestations=said), OfSite("Q07-x")).level == 1


def test_an_action_says_which_value_is_wanted_and_when_the_last_word_ended() -> None:
    ended = datetime(2026, 11, 1, tzinfo=UTC)
    lapsed = replace(EMPTY, expired={"Q10-x": ended})

    (no,) = level_of(EMPTY, Attested("Q09-x", value="no")).actions
    (all_of_them,) = level_of(lapsed, Attested("Q10-x", at_least=100)).actions

    assert (no.value, no.expired_at) == ("no", None)
    assert (all_of_them.at_least, all_of_them.expired_at) == (100, ended.timestamp())


def test_a_site_that_declares_no_number_is_told_at_once_which_devices_do_not_pass() -> None:
    undeclared = replace(site(passing=17), declared_devices=None)

    needs = [action.need for action in level_of(undeclared, Share("Q09-x")).actions]

    assert needs == [Need.DECLARE, Need.MEND]


def test_a_share_of_nomadic_devices_counts_them_alone() -> None:
    laptops = replace(EMPTY, rules={("Q09-x", Population.NOMADIC): RuleStanding(4, 4, judged=True)})

    assert level_of(laptops, Share("Q09-x", of=Population.NOMADIC)).level == 1


def test_an_action_names_devices_and_how_many_of_them_suffice() -> None:
    assessment = level_of(site(passing=17), Share("Q09-x"))

    assert assessment.actions == (Action(Need.MEND, "Q09-x", 2, ("pc-1", "pc-2")),)


def test_a_rule_of_the_site_passes_or_is_something_to_do() -> None:
    passes = replace(EMPTY, site_rules={"Q01-coverage": Status.PASS})
    unknown = replace(EMPTY, site_rules={"Q01-coverage": Status.UNKNOWN})

    assert level_of(passes, OfSite("Q01-coverage")).level == 1
    assert level_of(unknown, OfSite("Q01-coverage")).level is None
    assert level_of(unknown, OfSite("Q01-coverage")).actions[0].need is Need.SITE


def test_an_attestation_with_a_value_counts_with_that_value_only() -> None:
    no = replace(EMPTY, attestations={"need": Attestation(Outcome.HELD, "no")})
    yes = replace(EMPTY, attestations={"need": Attestation(Outcome.HELD, "yes")})

    assert level_of(no, Attested("need", value="no")).level == 1
    assert level_of(yes, Attested("need", value="no")).level == 0


def test_a_share_of_users_that_is_too_low_does_not_count() -> None:
    most = replace(EMPTY, attestations={"charter": Attestation(Outcome.HELD, 96)})
    all_of_them = replace(EMPTY, attestations={"charter": Attestation(Outcome.HELD, 100)})

    assert level_of(most, Attested("charter", at_least=100)).level == 0
    assert level_of(all_of_them, Attested("charter", at_least=100)).level == 1


NOT_HELD: Final = Attestation(Outcome.NOT_HELD)
EXCUSED: Final = Attestation(Outcome.NOT_APPLICABLE)


def of_groups(*shares: tuple[Attestation | None, int], declared: int | None = 20) -> SiteStanding:
    """What is said of an item for devices of groups; the others are under the site's word."""
    reporting = sum(devices for _, devices in shares)
    held = tuple(WordShare(word, devices) for word, devices in shares)
    return replace(EMPTY, declared_devices=declared, reporting=reporting, of_groups={"x": held})


def asked(standing: SiteStanding, condition: Attested | None = None) -> list[tuple[Need, int]]:
    found = level_of(standing, condition or Attested("x"))
    return [] if found.level == 1 else [(one.need, one.count) for one in found.actions]


def test_what_is_attested_of_groups_counts_once_it_covers_the_share_of_devices() -> None:
    assert asked(of_groups((HELD, 19), (None, 1))) == []
    assert asked(of_groups((HELD, 18), (None, 2))) == [(Need.ATTEST, 1)]
    assert level_of(of_groups((HELD, 1), (None, 19)), Attested("x")).level == 0


def test_declared_devices_that_do_not_report_are_under_the_word_of_the_site() -> None:
    missing = of_groups((HELD, 10))

    assert asked(missing) == [(Need.ATTEST, 9)]
    assert asked(replace(missing, attestations={"x": HELD})) == []
    assert asked(replace(missing, declared_devices=None)) == [(Need.DECLARE, 0)]


def test_a_group_of_which_it_is_not_so_outweighs_the_word_of_the_site() -> None:
    split = replace(of_groups((HELD, 18), (NOT_HELD, 2)), attestations={"x": HELD})

    assert asked(split) == [(Need.ATTEST, 1)]
    assert asked(replace(split, declared_devices=None)) == [(Need.ATTEST, 1)]


def test_devices_of_a_group_without_object_are_not_counted() -> None:
    assert asked(of_groups((HELD, 10), (EXCUSED, 10))) == []
    assert asked(of_groups((EXCUSED, 20))) == []
    assert asked(of_groups((None, 10), (EXCUSED, 10))) == [(Need.ATTEST, 10)]


def test_a_value_is_looked_at_group_by_group() -> None:
    no, full = Attestation(Outcome.HELD, "no"), Attestation(Outcome.HELD, 100)
    part = Attestation(Outcome.HELD, 99)

    assert asked(of_groups((no, 20)), Attested("x", value="no")) == []
    assert asked(of_groups((EXCUSED, 20)), Attested("x", value="no")) == [(Need.ATTEST, 19)]
    assert asked(of_groups((full, 20)), Attested("x", at_least=100)) == []
    assert asked(of_groups((full, 18), (part, 2)), Attested("x", at_least=100)) == [
        (Need.ATTEST, 1)
    ]


def test_a_word_on_groups_of_a_site_without_devices_leaves_the_word_of_the_site() -> None:
    nobody = replace(of_groups(declared=0), attestations={"x": HELD})

    assert asked(nobody) == []
    assert asked(replace(nobody, attestations={})) == [(Need.ATTEST, 0)]


def test_what_is_attested_as_not_done_is_known_and_does_not_count() -> None:
    told = replace(EMPTY, attestations={"one": Attestation(Outcome.NOT_HELD)})

    assert level_of(told, Attested("one")).level == 0


def test_one_way_of_several_suffices_and_the_cheapest_is_named_first() -> None:
    ways = AnyOf(((Share("Q09-x"), Attested("mobile")), (Attested("no-local-data"),)))
    open_site = site(passing=10)

    assessment = level_of(open_site, ways)
    met = level_of(replace(open_site, attestations={"no-local-data": HELD}), ways)

    assert assessment.actions[0].subject == "no-local-data"
    assert [action.subject for action in assessment.actions[0].alternatives[0]] == [
        "mobile",
        "Q09-x",
    ]
    assert met.level == 1


def test_words_come_before_deeds_and_few_devices_before_many() -> None:
    rules = {
        ("many", Population.ALL): RuleStanding(20, 2, judged=True),
        ("few", Population.ALL): RuleStanding(20, 18, judged=True),
    }
    told = replace(EMPTY, declared_devices=20, reporting=20, rules=rules)

    assessment = level_of(told, Share("many"), Share("few"), Attested("paper"))

    assert [action.subject for action in assessment.actions] == ["paper", "few", "many"]


def test_a_body_sees_how_many_sites_hold_each_level_and_no_site() -> None:
    assert spread([{1: 2, 2: None}, {1: 2, 2: 0}, {1: 4, 2: 0}]) == {
        1: {2: 2, 4: 1},
        2: {None: 1, 0: 2},
    }


@given(applies=st.integers(0, 300), passing=st.integers(0, 300), absent=st.integers(0, 50))
def test_following_the_actions_on_devices_meets_the_share(
    applies: int, passing: int, absent: int
) -> None:
    passing = min(applies, passing)
    before = site(declared=applies + absent, reporting=applies, applies=applies, passing=passing)
    actions = level_of(before, Share("Q09-x")).actions
    mended = sum(action.count for action in actions if action.need is Need.MEND)
    joined = sum(action.count for action in actions if action.need is Need.ENROL)
    after = site(
        declared=applies + absent,
        reporting=applies + joined,
        applies=applies + joined,
        passing=passing + mended + joined,
    )

    if applies + absent > 0:
        assert level_of(after, Share("Q09-x")).level == 1
        if mended:
            fewer = replace(
                after,
                rules={
                    ("Q09-x", Population.ALL): RuleStanding(
                        applies + joined, passing + mended + joined - 1, judged=True
                    )
                },
            )
            assert level_of(fewer, Share("Q09-x")).level == 0
