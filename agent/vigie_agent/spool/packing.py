"""A snapshot's content as it lies in the spool: its canonical form, compressed."""

import zlib
from datetime import timedelta
from typing import Final

from vigie.v1.digest import canonical_fields, canonical_form
from vigie_agent.domain.snapshot import STATUS_NUMBERS, Cost, Snapshot

ENTRY_BYTES: Final = 256
"""What an entry takes beside its content, its indexes included; an upper bound."""

_STATUSES: Final = {number: status for status, number in STATUS_NUMBERS.items()}
_MICROSECOND: Final = timedelta(microseconds=1)


def packed(snapshot: Snapshot) -> bytes:
    """The content: all that the digest covers. Two snapshots of one digest have one content."""
    form = canonical_form(
        topic=snapshot.topic,
        topic_version=snapshot.topic_version,
        status=STATUS_NUMBERS[snapshot.status],
        message=snapshot.message,
        columns=snapshot.columns,
        values=[value for row in snapshot.rows for value in row],
    )
    return zlib.compress(form)


def unpacked(content: bytes, *, digest: bytes, query_digest: bytes, cost: Cost) -> Snapshot:
    """The snapshot of this content. Raises ValueError when the content is damaged."""
    try:
        fields = canonical_fields(zlib.decompress(content))
        topic, version, status, message, column_count, *texts = fields
        count = int(column_count)
        columns, values = texts[:count], texts[count:]
        rows = [tuple(values[at : at + count]) for at in range(0, len(values), count or 1)]
        return Snapshot(
            topic=topic,
            topic_version=int(version),
            status=_STATUSES[int(status)],
            message=message,
            columns=tuple(columns),
            rows=tuple(rows),
            digest=digest,
            query_digest=query_digest,
            cost=cost,
        )
    except (zlib.error, KeyError) as error:
        raise ValueError(f"damaged content: {error}") from error


def microseconds(span: timedelta) -> int:
    """A time span as a whole number."""
    return span // _MICROSECOND
