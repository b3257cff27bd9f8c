"""Lets devices in: a token's secret and a public key become a device and its certificate."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final
from uuid import UUID

import structlog

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.enrolling import (
    PLATFORMS,
    Claim,
    Claims,
    TokenTerms,
    first_state,
    is_junk,
    settled,
    usable,
)
from vigie_server.domain.errors import MalformedRequest, TokenRefused
from vigie_server.ports.enrolment import (
    Authority,
    Endpoints,
    EnrolmentStore,
    EnrolmentTransaction,
    Identity,
    IssuedCertificate,
)
from vigie_server.services.workers import Workers

log = structlog.get_logger()

MAX_CLAIM: Final = 255
_REFUSED: Final = "the enrolment token is not valid here and now"


def hashed(secret: bytes) -> bytes:
    """What the store keeps of a secret of at least 128 random bits: too many to try."""
    return sha256(b"vigie-secret-v1\0" + secret).digest()


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What one enrolment made."""

    key: int
    device_id: str
    certificate: IssuedCertificate
    state: DeviceState
    claim: Claim


@dataclass(frozen=True, slots=True)
class Enrol:
    """Enrols devices. A token's use is counted in the transaction that makes the device.

    A device that was silent for `taken_over_after` may be taken over. A certificate lasts for
    `certificate_for`.
    """

    store: EnrolmentStore
    workers: Workers
    authority: Authority
    endpoints: Endpoints
    now: Callable[[], datetime]
    changed: Callable[[int], None]
    taken_over_after: timedelta
    certificate_for: timedelta

    async def enrol(
        self, *, secret: bytes, signing_request: bytes, claims: Claims, agent_version: str
    ) -> tuple[Identity, bool]:
        """The new identity, and whether the device is pending.

        Raises TokenRefused (never saying what is wrong with it), MalformedRequest, StoreBusy.
        """
        claims = _clean(claims)
        if len(agent_version) > MAX_CLAIM or "\0" in agent_version:
            raise MalformedRequest("agent_version is too long")
        step = partial(self._step, hashed(secret), signing_request, claims, agent_version)
        enrolled = await self.workers.write(partial(self.store.transact, step))
        self.changed(enrolled.key)
        log.info(
            "device_enrolled",
            device=enrolled.device_id,
            platform=claims.platform,
            state=enrolled.state.value,
            claim=enrolled.claim.value,
        )
        identity = identity_of(
            enrolled.device_id, enrolled.certificate, self.authority, self.endpoints
        )
        return identity, enrolled.state is DeviceState.PENDING

    def _step(
        self,
        secret_hash: bytes,
        signing_request: bytes,
        claims: Claims,
        agent_version: str,
        store: EnrolmentTransaction,
    ) -> Enrolled:
        now = self.now()
        token = store.token(secret_hash)
        if token is None or not usable(token, claims, now=now):
            raise TokenRefused(_REFUSED)
        store.count_use(token)
        known = store.known_devices(serial=claims.hardware_serial, uuid=claims.hardware_uuid)
        claim = settled(known, site=token.site, now=now, silent_for=self.taken_over_after)
        if claim is Claim.TAKES_OVER:
            device = known[0]
            store.take_over(device, claims=claims, at=now)
            key, device_id, state = device.key, device.id, device.state
        else:
            device_id = new_device_id()
            state = first_state(token) if claim is Claim.NEW else DeviceState.PENDING
            key = self._add(store, token, device_id, state, claims, agent_version, now)
            if claim is Claim.CONFLICT:
                for device in known:
                    store.add_conflict(key=key, claimed=device, at=now)
        certificate = self.authority.issue_device_certificate(
            signing_request, device_id, now=now, lifetime=self.certificate_for
        )
        store.add_certificate(key, certificate, at=now)
        return Enrolled(key, device_id, certificate, state, claim)

    def _add(
        self,
        store: EnrolmentTransaction,
        token: TokenTerms,
        device_id: str,
        state: DeviceState,
        claims: Claims,
        agent_version: str,
        now: datetime,
    ) -> int:
        return store.add_device(
            device_id=device_id,
            token=token,
            state=state,
            claims=claims,
            agent_version=agent_version,
            at=now,
        )


def new_device_id() -> str:
    """A random UUID (version 4): nothing of the device can be read from it."""
    return str(UUID(bytes=secrets.token_bytes(16), version=4))


def identity_of(
    device_id: str, certificate: IssuedCertificate, authority: Authority, endpoints: Endpoints
) -> Identity:
    """What the device needs from now on."""
    return Identity(
        device_id=device_id,
        certificate_chain=(certificate.certificate,),
        trust_bundle=authority.trust_bundle,
        endpoints=endpoints,
        not_after=certificate.not_after,
    )


def _clean(claims: Claims) -> Claims:
    """The claims with junk emptied. Raises MalformedRequest."""
    texts = (
        claims.hardware_serial,
        claims.hardware_uuid,
        claims.hardware_vendor,
        claims.hardware_model,
        claims.hostname,
    )
    if any(len(text) > MAX_CLAIM or "\0" in text for text in texts):
        raise MalformedRequest("a hardware claim is too long or holds a NUL")
    if claims.platform not in PLATFORMS:
        raise MalformedRequest("platform must be windows, darwin or linux")
    return replace(
        claims,
        hardware_serial="" if is_junk(claims.hardware_serial) else claims.hardware_serial.strip(),
        hardware_uuid="" if is_junk(claims.hardware_uuid) else claims.hardware_uuid.strip().lower(),
    )
