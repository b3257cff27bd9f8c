"""An answer about evidence that is alike, in the words of the evidence at hand."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from vigie_server.domain.facts import Fact, FactRow
from vigie_server.domain.noting import NOTES_KEPT
from vigie_server.domain.remembered import Answered, Words
from vigie_server.domain.statements import ROWS_NAMED
from vigie_server.domain.verdicts import Verdict

_WORDED: Final = object()  # noted where an answer was put into words of these cells


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
    if words.alone is None:
        return worded(answered, facts)
    notes = facts[words.alone].cells.notes
    note = notes.get(answered)
    if type(note) is Answered:
        return note
    told = worded(answered, facts)
    if len(notes) < NOTES_KEPT:
        notes[answered] = _WORDED if note is None else told
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
