"""What a site compares its devices by, taken from recorded and from damaged answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.domain.facts import Fact
from vigie_server.domain.traits import TraitReader, trait_readers

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@cache
def readers() -> Mapping[str, TraitReader]:
    return trait_readers(bundled_site_guide(bundled_catalogue()))


def a_fact(topic: str, rows: Sequence[Mapping[str, str]], *, status: str = "ok") -> Fact:
    columns = sorted({column for row in rows for column in row})
    declared = readers()[topic].topic
    return declared.convert(
        topic_version=declared.version,
        status=status,
        message="",
        columns=columns,
        values=[row.get(column, "") for row in rows for column in columns],
        observed_at=NOW,
    )


def recorded(platform: str, scenario: str, topic: str) -> list[dict[str, str]]:
    text = (FIXTURES / platform / scenario / f"{topic}.json").read_text(encoding="utf-8")
    return list(json.loads(text))


def taken(topic: str, rows: Sequence[Mapping[str, str]], platform: str) -> object:
    return readers()[topic].traits_of(a_fact(topic, rows), platform)


def test_watched_products_are_found_on_every_system() -> None:
    windows = taken("software", recorded("windows", "compliant", "software"), "windows")
    mac = taken("software", recorded("darwin", "compliant", "software"), "darwin")
    linux = taken("software", recorded("linux", "compliant", "software"), "linux")

    assert windows == {
        ("Microsoft Edge", "142.0.3595.94"),
        ("Mozilla Firefox ESR", "140.5.0"),
        ("LibreOffice", "25.8.3.2"),
    }
    assert mac == {("Mozilla Firefox", "140.5.0"), ("Google Chrome", "142.0.7444.176")}
    assert linux == {("Mozilla Firefox ESR", "140.5.0esr-1")}


def test_software_without_a_watched_product_tells_that_there_is_none() -> None:
    row = {"part": "programs", "collected": "yes", "why": "", "name": "Paint", "version": "1"}

    assert taken("software", [row], "windows") == frozenset()


def test_a_list_of_software_of_which_a_part_was_not_read_tells_nothing() -> None:
    read = {"part": "deb", "collected": "yes", "why": "", "name": "vlc", "version": "3"}
    unread = {"part": "rpm", "collected": "no", "why": "needs root", "name": "", "version": ""}

    assert taken("software", [read], "linux") == {("VLC", "3")}
    assert taken("software", [read, unread], "linux") is None


def test_no_row_tells_nothing_where_emptiness_is_no_fact() -> None:
    assert taken("software", [], "windows") is None
    assert taken("firewall", [], "windows") is None


@pytest.mark.parametrize("status", ["error", "timeout", "too_large", "no_permission"])
def test_an_answer_that_failed_tells_nothing(status: str) -> None:
    rows = recorded("windows", "compliant", "software")

    assert (
        readers()["software"].traits_of(a_fact("software", rows, status=status), "windows") is None
    )


def test_an_answer_to_an_older_question_tells_nothing() -> None:
    fact = a_fact("software", recorded("windows", "compliant", "software"))

    assert readers()["software"].traits_of(replace(fact, topic_version=0), "windows") is None


@pytest.mark.parametrize("platform", ["windows", "darwin", "linux"])
def test_a_firewall_is_one_digest_whatever_the_order_of_its_rows(platform: str) -> None:
    rows = recorded(platform, "compliant", "firewall")

    first, turned = taken("firewall", rows, platform), taken("firewall", rows[::-1], platform)

    assert first == turned
    assert isinstance(first, frozenset)
    assert len(first) == 1


def test_another_rule_is_another_configuration() -> None:
    rows = recorded("windows", "compliant", "firewall")
    other = [{**row, "fingerprint": row["fingerprint"] and "another"} for row in rows]

    assert taken("firewall", rows, "windows") != taken("firewall", other, "windows")


def test_a_firewall_that_is_on_and_whose_rules_were_not_read_is_not_compared() -> None:
    rows = recorded("windows", "compliant", "firewall")
    blind = [{**row, "fingerprint": ""} for row in rows]

    assert taken("firewall", blind, "windows") is None
