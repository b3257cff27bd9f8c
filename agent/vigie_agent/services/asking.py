"""Asks the engine one approved question at a time, without ever blocking the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import structlog

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.ports import QueryEngine

log = structlog.get_logger()

GRACE: Final = timedelta(seconds=10)
"""What an engine may take beyond the time it was given, before we stop waiting for it."""


class OneAtATime:
    """The one door to the engine: packs, discovery and live questions all pass here.

    A single worker thread is the queue. An engine that does not come back within the time it was
    given and the grace blocks those behind it, and each of them ends as a timeout: nothing piles up
    in parallel.
    """

    def __init__(
        self,
        engine: QueryEngine,
        approve: Callable[[str], str | QueryError],
        *,
        grace: timedelta = GRACE,
    ) -> None:
        self._engine = engine
        self._approve = approve
        self._grace = grace
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    async def __call__(
        self,
        sql: str,
        *,
        timeout: timedelta,  # noqa: ASYNC109 (the engine keeps the time, in its own thread)
    ) -> Rows | QueryError:
        """The answer to `sql`, if the allow-list approves it. Raises EngineLost."""
        approved = self._approve(sql)
        if isinstance(approved, QueryError):
            return approved
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(
            self._worker, lambda: self._engine.query(approved, timeout=timeout)
        )
        try:
            async with asyncio.timeout((timeout + self._grace).total_seconds()):
                return await answer
        except TimeoutError:
            log.error("engine_did_not_come_back", engine=self._engine.name)
            return QueryError(Reason.TIMEOUT, "the engine did not come back")

    def close(self) -> None:
        """Takes no more questions; does not wait for the one being answered."""
        self._worker.shutdown(wait=False, cancel_futures=True)
