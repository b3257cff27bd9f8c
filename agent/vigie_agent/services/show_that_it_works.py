"""A version shows that it works: its engine answers, its spool opens, on trial its server is met.

The server counts only where the version before reached it: a facility without its line for a day
is no fault of the version. Where it lacks that alone, it leaves word of it: its line may have gone
since. Whoever started this version waits for it to be confirmed, and ends it otherwise.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from vigie_agent.domain.answers import Rows
from vigie_agent.domain.errors import EngineLost, SpoolUnusable
from vigie_agent.domain.updating import confirm, lacking
from vigie_agent.ports import Asking, Spool, Versions
from vigie_agent.services.waiting import Wait, wait

log = structlog.get_logger()

AGAIN_AFTER: Final = timedelta(seconds=5)
SERVER: Final = "the server, which the version before reached, is not met"
ASKED: Final = "SELECT name, version, platform FROM os_version"


@dataclass(frozen=True, slots=True)
class ShowThatItWorks:
    """One part of a version that another one started: `run` it beside the others."""

    version: str
    versions: Versions
    ask: Asking
    timeout: timedelta
    spool: Spool
    met_server: Callable[[], bool]
    wait: Wait = wait

    async def run(self, stop: asyncio.Event) -> None:
        """Confirms the version once it works, and waits to be stopped."""
        said = ""
        while not stop.is_set():
            lacks = await self._lacks()
            if not lacks and self._confirmed():
                break
            if lacks and lacks != said:
                log.warning("trial_goes_on", version=self.version, lacking=lacks)
                self._note(lacks)
            said = lacks
            await self.wait(AGAIN_AFTER, stop)
        await stop.wait()

    async def _lacks(self) -> str:
        """What does not work yet; empty when all does."""
        try:
            answer = await self.ask(ASKED, timeout=self.timeout)
            self.spool.pending()
        except (EngineLost, SpoolUnusable) as error:
            return str(error)
        if not isinstance(answer, Rows) or not answer.rows:
            return f"the engine does not answer: {answer}"
        trial = self.versions.standing().trial
        if trial is not None and trial.with_server and not self.met_server():
            return SERVER
        return ""

    def _note(self, what: str) -> None:
        """Leaves word whether all works but the server: that may be no fault of this version."""
        standing = self.versions.standing()
        noted = lacking(standing, self.version, server_alone=what == SERVER)
        if noted != standing:
            with suppress(OSError):
                self.versions.keep(noted)

    def _confirmed(self) -> bool:
        standing = self.versions.standing()
        shown = confirm(standing, self.version)
        try:
            if shown != standing:
                self.versions.keep(shown)
        except OSError as error:
            log.warning("trial_not_ended", version=self.version, error=str(error))
            return False
        if standing.trial is not None:
            self.versions.tidy(shown)
            log.info("update_confirmed", version=self.version)
        return True
