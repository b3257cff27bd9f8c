"""Replays captured answers: in tests, in demonstrations, in support cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from vigie_agent.domain.answers import QueryError, Reason, Rows


@dataclass(frozen=True, slots=True)
class RecordedEngine:
    """Answers the statements it has a recording of, word for word, and no other."""

    answers: Mapping[str, Rows | QueryError]
    name: str = "recorded"
    version: str = ""

    def query(self, sql: str, *, timeout: timedelta) -> Rows | QueryError:  # noqa: ARG002 (replay takes no time)
        return self.answers.get(sql, QueryError(Reason.MISSING_TABLE, "nothing was recorded"))

    def close(self) -> None:
        """Nothing is held."""
