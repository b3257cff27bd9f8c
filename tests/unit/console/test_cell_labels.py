"""Cells of a table say which column they are of, for screens that have no room for columns."""

import re

from vigie_server.console.cell_labels import labelled

HEAD = '<thead><tr><th scope="col">Nom</th><th scope="col">État</th></tr></thead>'
LABEL = re.compile(r' data-label="[^"]*"')


def body(*rows: str) -> str:
    return f"<table><caption>x</caption>{HEAD}<tbody>{''.join(rows)}</tbody></table>"


def test_a_cell_has_the_heading_of_its_column_and_the_first_one_is_the_heading_of_its_row() -> None:
    row = '<tr class="a">\n<th scope="row">pc-1</th><td class="number">3</td></tr>'

    made = labelled(body(row, row))

    assert made.count('<td class="number" data-label="État">3</td>') == 2
    assert LABEL.sub("", made) == body(row, row)


def test_each_table_has_headings_of_its_own_and_one_without_any_stays() -> None:
    bare = "<table><tbody><tr><td>1</td></tr></tbody></table>"
    second = bare.replace("<tbody>", "<thead><tr><th>Port</th></tr></thead><tbody>")

    made = labelled(body("<tr><td>a</td><td>b</td><td>c</td></tr>") + bare + second)

    assert LABEL.findall(made) == [
        ' data-label="Nom"',
        ' data-label="État"',
        ' data-label="Port"',
    ]


def test_a_table_inside_of_a_cell_stays_as_it_is_and_the_row_goes_on_after_it() -> None:
    inner = f"<table>{HEAD}<tbody><tr><td>1</td></tr></tbody></table>"

    made = labelled(body(f"<tr><td>{inner}</td><td>b</td></tr>"))

    assert inner in made
    assert '<td data-label="État">b</td>' in made


def test_of_a_heading_its_words_are_taken() -> None:
    sorted_by = '<a href="?sort=-n&amp;a=1">Nom &lt;b&gt; "c" <span aria-hidden="true">▲</span></a>'
    head = f'<thead><tr><th scope="col" aria-sort="ascending">{sorted_by}</th></tr></thead>'

    made = labelled(f"<table>{head}<tbody><tr><td>1</td></tr></tbody></table>")

    assert '<td data-label="Nom &lt;b&gt; &quot;c&quot;">1</td>' in made


def test_a_page_without_a_table_stays_as_it_is() -> None:
    assert labelled("<p>th, td & tr</p>") == "<p>th, td & tr</p>"
