"""Which snapshots travel in one report: a visit then costs both sides one message, not one a topic.

Each keeps its own moment of collection, and its own number in the spool. A report is taken or
refused as a whole, so what the server asked for (it may have refused it among others before)
travels alone.
"""

from collections.abc import Sequence
from typing import Final

from vigie_agent.domain.orders import Limits
from vigie_agent.domain.session import Told
from vigie_agent.domain.spooling import Entry

MOST_BYTES: Final = 256 * 1024
"""Of rows in a report of several: a lost connection has that much to send again."""

_BYTES_EACH: Final = 512
"""What a snapshot takes beside its rows, at most; its message may be longer and counts apart."""
_BYTES_PER_TEXT: Final = 6


def may_join(
    together: Sequence[tuple[Entry, Told]], entry: Entry, told: Told, limits: Limits
) -> bool:
    """Whether the next entry of the spool may travel with these, which may travel together."""
    if not together:
        return True
    first, first_told = together[0]
    return (
        len(together) < limits.max_snapshots
        and not (entry.full or first.full)
        and (told.elapsed is None) is (first_told.elapsed is None)
        and all(entry.snapshot.topic != other.snapshot.topic for other, _ in together)
        and sum(_size(one) for _, one in together) + _size(told)
        <= min(MOST_BYTES, limits.max_message_bytes // 2)
    )


def _size(told: Told) -> int:
    snapshot = told.snapshot
    size = _BYTES_EACH + len(snapshot.message.encode())
    if not told.unchanged:
        texts = [*snapshot.columns, *(value for row in snapshot.rows for value in row)]
        size += sum(len(text.encode()) + _BYTES_PER_TEXT for text in texts)
    return size
