"""What sites come to, read back with prometheus-client's own parser."""

from prometheus_client.parser import text_string_to_metric_families

from metric_pages import site_page
from vigie_server.domain.verdicts import Status
from vigie_server.metrics.site_lines import SiteLines

SITE = 'Les "Tilleuls"\n'


def samples(lines: SiteLines) -> dict[tuple[str, str, str], float]:
    return {
        (
            sample.name,
            sample.labels["site"],
            sample.labels.get("question") or sample.labels["rule"],
        ): (sample.value)
        for family in text_string_to_metric_families(site_page(lines))
        for sample in family.samples
    }


def test_a_question_that_is_not_assessed_is_absent_rather_than_zero() -> None:
    lines = SiteLines()

    lines.put(SITE, {1: None, 2: 0, 3: 4}, {})

    assert samples(lines) == {
        ("vigie_site_maturity_level", SITE, "2"): 0,
        ("vigie_site_maturity_level", SITE, "3"): 4,
    }


def test_a_rule_that_is_unknown_or_not_applicable_is_absent() -> None:
    lines = SiteLines()

    lines.put(
        SITE,
        {},
        {"a": Status.PASS, "b": Status.FAIL, "c": Status.UNKNOWN, "d": Status.NOT_APPLICABLE},
    )

    assert samples(lines) == {
        ("vigie_site_rule_compliant", SITE, "a"): 1,
        ("vigie_site_rule_compliant", SITE, "b"): 0,
    }


def test_a_site_that_is_gone_disappears_and_an_empty_family_has_no_header() -> None:
    lines = SiteLines()
    lines.put("a", {1: 1}, {})
    lines.put("b", {1: None}, {})

    lines.keep(frozenset({"b"}))

    assert site_page(lines) == ""
