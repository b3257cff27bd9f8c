"""An answer about evidence that is alike, in the words of the evidence at hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import is_
from weakref import ref

from vigie_server.domain.facts import Cells, Fact, FactRow
from vigie_server.domain.noting import NOTES_KEPT
from vigie_server.domain.remembered import Answered, Words
from vigie_server.domain.statements import ROWS_NAMED
from vigie_server.domain.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class _Noted:
    """What became of an answer in words of these cells, and of those of other topics.

    Those are not kept for its sake. `told` is None where it was asked once.
    """

    others: "tuple[ref[Cells], ...]"
    told: Answered | None

    def are(self, others: Sequence[Cells]) -> bool:
        """Whether it is about these of other topics."""
        return all(map(is_, [known() for known in self.others], others))


def worded(answered: Answered, facts: Mapping[str, Fact]) -> Answered:
    """The answer in the words of this evidence, for one that is kept."""
    if answered.words is None:
        return answered
    return answered.worded(_rows(answered, answered.words, facts))


def worded_once(answered: Answered, facts: Mapping[str, Fact]) -> Answered:
    """As `worded`, and noted with the cells where it is asked a second time."""
    words = answered.words
    if words is None:
        return answered
    if not words.topics:
        return worded(answered, facts)
    cells, *others = [facts[topic].cells for topic in words.topics]
    note = cells.notes.get(answered)
    again = isinstance(note, _Noted) and note.are(others)
    if isinstance(note, _Noted) and again and note.told is not None:
        return note.told
    told = worded(answered, facts)
    if note is not None or len(cells.notes) < NOTES_KEPT:
        cells.notes[answered] = _Noted(tuple([ref(one) for one in others]), told if again else None)
    return told


def said_once(answered: Answered, facts: Mapping[str, Fact], now: datetime) -> Verdict:
    """The verdict in the words of this evidence, which is not kept: it has no digest."""
    words = answered.words
    if words is None:
        return answered.at(facts, now)
    rows = _rows(answered, words, facts)
    return answered.once(rows, answered.check_at(answered.fresh_end, facts, now))


def _rows(answered: Answered, words: Words, facts: Mapping[str, Fact]) -> Sequence[FactRow]:
    """The rows of this evidence that stand where those do which `words` are about.

    No more than are named, unless the verdict holds rows.
    """
    if answered.verdict.offending:
        return [facts[topic].rows[place] for topic, place in words.rows]
    return [facts[topic].cells.row(place) for topic, place in words.rows[:ROWS_NAMED]]
