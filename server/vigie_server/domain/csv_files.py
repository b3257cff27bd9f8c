"""CSV files as spreadsheets and other programs write them: encodings, separators, long cells."""

import csv
from collections.abc import Collection, Iterator
from typing import Final

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.suggesting import folded

MOST_BYTES: Final = 16 * 1024 * 1024


def csv_text(content: bytes) -> str:
    """The text of a file in UTF-8 or Windows' Western European. Raises DeclarationRefused."""
    if len(content) > MOST_BYTES:
        raise DeclarationRefused(f"the file is larger than {MOST_BYTES // 2**20} MiB")
    if b"\0" in content:
        raise DeclarationRefused("this is not a CSV file: save the sheet as « CSV UTF-8 »")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DeclarationRefused(
        "the file is neither in UTF-8 nor in Windows' Western European (1252): save it as "
        "« CSV UTF-8 »"
    )


def csv_rows(text: str, known: Collection[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows with the line on which each begins. Raises DeclarationRefused.

    What separates cells is the sign by which most of the first row's are `known` (`folded`).
    """
    lines = text.splitlines(keepends=True)
    before = 0
    if lines and folded(lines[0]) == "sep":  # Excel's own hint
        lines, before = lines[1:], 1
    delimiter = _delimiter(lines[0] if lines else "", known)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line + before, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise DeclarationRefused(f"line {line + before}: it is not CSV: {error}") from error


def _delimiter(heading: str, known: Collection[str]) -> str:
    found = {
        sign: sum(folded(cell) in known for cell in next(csv.reader([heading], delimiter=sign), []))
        for sign in (";", ",", "\t")
    }
    return max(found, key=lambda sign: found[sign])
