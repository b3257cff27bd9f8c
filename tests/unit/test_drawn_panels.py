"""The pictures of dashboards: every panel is drawn from what Prometheus answers, or is empty."""

import json
from html import escape
from pathlib import Path
from typing import Any

import pytest

from drawn_panels import Series, page, written

BOARDS = sorted(
    (Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards" / "fr").glob("*.json")
)
LABELS = {"site": "Les <Lilas>", "question": "6", "rule": "Q06-firewall-enabled", "device": "d1"}


def answers(board: dict[str, Any], *, empty: bool) -> dict[tuple[str, str], Series]:
    found = {"metric": LABELS, "value": [60, "3"], "values": [[60, "1"], [120, "3"]]}
    return {
        (panel["title"], target["refId"]): [] if empty else [found]
        for panel in board["panels"]
        for target in panel["targets"]
    }


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_panel_is_drawn_whether_or_not_there_is_an_answer(path: Path) -> None:
    board = json.loads(path.read_text(encoding="utf-8"))

    drawn = page(board, answers(board, empty=False), "Pas une capture d'écran.")
    nothing = page(board, answers(board, empty=True), "")

    for panel in board["panels"]:
        assert f"<h2>{escape(panel['title'])}</h2>" in drawn
    assert "<Lilas>" not in drawn
    assert escape("Pas une capture d'écran.") in drawn
    assert len(nothing) < len(drawn)


def test_values_are_written_in_their_units() -> None:
    assert [written(*value) for value in ((0.553, "percentunit"), (93_600, "s"), (0.02, "s"))] == [
        "55 %",
        "1.1 j",
        "20 ms",
    ]
