"""Lines on a terminal do not end at a no-break space."""

import pytest
from rich.console import Console
from rich.table import Table

from vigie_server.demo.unbroken import UnbrokenText

SAID = "Le pare-feu\u00a0: 10\u202f000 postes, «\u00a0ufw\u00a0» !"
JOINED = ("pare-feu\u00a0:", "10\u202f000", "«\u00a0ufw\u00a0»")


def cell_in(width: int, text: UnbrokenText) -> list[str]:
    """The lines of a table's cell that has room for so many signs."""
    table = Table(show_header=False, box=None, padding=0)
    table.add_column(width=width)
    table.add_row(text)
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", range(10, 40))
def test_what_no_break_spaces_join_stays_on_one_line(width: int) -> None:
    lines = cell_in(width, UnbrokenText(SAID))

    assert " ".join(lines) == SAID
    assert [one for one in JOINED if not any(one in line for line in lines)] == []


def test_what_is_too_long_for_a_line_is_broken_rather_than_cut() -> None:
    lines = cell_in(8, UnbrokenText("pare-feu\u00a0: actif"))

    assert lines == ["pare-feu", ": actif"]


def test_a_table_leaves_room_for_what_is_joined() -> None:
    table = Table(show_header=False, box=None, padding=0)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_row(UnbrokenText("10\u202f000\u202f000 postes"), "x" * 20)
    console = Console(width=30, color_system=None)
    with console.capture() as captured:
        console.print(table)

    assert captured.get().startswith("10\u202f000\u202f000")


def test_styles_stay_where_they_are() -> None:
    text = UnbrokenText.assemble("a\u00a0: ", ("bb\u00a0cc", "bold"), " dd")

    lines = text.wrap(Console(), 5)

    bold = [line.plain[span.start : span.end] for line in lines for span in line.spans]
    assert [line.plain.rstrip(" ") for line in lines] == ["a\u00a0:", "bb\u00a0cc", "dd"]
    assert bold == ["bb\u00a0cc"]
