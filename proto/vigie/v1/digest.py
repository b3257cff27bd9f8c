"""The canonical form of a snapshot and its digest, as `proto/README.md` defines them.

Hand-written beside the generated stubs, because it is part of the protocol: agent and server must
agree on it to the byte.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

DIGEST_BYTES: Final = 16

_MAGIC: Final = "vigie.snapshot.v1\n"
_NUMERALS: Final = tuple(map(str, range(1024)))
"""Most lengths, ready: a form is made for every report, and writing numbers is half of it."""


def canonical_rows(
    columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The columns in alphabetical order, and the rows that follow them, in ascending order."""
    order = sorted(range(len(columns)), key=columns.__getitem__)
    return (
        tuple(columns[index] for index in order),
        sorted(tuple(row[index] for index in order) for row in rows),
    )


def canonical_form(
    *,
    topic: str,
    topic_version: int,
    status: int,
    message: str,
    columns: Sequence[str],
    values: Sequence[str],
) -> bytes:
    """A snapshot's canonical form; columns and rows are already in canonical order.

    `values` are the rows' values, row after row, as they travel.
    """
    fields = [topic, str(topic_version), str(status), message, str(len(columns))]
    fields += columns
    fields += values
    try:
        header = ",".join([_NUMERALS[len(field)] for field in fields])
    except IndexError:
        header = ",".join(map(str, map(len, fields)))
    return f"{_MAGIC}{header}\n{''.join(fields)}".encode("utf-8", "surrogatepass")


def canonical_fields(form: bytes) -> list[str]:
    """The fields of a canonical form: topic, version, status, message, columns, names, values.

    Raises ValueError on anything else.
    """
    text = form.decode("utf-8", "surrogatepass")
    if not text.startswith(_MAGIC):
        raise ValueError("not a canonical snapshot")
    header, _, rest = text[len(_MAGIC) :].partition("\n")
    fields = []
    start = 0
    for length in map(int, header.split(",")):
        fields.append(rest[start : start + length])
        start += length
    if start != len(rest):
        raise ValueError("a canonical snapshot's lengths do not add up")
    return fields


def form_digest(form: bytes) -> bytes:
    """The 16-byte digest of a canonical form."""
    return blake2b(form, digest_size=DIGEST_BYTES).digest()


def snapshot_digest(
    *,
    topic: str,
    topic_version: int,
    status: int,
    message: str,
    columns: Sequence[str],
    values: Sequence[str],
) -> bytes:
    """The 16-byte digest of a snapshot whose columns and rows are already in canonical order."""
    return form_digest(
        canonical_form(
            topic=topic,
            topic_version=topic_version,
            status=status,
            message=message,
            columns=columns,
            values=values,
        )
    )
