"""Items as lines of CSV and NDJSON. No cell of the CSV is taken for a formula."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Final

from pydantic import BaseModel
from pydantic_core import to_json, to_jsonable_python

from vigie_server.domain.spreadsheets import formula_safe

LANGUAGES: Final = ("fr", "en")
_TEXTS: Final = (dict[str, str], dict[str, str] | None)


def csv_head(shape: type[BaseModel]) -> str:
    """The headings: the fields' names; a text in two languages is two columns."""
    return _line([heading for heading, _, _ in _columns(shape)])


def csv_lines(shape: type[BaseModel], items: Sequence[object]) -> str:
    """One line an item of this shape. What is not a plain value stands as JSON."""
    columns = list(_columns(shape))
    lines = []
    for item in items:
        told = to_jsonable_python(item)
        lines.append(_line([_cell(told[name], language) for _, name, language in columns]))
    return "".join(lines)


def ndjson_lines(items: Sequence[object]) -> bytes:
    """One line an item."""
    return b"".join(json_of(item) + b"\n" for item in items)


def json_of(told: object) -> bytes:
    """What is told, as JSON: shapes, or mappings that have the fields of one."""
    return to_json(told, inf_nan_mode="null")


def _columns(shape: type[BaseModel]) -> Iterator[tuple[str, str, str | None]]:
    """Heading, field, and the language where the field is a text in two."""
    for name, field in shape.model_fields.items():
        if field.annotation in _TEXTS:
            for language in LANGUAGES:
                yield f"{name}_{language}", name, language
        else:
            yield name, name, None


def _cell(value: object, language: str | None) -> str:
    if language is not None and isinstance(value, Mapping):
        value = value.get(language, "")
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return formula_safe(value.replace("\0", ""))
        case _:
            return formula_safe(json.dumps(value, ensure_ascii=False))


def _line(cells: Sequence[str]) -> str:
    written = StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
