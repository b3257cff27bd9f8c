"""Followed expressions: what they come to, and within which times that stands.

The library is asked about the same, at the edges of what was said to last and just beyond.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.conditions import Compiler, Evidence, Kind
from vigie_server.domain.lasting import (
    Following,
    Moving,
    MovingReal,
    NotFollowed,
    Trees,
    Value,
    Windows,
)

NOW: Final = 1_000_000
THEN: Final = 900_000
ROWS: Final[Sequence[Mapping[str, object]]] = [
    {"at": 890_000, "name": "one", "on": True, "#": 0},
    {"at": None, "name": "two", "on": False, "#": 1},
    {"at": 950_000, "name": "three", "on": None, "#": 2},
]
KINDS: Final = {
    "now": Kind.INTEGER,
    "seen": Kind.ANY,
    "skew": Kind.ANY,
    "rows": Kind.ROWS,
}
VALUES: Final[Mapping[str, object]] = {"now": NOW, "seen": THEN, "skew": 12.5, "rows": ROWS}
CONDITIONS: Final = [
    "now - seen <= 100000",
    "now - seen < 100000",
    "now > seen && seen >= 900000",
    "seen != 900000",
    "seen == 900000 || now == 5",
    "now - seen == 100000",
    "-seen < -899999",
    "now * 2 - seen * 2 >= 200000",
    "rows.exists(r, r.at != null && r.at >= now - 86400)",
    "rows.filter(r, r.at != null && r.at > seen - 10000).all(r, r.at < now)",
    "newest(rows.map(r, r.at)) + 86400 > now",
    "oldest([seen, now - 90000]) + 86400 < now",
    "size(rows.filter(r, r.at == null || r.at < seen)) == 2",
    "skew > 12.5",
    "skew >= 12.5 && skew < 13.0",
    "(skew < 0.0 ? dyn(-skew) : dyn(skew)) > double(12) + 0.25",
    "12.25 < skew",
    "skew == null || seen == null",
    "seen != null && [now, seen][1] < now && rows[0].name.startsWith('on')",
    "rows[1].name in ['one', 'two'] ? now < 1000001 : now < 0",
    "int(seen) + size('abc') - 3 <= now",
    "!(now % 7 == 0) || true",
]


def followed(text: str, now: int, seen: int, skew: float) -> tuple[bool, Windows]:
    moving: dict[str, Value] = {
        **VALUES,
        "now": Moving((1, 0, 0), 0, now),
        "seen": Moving((0, 1, 0), 0, seen),
        "skew": MovingReal((0, 0, 1), skew),
    }
    windows = Windows()
    return Following(Trees("", ()), moving, windows).flag(text), windows


def said(text: str, now: int, seen: int, skew: float) -> Any:
    condition = Compiler("", shared=KINDS, own={}, bindings={}).condition(text)
    return condition.holds(Evidence({**VALUES, "now": now, "seen": seen, "skew": skew}))


@pytest.mark.parametrize("text", CONDITIONS[:-1])
@given(
    st.integers(-100_001, 100_001),
    st.integers(-100_001, 100_001),
    st.sampled_from([-13.0, -12.5, -0.0, 0.0, 12.25, 12.499999, 12.5, 12.500001, 13.0, 40.0]),
)
def test_within_the_windows_the_library_says_the_same(
    text: str, later: int, moved: int, skew: float
) -> None:
    value, windows = followed(text, NOW, THEN, 12.5)
    assert value == said(text, NOW, THEN, 12.5)
    edges = {
        end - THEN
        for window in windows.all()
        for end in (window.least, window.most)
        if end is not None and window.by == (0, 1, 0)
    }

    for place in {moved, *(int(edge) + off for edge in edges for off in (-1, 0, 1))}:
        times = (NOW + later, THEN + place, skew)
        if all(window.holds(times) for window in windows.all()):
            assert said(text, *times) == value


@pytest.mark.parametrize("text", CONDITIONS[:-1])
def test_what_is_compared_with_a_time_does_not_last_for_ever(text: str) -> None:
    _, windows = followed(text, NOW, THEN, 12.5)

    assert windows.all() or "null" in text


@pytest.mark.parametrize(
    "text",
    [
        CONDITIONS[-1],
        "now / 2 > 1",
        "now * seen > 1",
        "rows[0].on > false",
        "rows[7].on == true",
        "rows[0].other == 1",
        "nothing == 1",
        "rows[0].name == 1",
        "rows[0].at + 1.5 > 1.0",
        "skew + 1.0 > 1.0",
        "rows[1].at > 5",
        "rows[0].name.matches('o.*')",
        "string(now) == '5'",
        "rows[0] == rows[1]",
        "4611686018427387904 + 4611686018427387904 > now",
        "now",
        "rows.exists_one(r, r.at == now)",
        "rows.map(r, r.on, r.at) == []",
        "support_end('none', 'none') > now",
    ],
)
def test_what_is_not_understood_is_not_followed(text: str) -> None:
    with pytest.raises(NotFollowed):
        followed(text, NOW, THEN, 12.5)


def test_long_evidence_is_not_followed() -> None:
    rows = [{"at": at, "#": at} for at in range(300)]
    values: dict[str, Value] = {"rows": rows, "now": Moving((1,), 0, 5)}
    following = Following(Trees("", ()), values, Windows())

    with pytest.raises(NotFollowed):
        following.flag("rows.all(r, rows.exists(s, s.at > r.at + now))")


def test_named_sub_expressions_and_names_of_the_rule_itself() -> None:
    trees = Trees("v1.Q1", [("late", "seen + p.days * 86400 < now")])
    values: dict[str, Value] = {
        "now": Moving((1, 0), 0, NOW),
        "seen": Moving((0, 1), 0, THEN),
        "v1.Q1.p.days": 1,
        "p.days": 100,
    }
    windows = Windows()

    assert Following(trees, values, windows).flag("late && late") is True
    (window,) = windows.all()
    assert window.holds((NOW, THEN))
    assert window.holds((NOW, THEN + 13_599))
    assert not window.holds((NOW, THEN + 13_600))
