"""When to come back, in a call's metadata: there and back, and what nobody should believe."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.v1.returning import RETRY_AFTER, asked, told

MILLISECOND = timedelta(milliseconds=1)


@given(milliseconds=st.integers(0, 10**10))
def test_a_time_survives_its_text_to_the_millisecond(milliseconds: int) -> None:
    assert asked(told(MILLISECOND * milliseconds)) == MILLISECOND * milliseconds


def test_it_is_found_among_other_metadata() -> None:
    metadata: list[tuple[str, str | bytes]] = [
        ("date", "today"),
        ("some-bin", b"\x00"),
        (RETRY_AFTER, "1500"),
    ]

    assert asked(metadata) == timedelta(seconds=1.5)


@pytest.mark.parametrize("value", ["", "-1", "1.5", "soon", "9" * 13, "٣", b"1500"])
def test_what_is_no_number_of_milliseconds_asks_for_nothing(value: str | bytes) -> None:
    assert asked([(RETRY_AFTER, value)]) is None


def test_no_metadata_asks_for_nothing() -> None:
    assert asked(()) is None
