"""Lists of names and ends of support."""

import gc
from datetime import date
from pathlib import Path

import pytest

from vigie_server.bundled import guide_folder
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.reference import NameList, SupportTable
from vigie_server.domain.reference_files import load_references


def shipped_systems() -> SupportTable:
    table = load_references(guide_folder() / "reference")["os_support"].content
    assert isinstance(table, SupportTable)
    return table


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("accueil", True),
        ("ACCUEIL", True),
        (" Accueil ", True),
        ("poste12", True),
        ("poste", True),
        ("le-poste", False),
        ("a.b", True),
        ("axb", False),
        ("", False),
    ],
)
def test_a_name_is_held_whatever_its_case_and_by_star(name: str, held: bool) -> None:
    names = NameList.of(["Accueil", "poste*", "a.b", ""])

    assert names.holds(name) is held


def test_lists_of_equal_content_are_one_list() -> None:
    first, second = NameList.of(["marie", "paul"]), NameList.of(("marie", "paul"))

    assert first is second
    assert NameList.behind(first.handle) is first
    assert len(first) == 2


def test_a_list_that_nobody_holds_is_forgotten() -> None:
    handle = NameList.of(["someone who is named nowhere else"]).handle
    gc.collect()

    with pytest.raises(KeyError):
        NameList.behind(handle)


def test_a_table_outlives_another_of_equal_content() -> None:
    kept = shipped_systems()
    shipped_systems()
    gc.collect()

    assert SupportTable.behind(kept.handle) is kept


@pytest.fixture(scope="module")
def systems() -> SupportTable:
    return shipped_systems()


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("debian 12 (bookworm)", date(2028, 6, 30)),
        ("Debian 12", date(2028, 6, 30)),
        ("ubuntu 22.04.3 LTS (Jammy Jellyfish)", date(2027, 4, 30)),
        ("windows pro 19045.6456", date(2025, 10, 14)),
        ("windows enterprise 22631.6060", date(2026, 11, 10)),
        ("macos 15.7.2", date(2027, 9, 30)),
        ("rhel 9.6 (Plow)", date(2032, 5, 31)),
    ],
)
def test_a_release_is_found_by_what_its_name_begins_with(
    systems: SupportTable, name: str, ends: date
) -> None:
    release = systems.release(name)

    assert release is not None
    assert release.ends == ends


@pytest.mark.parametrize("name", ["debian 120", "debian", "", "windows pro 190450", "beos 5"])
def test_a_release_that_is_not_in_the_table_is_not_guessed(
    systems: SupportTable, name: str
) -> None:
    assert systems.release(name) is None


def test_the_last_day_of_support_is_still_supported(systems: SupportTable) -> None:
    release = systems.release("windows pro 19045")

    assert release is not None
    assert release.ends_at == 1_760_486_400  # 15 October 2025, 00:00 UTC


def test_every_release_says_who_tells_its_end_and_when_that_was_noted(
    systems: SupportTable,
) -> None:
    for release in systems.releases.values():
        assert release.source
        assert release.recorded >= date(2026, 1, 1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{key: a, name: A, ends: soon, recorded: 2026-01-01, source: S}", "must be a day"),
        ("{key: a, name: A, recorded: 2026-01-01, source: S}", "lacks `ends`"),
        ("{key: a, name: A, ends: 2026-01-01, recorded: 2026-01-01, source: ''}", "not be empty"),
    ],
)
def test_a_malformed_table_is_refused_with_its_place(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "os.yaml").write_text(f"table: os\nreleases:\n  - {line}\n", encoding="utf-8")

    with pytest.raises(RulesMalformed, match=r"os\.yaml:3") as refused:
        load_references(tmp_path)

    assert says in str(refused.value)
