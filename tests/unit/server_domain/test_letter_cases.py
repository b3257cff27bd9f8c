"""Leaps from one spelling to the next, held against all spellings written out."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.letter_cases import (
    cases_of,
    first_spelling,
    is_spelling,
    spelling_after,
)

SIGNS = st.text("aAbBzé-ß1Σ", max_size=5)


@given(SIGNS, SIGNS)
def test_the_spelling_after_a_text_is_the_first_of_all_that_come_after(
    name: str, text: str
) -> None:
    cases = cases_of(name)
    every = sorted("".join(ways) for ways in product(*cases))

    assert first_spelling(cases) == every[0]
    assert name in every
    assert is_spelling(cases, text) == (text in every)
    cut = text[: len(name)]
    following = [spelling for spelling in every if spelling > cut]
    assert spelling_after(cases, cut) == (following[0] if following else None)
