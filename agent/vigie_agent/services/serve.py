"""What a service of the system does from its start to its end, where nobody types `enroll`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from vigie_agent.domain.errors import DeviceDisabled, VigieError, leaves
from vigie_agent.domain.windows_service import Told
from vigie_agent.services.waiting import Wait, wait

log = structlog.get_logger()

LOOK_AGAIN: Final = timedelta(minutes=1)
"""Between two looks for a token, or two tries to use one."""

Tell = Callable[[Told, str], None]
"""Takes what is told and the reason, which may be empty."""


@dataclass(frozen=True, slots=True)
class Serve:
    """Callable: runs until `stop` is set; whether it ended well.

    A device that is not enrolled waits for a token, and is enrolled once there is one: an installer
    need not reach the server.
    """

    enrolled: Callable[[], bool]
    enrol: Callable[[asyncio.Event], Awaitable[str | None]]
    """Enrols with the token that was left; the device's name, None where there is no token."""
    run: Callable[[asyncio.Event], Awaitable[None]]
    """The agent itself, until the event is set."""
    tell: Tell
    wait: Wait = field(default=wait)

    async def __call__(self, stop: asyncio.Event) -> bool:
        told, reason = Told.STOPPED, ""
        self.tell(Told.STARTED, "")
        try:
            await self._enrolled(stop)
            if not stop.is_set():
                await self.run(stop)
        except* DeviceDisabled as group:
            told, reason = Told.DISABLED, _reason(group)
        except* (VigieError, OSError) as group:
            told, reason = Told.FAILED, _reason(group)
        self.tell(told, reason)
        return told is not Told.FAILED

    async def _enrolled(self, stop: asyncio.Event) -> None:
        """Returns once the device is enrolled, or `stop` is set. Says once why it is not."""
        said: tuple[Told, str] | None = None
        while not stop.is_set() and not self.enrolled():
            now = await self._tried(stop)
            if now is None:
                return
            if now != said and not stop.is_set():
                self.tell(*now)
                said = now
            await self.wait(LOOK_AGAIN, stop)

    async def _tried(self, stop: asyncio.Event) -> tuple[Told, str] | None:
        """Why it is not enrolled yet."""
        try:
            device = await self.enrol(stop)
        except VigieError as error:
            log.warning("enrolment_failed", error=str(error))
            return Told.NOT_ENROLLED, str(error)
        if device is None:
            return Told.WAITS, ""
        self.tell(Told.ENROLLED, device)
        return None


def _reason(group: BaseExceptionGroup[Exception]) -> str:
    return "; ".join(dict.fromkeys(str(error) for error in leaves(group)))
