"""Sentences about rows of an answer: put into words late, they say what they say at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import pytest

from vigie_server.domain.column_words import ColumnWords, ValueWords
from vigie_server.domain.facts import FactRow
from vigie_server.domain.said_later import RowsLater, SaidLater, rows_named, said_of
from vigie_server.domain.statements import ROWS_NAMED, Rows, Sentence, Statement, Template
from written_cells import WrittenCells

NAMES: Final = {"rows", "count", "door", "painted"}


def templates(fr: str, en: str) -> Mapping[str, Template]:
    return {"fr": Template.of(fr, "fr", NAMES), "en": Template.of(en, "en", NAMES)}


def of_doors(doors: Sequence[str], sentence: Sentence) -> Mapping[str, str]:
    """What the sentence says of an answer with these doors."""
    assert sentence.rows is not None
    rows: list[FactRow] = [{"door": door, "painted": 7} for door in doors]
    answer = WrittenCells(tuple(rows))
    places = tuple(range(len(doors)))[:ROWS_NAMED]
    return said_of(sentence, rows_named(sentence.rows, len(doors), answer, places))


def two_doors() -> Sentence:
    row = templates("porte {door}", "door {door}")
    said = templates("{count} : {rows}.", "{count}: {rows}.")
    return Statement(said, said, row).about(2, {})


def test_a_sentence_that_waits_says_what_one_says_at_once() -> None:
    sentence = two_doors()

    said = of_doors(["A", "B"], sentence)

    assert isinstance(said, SaidLater)
    assert dict(said) == {"fr": "2 : porte A, porte B.", "en": "2: door A, door B."}
    assert said == sentence.said([{"door": "A"}, {"door": "B"}])
    assert said != sentence.said([{"door": "A"}, {"door": "C"}])


def test_a_sentence_that_waits_keeps_to_its_rows_while_others_are_said() -> None:
    sentence = two_doors()
    first, second = of_doors(["A", "B"], sentence), of_doors(["C", "D"], sentence)

    assert (second["en"], first["en"]) == ("2: door C, door D.", "2: door A, door B.")
    assert (second["en"], first["fr"]) == ("2: door C, door D.", "2 : porte A, porte B.")


def test_sentences_that_wait_are_equal_by_what_they_show() -> None:
    sentence = two_doors()

    assert of_doors(["A", "B"], sentence) == of_doors(["A", "B"], sentence)
    assert of_doors(["A", "B"], sentence) != of_doors(["A", "C"], sentence)
    assert of_doors(["A", "B"], sentence) == of_doors(["A", "B"], two_doors())
    assert of_doors(["A", "x" * 100], sentence) == of_doors(["A", "x" * 99], sentence)  # both cut


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{door}", ()),
        ("{door} ({painted})", ()),
        ("{door}", (ValueWords.of("red", {"fr": "rouge", "en": "red"}),)),
        ("{door}", (ValueWords.of("re{}", {"fr": "r{}", "en": "red {}"}),)),
        ("{door:date}", ()),
    ],
)
@pytest.mark.parametrize(
    "cells", [["A"], ["A", "A", "B"], list("ABCDEFG"), ["A", ""], ["A", "red"], ["re, red"], ["\0"]]
)
@pytest.mark.parametrize("painted", ["red", "x" * 81, 7, None])
def test_rows_of_an_answer_are_told_as_rows_by_themselves(
    row: str, words: tuple[ValueWords, ...], cells: list[str], painted: str | int | None
) -> None:
    like = {
        language: replace(template, words={"door": ColumnWords(words)} if words else {})
        for language, template in templates(row, row).items()
    }
    beside: FactRow = {"painted": painted} if painted else {}
    rows: list[FactRow] = [{"door": cell, **beside} for cell in cells]
    answer = WrittenCells((*rows, {"door": "beside"}))

    named = rows_named(Rows(like), len(rows), answer, tuple(range(len(rows)))[:ROWS_NAMED])

    told = named.told() if isinstance(named, RowsLater) else named
    assert told == Rows(like).of(len(rows), rows)
