"""Sentences about rows: the same whether they were said before or not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import pytest

from vigie_server.domain.column_words import ColumnWords, ValueWords
from vigie_server.domain.facts import FactRow
from vigie_server.domain.statements import Statement, Template

NAMES: Final = {"rows", "count", "v.when", "door", "painted"}
DAY: Final = 86_400
NOON: Final = 20_000 * DAY + DAY // 2  # 4 October 2024


def templates(fr: str, en: str) -> Mapping[str, Template]:
    return {"fr": Template.of(fr, "fr", NAMES), "en": Template.of(en, "en", NAMES)}


def said(statement: Statement, rows: Sequence[FactRow], when: object = None) -> tuple[str, str]:
    texts = statement.said(rows, {"v.when": when})
    return texts["fr"], texts["en"]


def of(row_fr: str, row_en: str, some: str = "{rows}") -> Statement:
    sentence = templates(some, some)
    return Statement(sentence, sentence, templates(row_fr, row_en))


def test_rows_are_named_in_each_language() -> None:
    statement = of("porte {door}", "door {door}")

    assert said(statement, [{"door": "A"}, {"door": "B"}]) == (
        "porte A, porte B",
        "door A, door B",
    )


@pytest.mark.parametrize(
    ("cell", "fr", "en"),
    [
        ("A", "A", "A"),
        ("", "?", "?"),
        (None, "?", "?"),
        (True, "oui", "yes"),
        (7, "7", "7"),
        ("a\x00b", "a b", "a b"),
        ("x" * 90, "x" * 79 + "…", "x" * 79 + "…"),
    ],
)
def test_a_row_worded_alike_is_still_shown_as_each_language_shows_it(
    cell: str | int | None, fr: str, en: str
) -> None:
    assert said(of("{door}", "{door}"), [{"door": cell}]) == (fr, en)


@pytest.mark.parametrize(
    ("cell", "fr", "en"),
    [("", "date inconnue", "date unknown"), (NOON, "04/10/2024", "2024-10-04")],
)
def test_a_day_is_written_as_each_language_writes_it(cell: str | int, fr: str, en: str) -> None:
    assert said(of("{painted:date}", "{painted:date}"), [{"painted": cell}]) == (fr, en)


def test_instants_of_a_day_are_said_alike_and_the_next_day_is_not() -> None:
    statement = of("{painted:date}", "{painted:date}", "{rows} / {v.when:days}")
    first, last = NOON - DAY // 2, NOON + DAY // 2 - 1

    said_first = said(statement, [{"painted": first}], 3 * DAY)

    assert said_first == ("04/10/2024 / 3", "2024-10-04 / 3")
    assert said(statement, [{"painted": last}], 4 * DAY - 1) == said_first
    assert said(statement, [{"painted": last + 1}], 4 * DAY) == (
        "05/10/2024 / 4",
        "2024-10-05 / 4",
    )


def test_a_number_that_is_also_shown_whole_is_kept_whole() -> None:
    statement = of("{painted:date} {painted}", "{painted:date}", "{rows} {v.when} {v.when:days}")

    assert said(statement, [{"painted": NOON}], 7)[0] == f"04/10/2024 {NOON} 7 0"
    assert said(statement, [{"painted": NOON + 1}], 8)[0] == f"04/10/2024 {NOON + 1} 8 0"


def test_a_row_of_texts_is_worded_as_its_template_words_it_in_each_language() -> None:
    words = ColumnWords((ValueWords.of("lock {}", {"fr": "serrure {}", "en": "lock {}"}),))
    row = {
        language: replace(template, words={"painted": words})
        for language, template in templates(
            "{door}{{0}} ({painted})", "{door}{{0}} ({painted})"
        ).items()
    }
    sentence = templates("{rows}", "{rows}")
    statement = Statement(sentence, sentence, row)
    cells = ["red", "lock 7", "lock", "", "a\x00b", "{0}", "x" * 90]

    for rows in [[{"door": "A", "painted": cell}] for cell in cells] + [
        [{"door": cell, "painted": cell} for cell in cells[:5]]
    ]:
        for place, language in enumerate(("fr", "en")):
            wanted = [row[language].render(cells.get) for cells in rows]
            assert said(statement, rows)[place] == ", ".join(wanted)


def test_sentences_that_show_rows_by_the_same_templates_each_show_theirs() -> None:
    one, other = of("{door}", "{door}"), of("{door}", "{door}", some="Portes : {rows}")
    texts: list[tuple[Sequence[FactRow], str]] = [
        ([{"door": "A"}], "A"),
        ([{"door": "B"}, {"door": "A"}], "B, A"),
        ([{"door": "A"}] * 6, "A, … et 1 de plus"),
        ([{"door": "A"}] * 5, "A"),
        ([{"door": ""}], "?"),
        ([{}], ""),  # it has no such column
        ([{"door": "1"}], "1"),
    ]

    for rows, wanted in [*texts, *reversed(texts)]:
        assert said(one, rows)[0] == wanted
        assert said(other, rows)[0] == f"Portes : {wanted}"


def test_a_sentence_shows_numbers_and_flags_that_another_showed_before() -> None:
    for cell, wanted in ((True, "oui"), (1, "1"), (False, "non"), (0, "0")):
        assert said(of("{door}", "{door}"), [{"door": cell}])[0] == wanted


@pytest.mark.parametrize(
    "some", ["{rows}", "{count} : {rows}. {rows}.", "{count}", "{rows} {v.when}."]
)
@pytest.mark.parametrize("count", [0, 1, 2, 6])
def test_a_sentence_about_a_number_of_rows_is_said_of_whichever_as_at_once(
    some: str, count: int
) -> None:
    of_some, of_none = templates(some, some), templates("{rows} {count}.", "{rows} {count}.")
    row = templates("{door}/{painted}", "{door}, {painted}")
    statement = Statement(of_some, of_none, row)
    sentence = statement.about(count, {"v.when": None})

    for cell in ("A.", "b\x00", True, 1, "", "x" * 90):
        rows = [{"door": f"{number}", "painted": cell} for number in range(count)]

        said_once = sentence.said(rows)

        apart = Statement(of_some, of_none, row).said(rows, {"v.when": None})
        assert said_once == apart
        assert sentence.said(rows) == apart
        assert sentence.said(list(rows)) == apart


def test_rows_that_rules_name_in_turn_are_told_once_and_others_with_as_many_are_not() -> None:
    first, second = [{"door": "A"}, {"door": "B"}], [{"door": "A"}, {"door": "C"}]
    one = of("{door}", "{door}").about(2, {"v.when": None})
    other = of("{door}", "{door}", some="Portes : {rows}").about(2, {"v.when": None})

    assert one.said(first)["fr"] == "A, B"
    assert other.said(first)["fr"] == "Portes : A, B"
    assert one.said(second)["fr"] == "A, C"
    assert other.said(second[:1] + first[1:])["fr"] == "Portes : A, B"
