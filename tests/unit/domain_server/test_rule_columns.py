"""Which columns a rule can follow: never fewer than its expressions can reach."""

from dataclasses import replace
from typing import Final

import pytest

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.rule_columns import columns_followed
from vigie_server.domain.topics import Topic

FIREWALL: Final[Topic] = replace(bundled_catalogue().topics["firewall"], keys=("name",))
ALWAYS: Final = {"name", "part", "collected", "why"}


@pytest.mark.parametrize(
    "text",
    [
        "rows.all(r, r.enabled)",
        "rows.filter(r, r.part in ['live', 'kept']).exists(r, r.enabled)",
        "rows[0].enabled && rows.map(r, r.name.split(' '))[0][1] == 'on'",
        "cel.bind(v, rows.map(r, r.enabled), v[size(v) - 1])",
        r"rows.exists(r, r.name.matches(r'\bon') && r.enabled)",
    ],
)
def test_cells_are_selected_by_name(text: str) -> None:
    followed = columns_followed([text], ["enabled"], FIREWALL)

    assert followed == tuple(sorted({*ALWAYS, "enabled"}))


@pytest.mark.parametrize("text", ["rows[0].rules > 1", "has(rows[0] . rules)"])
def test_a_column_selected_outside_a_loop_counts_though_it_is_not_declared(text: str) -> None:
    followed = columns_followed([text], ["enabled"], FIREWALL)

    assert followed is not None
    assert set(followed) == {*ALWAYS, "enabled", "rules"}


@pytest.mark.parametrize(
    "text",
    [
        "rows.all(r, r['rules'] > 1)",
        "rows.all(r, r[p.column] == '1')",
        "rows.exists(r, r.exists(k, r[k] == '1'))",
        "rows[0][size(rows[0]) - 1]",
        "rows.exists(r, r == {'part': 'inbound'})",
        "'%s'.format([rows[0]]) == ''",
        "rows.all(r, r.`rules` > 1)",
        "rows.all(r, r.?rules.hasValue())",
        "rows.all(r, r[?'rules'].hasValue())",
        r"rows.all(r, r.name == 'a\'' || r[r.name] == '')",
        "rows.all(r, r.name == '''a'b''')",
        "rows.all(r, r.enabled) // don't",
    ],
)
def test_whatever_else_can_reach_a_cell_reaches_all(text: str) -> None:
    assert columns_followed(["true", text], ["enabled"], FIREWALL) is None
