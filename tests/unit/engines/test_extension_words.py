"""Between osquery's words for a scan and ours."""

import json

import pytest

from vigie_agent.domain.table import Constraint, Request, Table
from vigie_agent.engines.extension import request_of, routes_of, row_text


def test_a_scan_tells_its_constraints_and_columns() -> None:
    context = {
        "constraints": [
            {
                "name": "path",
                "affinity": "TEXT",
                "list": [{"op": 2, "expr": "/a"}, {"op": "65", "expr": "/b%"}],
            },
            {"name": "size", "affinity": "BIGINT", "list": []},
        ],
        "colsUsed": ["path"],
        "colsUsedBitset": 1,
    }

    request = request_of(json.dumps(context))

    assert request.equals("path") == ("/a",)
    assert request.likes("path") == ("/b%",)
    assert request.constraints == {"path": (Constraint(2, "/a"), Constraint(65, "/b%"))}
    assert request.uses("path")
    assert not request.uses("size")


@pytest.mark.parametrize("context", ["", "not JSON", "[]", "{}", '{"constraints": null}'])
def test_a_scan_without_a_context_asks_for_everything(context: str) -> None:
    assert request_of(context) == Request()


def test_null_is_left_out_of_a_row() -> None:
    assert row_text({"a": None, "b": "", "c": 0, "d": 1.5, "e": True}) == {
        "b": "",
        "c": "0",
        "d": "1.5",
        "e": "1",
    }


def test_other_names_are_told_beside_the_columns() -> None:
    table = Table("vigie_x", (), lambda _request: (), aliases=("vigie_y",))

    assert routes_of(table) == [{"id": "alias", "alias": "vigie_y"}]
