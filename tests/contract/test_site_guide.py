"""The shipped guide of sites: complete, consistent with what can be attested, in both languages."""

from functools import cache

from vigie_server.bundled import bundled_attestations, bundled_catalogue, bundled_site_guide
from vigie_server.domain.ladder_files import rules_of
from vigie_server.domain.maturity import AnyOf, Attested, Condition
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.site_rules import DECISIONS


@cache
def the_guide() -> SiteGuide:
    return bundled_site_guide(bundled_catalogue())


def attested(conditions: tuple[Condition, ...]) -> set[str]:
    """The items that conditions name, alternatives included."""
    found: set[str] = set()
    for condition in conditions:
        if isinstance(condition, Attested):
            found.add(condition.item)
        elif isinstance(condition, AnyOf):
            for held in condition.lists:
                found |= attested(held)
    return found


def test_every_question_has_its_levels_and_their_words() -> None:
    guide = the_guide()

    assert sorted(guide.ladder) == sorted(guide.words) == list(range(1, 14))
    texts = [words for levels in guide.words.values() for words in levels.values()]
    assert len(texts) == 13 * 5
    assert len({words["fr"] for words in texts}) == len(texts)


def test_every_rule_of_a_site_has_texts_and_a_decision() -> None:
    assert the_guide().site_rules.keys() == DECISIONS.keys()


def test_an_attestation_that_counts_for_a_level_is_a_condition_of_it() -> None:
    guide = the_guide()
    told = {
        (item.level_of, item.level, item.id)
        for item in bundled_attestations().items.values()
        if item.level is not None
    }
    asked = {
        (question, level, item)
        for question, levels in guide.ladder.items()
        for level, conditions in levels.items()
        for item in attested(conditions)
    }

    assert told == asked


def test_a_product_is_watched_under_one_name_whatever_the_language_of_its_package() -> None:
    watched = the_guide().watched

    assert watched.product("Mozilla Firefox (x64 fr)") == "Mozilla Firefox"
    assert watched.product("Mozilla Firefox ESR (x64 fr)") == "Mozilla Firefox ESR"
    assert watched.product("7-Zip 16.04 (x64)") == "7-Zip"
    assert watched.product("firefox-esr-l10n-fr") == ""


def test_every_rule_that_a_level_asks_for_may_be_said_not_to_apply() -> None:
    asked = rules_of(the_guide().ladder)

    assert asked == bundled_attestations().rules
    assert {"Q09-usb-storage-blocked", "Q07-starttls", "Q01-coverage"} <= asked
