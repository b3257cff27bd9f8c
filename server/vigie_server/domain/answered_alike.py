"""What rules of one topic answered, put into words of other evidence that is alike to them all.

They name the same rows in turn: these are read and worded once for all of them. Most evidence of
this kind is one device's, and its words are replaced by its next report: they wait until somebody
reads them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import Fact
from vigie_server.domain.remembered import Answered
from vigie_server.domain.said_later import RowsLater, rows_named, said_of
from vigie_server.domain.statements import ROWS_NAMED, Rows
from vigie_server.domain.verdicts import Verdict

_Named = tuple[Rows, int, tuple[int, ...]]
"""How rows are shown, how many there are, and the places of those that are named."""


class AnsweredAlike:
    """Answers of rules that each read the topic alone and follow no time, in their order."""

    __slots__ = ("_named", "_worded", "answers")

    def __init__(self, answers: Sequence[Answered]) -> None:
        self.answers: Final = tuple(answers)
        named: dict[_Named | None, int] = {None: 0}
        self._worded: Final = tuple(
            [(one, named.setdefault(_rows_named(one), len(named))) for one in answers]
        )
        self._named: Final = tuple([rows for rows in named if rows is not None])

    def once(self, fact: Fact, now: datetime) -> Sequence[Verdict]:
        """The verdicts in words of this evidence, which are not kept: they have no digest."""
        cells, observed_at = fact.cells, fact.observed_at
        told: list[Texts | RowsLater | None] = [None]
        for shown_as, count, places in self._named:
            told.append(rows_named(shown_as, count, cells, places))
        found = []
        for answered, place in self._worded:
            known, words = answered.verdict, answered.words
            check_at = answered.check_since(observed_at, now)
            if words is None:
                found.append(known if check_at is None else answered.again(check_at))
            elif known.offending:
                rows = fact.rows
                found.append(answered.once([rows[at] for _, at in words.rows], check_at))
            else:
                found.append(
                    Verdict(
                        known.rule,
                        known.rule_version,
                        known.status,
                        said_of(words.sentence, told[place]),
                        (),
                        check_at,
                        known.measures,
                    )
                )
        return found


def _rows_named(answered: Answered) -> _Named | None:
    """The rows that its sentence shows; None of a verdict that shows none, or holds them too."""
    words = answered.words
    if words is None or answered.verdict.offending:
        return None
    shown_as = words.sentence.rows
    places = tuple([place for _, place in words.rows])
    return None if shown_as is None else (shown_as, len(places), places[:ROWS_NAMED])
