"""Renews certificates: of a live connection, or expired ones for devices back from months away.

A nonce proves itself (an authenticated instant, bound to the device, under a key that every server
of this authority derives), so asking for one costs no memory and any of them takes it; each is
taken once, in the transaction that renews.
"""

import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import Final

import structlog

from vigie_server.domain.errors import MalformedRequest, UnknownDevice
from vigie_server.ports.enrolment import (
    Authority,
    Endpoints,
    EnrolmentStore,
    EnrolmentTransaction,
    Identity,
    IssuedCertificate,
)
from vigie_server.ports.sessions import Peer
from vigie_server.services.enrol import identity_of
from vigie_server.services.workers import Workers

log = structlog.get_logger()

NONCE_LIFETIME: Final = timedelta(minutes=2)
CLOCKS_APART: Final = timedelta(seconds=30)
"""How far the clocks of two servers may be apart."""
SIGNED_PREFIX: Final = b"vigie-renew-v1\n"
MAX_DEVICE_ID: Final = 64
_RANDOM: Final = 16
_INSTANT: Final = 8
_MAC: Final = 16
_REFUSED: Final = "this certificate cannot be renewed"


class Renew:
    """The `Renewal` of both ports."""

    def __init__(
        self,
        *,
        store: EnrolmentStore,
        workers: Workers,
        authority: Authority,
        endpoints: Endpoints,
        now: Callable[[], datetime],
        expired_for_at_most: timedelta,
        certificate_for: timedelta,
    ) -> None:
        self._store = store
        self._workers = workers
        self._authority = authority
        self._endpoints = endpoints
        self._now = now
        self._expired_for_at_most = expired_for_at_most
        self._certificate_for = certificate_for
        self._secret = authority.derived_key(b"vigie renewal nonce")

    async def renew(self, peer: Peer, signing_request: bytes) -> Identity:
        """Raises UnknownDevice when the certificate is not in force, MalformedRequest."""
        return await self._renewed(peer.device_id, peer.certificate_serial, signing_request)

    def nonce(self, device_id: str) -> bytes:
        """A nonce for this device id, known or not. Raises MalformedRequest."""
        if not 0 < len(device_id) <= MAX_DEVICE_ID:
            raise MalformedRequest("device_id is too long")
        instant = int(self._now().timestamp()).to_bytes(_INSTANT, "big")
        body = secrets.token_bytes(_RANDOM) + instant
        return body + self._mac(body, device_id)

    async def renew_expired(
        self,
        *,
        device_id: str,
        nonce: bytes,
        signature: bytes,
        certificate: bytes,
        signing_request: bytes,
    ) -> Identity:
        """Raises UnknownDevice, without saying why, when it may not be; MalformedRequest."""
        now = self._now()
        old = self._authority.expired_device_certificate(certificate)
        if (
            old.device_id != device_id
            or not self._is_fresh(nonce, device_id, now)
            or now - old.not_after > self._expired_for_at_most
            or not old.signed(SIGNED_PREFIX + nonce + device_id.encode(), signature)
        ):
            raise UnknownDevice(_REFUSED)
        identity = await self._renewed(device_id, old.serial, signing_request, nonce=nonce)
        log.info("expired_certificate_renewed", device=device_id)
        return identity

    async def _renewed(
        self, device_id: str, serial: str, signing_request: bytes, *, nonce: bytes | None = None
    ) -> Identity:
        step = partial(self._step, device_id, serial, signing_request, nonce)
        issued = await self._workers.write(partial(self._store.transact, step))
        return identity_of(device_id, issued, self._authority, self._endpoints)

    def _step(
        self,
        device_id: str,
        serial: str,
        signing_request: bytes,
        nonce: bytes | None,
        store: EnrolmentTransaction,
    ) -> IssuedCertificate:
        now = self._now()
        if nonce is not None and not store.take_nonce(
            nonce, at=now, forget_before=now - NONCE_LIFETIME - 2 * CLOCKS_APART
        ):
            raise UnknownDevice(_REFUSED)
        holder = store.certificate_device(serial)
        if holder is None or holder[1] != device_id:
            raise UnknownDevice(_REFUSED)
        issued = self._authority.issue_device_certificate(
            signing_request, device_id, now=now, lifetime=self._certificate_for
        )
        store.add_certificate(holder[0], issued, at=now)
        return issued

    def _is_fresh(self, nonce: bytes, device_id: str, now: datetime) -> bool:
        """Whether the nonce is of this authority's servers, for this device, and of now."""
        body, mac = nonce[: _RANDOM + _INSTANT], nonce[_RANDOM + _INSTANT :]
        if not hmac.compare_digest(mac, self._mac(body, device_id)):
            return False
        age = timedelta(seconds=now.timestamp() - int.from_bytes(body[_RANDOM:], "big"))
        return -CLOCKS_APART <= age <= NONCE_LIFETIME

    def _mac(self, body: bytes, device_id: str) -> bytes:
        return blake2b(body + device_id.encode(), key=self._secret, digest_size=_MAC).digest()
