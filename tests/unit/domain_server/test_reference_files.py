"""Files of reference data: their kinds, their days, and those of a server's own."""

from datetime import date
from pathlib import Path
from typing import Final

import pytest

from vigie_server.bundled import guide_folder
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.products import ProductTable
from vigie_server.domain.reference import NameList
from vigie_server.domain.reference_files import load_references

TOOLS: Final = """products: tools
recorded: 2026-10-01
source: The vendor
entries:
  - {product: Hammer, names: ["hammer*", "com.acme.hammer"]}
  - {product: Saw 2, names: ["saw*"], since: "2", below: "3", ends: 2020-06-30,
     recorded: 2026-11-01}
  - {product: Saw, names: ["saw*"]}
"""
NAMES: Final = "list: names\nrecorded: 2026-10-01\nsource: Ours\nnames: [accueil, 'poste*']\n"


def folder(tmp_path: Path, where: str, **files: str) -> Path:
    made = tmp_path / where
    made.mkdir()
    for name, text in files.items():
        (made / f"{name}.yaml").write_text(text, encoding="utf-8")
    return made


def tools(tmp_path: Path) -> ProductTable:
    content = load_references(folder(tmp_path, "tools", tools=TOOLS))["tools"].content
    assert isinstance(content, ProductTable)
    return content


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("Hammer 15 Host", "Hammer"),
        ("com.acme.hammer", "Hammer"),
        ("com.acme.hammer.other", ""),
        ("a hammer", ""),
        ("SAW", "Saw 2"),
        ("", ""),
    ],
)
def test_a_name_belongs_to_the_first_product_that_knows_it(
    tmp_path: Path, name: str, product: str
) -> None:
    assert tools(tmp_path).product(name) == product


@pytest.mark.parametrize(
    ("version", "ended"),
    [
        ("2.0", True),
        ("2", True),
        ("2.9.1", True),
        ("1:2.5-3ubuntu1", True),
        ("3.0", False),
        ("1.99", False),
        ("10.2", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_the_end_of_a_product_is_that_of_its_version(
    tmp_path: Path, version: str, ended: bool
) -> None:
    end = tools(tmp_path).end("saw", version)

    assert end == (1_593_561_600 if ended else None)  # 1 July 2020, 00:00 UTC


def test_the_day_of_a_file_is_the_newest_of_its_days(tmp_path: Path) -> None:
    references = load_references(folder(tmp_path, "all", tools=TOOLS, names=NAMES))

    assert references["tools"].recorded == date(2026, 11, 1)
    assert references["names"].recorded == date(2026, 10, 1)
    assert references["names"].content == NameList.of(["accueil", "poste*"])


def test_a_file_of_the_servers_own_replaces_one_that_is_not_newer(tmp_path: Path) -> None:
    released = folder(tmp_path, "released", names=NAMES, tools=TOOLS)
    own = folder(tmp_path, "own", names=NAMES.replace("accueil", "standard"))

    references = load_references(released, own)

    assert references["names"].own
    assert references["names"].content == NameList.of(["standard", "poste*"])
    assert not references["tools"].own


def test_an_older_file_of_the_servers_own_is_passed_over_and_said(tmp_path: Path) -> None:
    released = folder(tmp_path, "released", names=NAMES)
    own = folder(tmp_path, "own", names=NAMES.replace("2026-10-01", "2026-09-30"))

    reference = load_references(released, own)["names"]

    assert not reference.own
    assert reference.passed_over == date(2026, 9, 30)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("name", NAMES, "name.yaml: there is no such reference; there are: names"),
        ("names", TOOLS.replace("products: tools", "products: names"), "not of the kind"),
        ("names", NAMES.replace("list: names", "list: other"), "own: names.yaml:1: `list` is not"),
        ("names", NAMES.replace("2026-10-01", "soon"), "names.yaml:2: `recorded` must be a day"),
    ],
)
def test_a_file_of_the_servers_own_that_replaces_nothing_is_refused_with_its_place(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    released = folder(tmp_path, "released", names=NAMES)

    with pytest.raises(RulesMalformed) as refused:
        load_references(released, folder(tmp_path, "own", **{name: text}))

    assert says in str(refused.value)
    assert str(tmp_path / "own") in str(refused.value)


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("products: tools", "tools: all", "must name itself under one of table, list, products"),
        ("source: The vendor\n", "", "tools.yaml:4: lacks `source`"),
        ("recorded: 2026-10-01\n", "", "tools.yaml:4: lacks `recorded`"),
        ('["hammer*", "com.acme.hammer"]', '["*"]', "must hold `names` that say something"),
        ('since: "2"', 'since: "two"', "`since` must be a version"),
        ("ends: 2020-06-30", "ends: 2020-06-31", "`ends` must be a day"),
        ("below:", "under:", "`under` is not a key of this place"),
    ],
)
def test_a_malformed_file_is_refused_with_its_place(
    tmp_path: Path, was: str, becomes: str, says: str
) -> None:
    assert was in TOOLS

    with pytest.raises(RulesMalformed) as refused:
        load_references(folder(tmp_path, "all", tools=TOOLS.replace(was, becomes)))

    assert says in str(refused.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    text = NAMES.replace("names: [accueil, 'poste*']\n", "names: []\n")

    with pytest.raises(RulesMalformed, match="must hold `names`, and not none"):
        load_references(folder(tmp_path, "all", names=text))


def test_every_line_of_what_is_shipped_has_a_source_and_a_recent_day() -> None:
    for reference in load_references(guide_folder() / "reference").values():
        assert reference.recorded >= date(2026, 1, 1)
        if isinstance(reference.content, ProductTable):
            for product in reference.content.products:
                assert product.source
                assert product.recorded >= date(2026, 1, 1)
