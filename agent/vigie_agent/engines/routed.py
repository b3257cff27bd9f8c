"""Two engines behind one door: ours for our own tables, a foreign osqueryd for all others.

Our tables are not registered in an osqueryd that somebody else runs: its manager could query them,
and we could not say who asked. So no statement joins both kinds.
"""

from datetime import timedelta

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.safety import Refused, check
from vigie_agent.ports import QueryEngine


class RoutedEngine:
    """Answers with `own` what reads only `own_tables`, and with `main` what reads none of them."""

    def __init__(
        self, main: QueryEngine, own: QueryEngine, *, own_tables: frozenset[str], platform: str
    ) -> None:
        self._main = main
        self._own = own
        self._own_tables = own_tables
        self._platform = platform

    @property
    def name(self) -> str:
        """The main engine's name."""
        return self._main.name

    @property
    def version(self) -> str:
        """The main engine's version."""
        return self._main.version

    def query(self, sql: str, *, timeout: timedelta) -> Rows | QueryError:
        """As both engines. A statement that is not allowed reaches neither."""
        verdict = check(sql, platform=self._platform)
        if isinstance(verdict, Refused):
            return QueryError(Reason.REFUSED, verdict.reason)
        ours = verdict.tables & self._own_tables
        if not ours:
            return self._main.query(verdict.sql, timeout=timeout)
        if ours == verdict.tables:
            return self._own.query(verdict.sql, timeout=timeout)
        return QueryError(
            Reason.REFUSED,
            f"{', '.join(sorted(ours))} cannot be joined with osqueryd's own tables: ask apart",
        )

    def close(self) -> None:
        """Closes both."""
        self._main.close()
        self._own.close()
