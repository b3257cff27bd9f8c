"""Enrols this device: the token says whom to trust, and only they are sent its secret."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from vigie.v1.enrolment_token import EnrolmentToken
from vigie_agent.domain.backoff import Backoff
from vigie_agent.domain.errors import EnrollmentRefused, LinkLost
from vigie_agent.domain.identity import Enrolled, HardwareClaims, Identity
from vigie_agent.domain.token import read_token
from vigie_agent.ports import EnrolmentLink, KeyStore
from vigie_agent.services.waiting import Wait, wait

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Enrolment:
    """How it ended. `pending`: the device is judged, yet outside coverage until approved."""

    identity: Identity
    pending: bool


@dataclass(frozen=True, slots=True)
class Enrol:
    """Callable: enrols with the token in a text, and keeps the identity.

    The token's endpoints are tried in order, `attempts` times over with growing waits. Raises
    TokenMalformed, ServerUntrusted, EnrollmentRefused, IdentityUnusable; LinkLost when no server
    could be reached in the end. Until it returns nothing is kept, and it may be called again.
    """

    keys: KeyStore
    link: EnrolmentLink
    agent_version: str
    attempts: int = 6
    backoff: Backoff = field(default_factory=Backoff)
    wait: Wait = wait
    jitter: Callable[[], float] = random.random

    async def __call__(
        self,
        token_text: str,
        claims: HardwareClaims,
        *,
        stop: asyncio.Event,
        spent: Callable[[], None] = lambda: None,
    ) -> Enrolment:
        """`spent` is called once the identity is kept: erase the token where it was read."""
        token = read_token(token_text)
        if (known := self.keys.load()) is not None:
            raise EnrollmentRefused(
                f"this device is enrolled already, as {known.device_id}; to enrol it anew, run "
                "`vigie-agent unenroll` first"
            )
        key = self.keys.new_key()
        enrolled = await self._enrolled(token, key, claims, stop)
        identity = self.keys.save(enrolled.issued, key)
        log.info("device_enrolled", device=identity.device_id, pending=enrolled.pending)
        spent()
        return Enrolment(identity, enrolled.pending)

    async def _enrolled(
        self, token: EnrolmentToken, key: bytes, claims: HardwareClaims, stop: asyncio.Event
    ) -> Enrolled:
        lost = LinkLost("stopped before the server was reached")
        for attempt in range(1, self.attempts + 1):
            for endpoint in token.endpoints:
                if stop.is_set():
                    raise lost
                try:
                    return await self._try(endpoint, token, key, claims)
                except LinkLost as error:
                    log.warning("enrolment_failed", attempt=attempt, error=str(error))
                    lost = error
            if attempt < self.attempts:
                await self.wait(self.backoff.wait(attempt, jitter=self.jitter()), stop)
        raise LinkLost(f"{lost}. `vigie-agent doctor` says what stands in the way") from lost

    async def _try(
        self, endpoint: str, token: EnrolmentToken, key: bytes, claims: HardwareClaims
    ) -> Enrolled:
        authority = await self.link.authority(endpoint, token.ca_sha256)
        return await self.link.enrol(
            endpoint,
            (authority,),
            secret=token.secret,
            signing_request=self.keys.signing_request(key),
            claims=claims,
            agent_version=self.agent_version,
        )
