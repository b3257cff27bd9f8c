"""Settings are written as people write them, and a wrong one says what to write."""

from datetime import timedelta
from enum import StrEnum

import pytest

from vigie_agent.setting_values import Secret, boolean, number, one_of, path, size, time_span


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@pytest.mark.parametrize(
    ("written", "total"),
    [
        (2048, 2048),
        ("2048b", 2048),
        ("8MiB", 8 * 1024 * 1024),
        ("8 mib", 8 * 1024 * 1024),
        ("8M", 8_000_000),
        ("10 MB", 10_000_000),
        ("1.5KiB", 1536),
        ("2GiB", 2 * 1024**3),
        ("3gb", 3 * 1000**3),
    ],
)
def test_a_size_has_the_units_of_ten_and_of_two(written: object, total: int) -> None:
    assert size(least=1)(written) == total


@pytest.mark.parametrize("written", ["", "MiB", "8 elephants", "-1", True, "1e6", None, []])
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="such as 8MiB"):
        size(least=1)(written)


@pytest.mark.parametrize("written", [True, "true", "Yes", "on", 1, " T "])
def test_true_is_written_in_several_ways(written: object) -> None:
    assert boolean(written) is True


@pytest.mark.parametrize("written", [False, "false", "No", "off", 0])
def test_false_is_written_in_several_ways(written: object) -> None:
    assert boolean(written) is False


@pytest.mark.parametrize("written", ["", "maybe", 2, None, 1.0])
def test_anything_else_is_neither(written: object) -> None:
    with pytest.raises(ValueError, match="true or false"):
        boolean(written)


@pytest.mark.parametrize("written", [-1, "20", "", "five", 1.5, True])
def test_a_number_out_of_bounds_says_the_bounds(written: object) -> None:
    with pytest.raises(ValueError, match="from 0 to 19"):
        number(least=0, most=19)(written)


def test_a_number_may_be_either_bound() -> None:
    assert [number(least=0, most=19)(written) for written in (0, "19")] == [0, 19]


@pytest.mark.parametrize(
    ("written", "told"),
    [("soon", "such as 30s"), (True, "such as 30s"), ("0.5s", "of 1s or more"), (-3, "such as")],
)
def test_a_wrong_time_span_says_what_to_write(written: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        time_span(least=timedelta(seconds=1))(written)


def test_a_word_that_is_not_in_the_list_is_told_the_list() -> None:
    assert one_of(Colour)("green") is Colour.GREEN
    for wrong in ("blue", "GREEN", 3):
        with pytest.raises(ValueError, match="'red' or 'green'"):
            one_of(Colour)(wrong)


def test_a_path_is_a_text() -> None:
    with pytest.raises(ValueError, match="in quotes"):
        path(5)


def test_a_secret_is_not_printed() -> None:
    secret = Secret("vigie1.abcdef")

    assert "abcdef" not in f"{secret} {secret!r}"
    assert secret.reveal() == "vigie1.abcdef"
    assert secret == Secret("vigie1.abcdef") != Secret("other")
