"""The canonical form of a snapshot and its digest, as `proto/README.md` defines them.

Hand-written beside the generated stubs, because it is part of the protocol: agent and server must
agree on it to the byte.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

DIGEST_BYTES: Final = 16


def canonical_rows(
    columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The columns in alphabetical order, and the rows that follow them, in ascending order."""
    order = sorted(range(len(columns)), key=columns.__getitem__)
    return (
        tuple(columns[index] for index in order),
        sorted(tuple(row[index] for index in order) for row in rows),
    )


def snapshot_digest(
    *,
    topic: str,
    topic_version: int,
    status: int,
    message: str,
    columns: Sequence[str],
    values: Sequence[str],
) -> bytes:
    """The 16-byte digest of a snapshot whose columns and rows are already in canonical order.

    `values` are the rows' values, row after row, as they travel.
    """
    fields = [topic, str(topic_version), str(status), message, str(len(columns))]
    fields += columns
    fields += values
    header = ",".join([str(len(field)) for field in fields])
    text = f"vigie.snapshot.v1\n{header}\n{''.join(fields)}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
