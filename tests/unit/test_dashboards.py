"""The Grafana dashboards: committed as their code draws them, alike in both languages."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from vigie_grafana import colours
from vigie_grafana.__main__ import main
from vigie_grafana.wording import Language

COMMITTED = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
NAMES = sorted(path.stem for path in (COMMITTED / Language.FRENCH).glob("*.json"))
UNITS = {"short", "percentunit", "s", "reqps", "bytes"}


def dashboard(language: Language, name: str) -> dict[str, Any]:
    found = json.loads((COMMITTED / language / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def colours_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"color", "fixedColor"} and isinstance(inner, str):
                yield inner
            yield from colours_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from colours_in(inner)


def test_they_are_committed_as_their_code_draws_them(tmp_path: Path) -> None:
    main(tmp_path)

    drawn = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.json")}
    committed = {
        path.relative_to(COMMITTED): path.read_text() for path in COMMITTED.rglob("*.json")
    }
    assert drawn == committed, "run make dashboards"


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_ask_the_same(name: str) -> None:
    french, english = (dashboard(language, name) for language in Language)

    def asked(board: dict[str, Any]) -> list[list[str]]:
        return [[target["expr"] for target in panel["targets"]] for panel in board["panels"]]

    assert asked(french) == asked(english)
    assert french["uid"] != english["uid"]
    assert french["title"] != english["title"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", Language)
def test_panels_say_what_they_show_in_known_units_and_colours(
    language: Language, name: str
) -> None:
    palette = {value for value in vars(colours).values() if isinstance(value, str)}
    for panel in dashboard(language, name)["panels"]:
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"].get("unit", "short") in UNITS
        assert set(colours_in(panel["fieldConfig"])) <= palette


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_that_is_asked_for_can_be_chosen(name: str) -> None:
    board = dashboard(Language.FRENCH, name)
    chosen = {variable["name"] for variable in board["templating"]["list"]}
    panels = json.dumps(board["panels"])

    asked = set(re.findall(r"\$\{?([a-z]+)", panels)) - {"__value"}

    assert asked <= chosen


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_lies_over_another(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard(Language.FRENCH, name)["panels"]:
        place = panel["gridPos"]
        cells = {
            (place.get("x", 0) + across, place.get("y", 0) + down)
            for across in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(across for across, _ in cells) < 24
        taken |= cells
