"""Queries that take too long: after the second overrun in a row one is set aside for a day."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from vigie_agent.domain.answers import QueryError, Reason

TOLERATED: Final = 1
SET_ASIDE_FOR: Final = timedelta(hours=24)


@dataclass(slots=True)
class Overruns:
    """Which queries, by their SQL, are set aside. Times are those of the boot clock."""

    _in_a_row: dict[str, int] = field(default_factory=dict)
    _until: dict[str, timedelta] = field(default_factory=dict)

    def refusal(self, sql: str, now: timedelta) -> QueryError | None:
        """The answer to give in place of asking, while `sql` is set aside."""
        until = self._until.get(sql)
        if until is None:
            return None
        if now >= until:
            del self._until[sql]
            return None
        return QueryError(Reason.DENYLISTED, "overran twice, set aside for 24 hours")

    def overran(self, sql: str, now: timedelta) -> bool:
        """Counts an overrun. True when it sets `sql` aside."""
        in_a_row = self._in_a_row.get(sql, 0) + 1
        if in_a_row <= TOLERATED:
            self._in_a_row[sql] = in_a_row
            return False
        self._in_a_row.pop(sql, None)
        self._until[sql] = now + SET_ASIDE_FOR
        return True

    def answered(self, sql: str) -> None:
        """`sql` answered in time: what it did before is forgotten."""
        self._in_a_row.pop(sql, None)
