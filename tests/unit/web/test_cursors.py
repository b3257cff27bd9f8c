"""Cursors: they lead to where the page before ended, and refuse everything else in words."""

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.errors import CursorRefused
from vigie_server.web.cursors import LONGEST, cursor_of, mark_of, place_of

LIST = "/api/v1/devices?sort=hostname"
KINDS = (str, int)
SAID = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100)


def sealed(told: object) -> str:
    return urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


@given(name=SAID, key=st.integers(-(2**63), 2**63 - 1))
def test_a_cursor_leads_to_its_place(name: str, key: int) -> None:
    assert place_of(LIST, KINDS, cursor_of(LIST, (name, key))) == (name, key)


@pytest.mark.parametrize(
    "other", ["/api/v1/devices", "/api/v1/devices?sort=-hostname", "/api/v1/audit?sort=hostname"]
)
def test_a_cursor_of_another_list_or_order_says_to_begin_again(other: str) -> None:
    with pytest.raises(CursorRefused, match=r"another list.*first page again, without `cursor`"):
        place_of(other, KINDS, cursor_of(LIST, ("a", 1)))


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "é",
        "%%%",
        "W" * (LONGEST + 1),
        sealed([]),
        sealed({"a": 1}),
        sealed([1, mark_of(LIST), "a"]),
        sealed([2, mark_of(LIST), "a", 1]),
        sealed([1, mark_of(LIST), 1, "a"]),
        sealed([1, mark_of(LIST), "a", True]),
        sealed([1, mark_of(LIST), "a", None]),
        sealed([1, mark_of(LIST), "a", 1.5]),
        sealed([1, mark_of(LIST), "a\0", 1]),
        sealed([1, mark_of(LIST), "\ud800", 1]),
        sealed([1, mark_of(LIST), "a", 2**63]),
        sealed([[[[1]]]] * 3),
    ],
)
def test_a_damaged_cursor_is_refused_and_nothing_else_happens(cursor: str) -> None:
    with pytest.raises(CursorRefused, match="first page again"):
        place_of(LIST, KINDS, cursor)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading_of_a_cursor(told: bytes) -> None:
    with pytest.raises(CursorRefused):
        place_of(LIST, KINDS, urlsafe_b64encode(told).decode())
