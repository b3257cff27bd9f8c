"""Enrolment in the store: token, device and certificate in one transaction."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, delete, or_, select, text, update

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.enrolling import Claims, KnownDevice, TokenTerms
from vigie_server.ports.enrolment import EnrolmentTransaction, IssuedCertificate
from vigie_server.store import changes
from vigie_server.store.database import Database, retried
from vigie_server.store.instants import to_store
from vigie_server.store.models import (
    Audit,
    Certificate,
    Conflict,
    DeviceRow,
    EnrolmentToken,
    Site,
    TakenNonce,
)
from vigie_server.store.tables import table

DEVICE, SITE, TOKEN = table(DeviceRow), table(Site), table(EnrolmentToken)
CERTIFICATE, CONFLICT, AUDIT = table(Certificate), table(Conflict), table(Audit)
NONCE = table(TakenNonce)

_TAKE_NONCE: Final = text(
    "INSERT INTO taken_nonce (nonce, at) VALUES (:nonce, :at) ON CONFLICT (nonce) DO NOTHING"
)

T = TypeVar("T")


class Enrolments:
    """The `EnrolmentStore` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def transact(self, step: Callable[[EnrolmentTransaction], T]) -> T:
        with self._database.writing() as connection:
            return step(_Transaction(connection))


class _Transaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def token(self, secret_hash: bytes) -> TokenTerms | None:
        # Looked up by a hash of 128 random bits: timing tells nothing that helps to guess one.
        row = self._connection.execute(
            select(TOKEN, SITE.c.name.label("site"))
            .join(SITE, SITE.c.key == TOKEN.c.site_key)
            .where(TOKEN.c.secret_hash == secret_hash)
            .with_for_update(of=TOKEN)
        ).one_or_none()
        return None if row is None else token_terms(row)

    def count_use(self, token: TokenTerms) -> None:
        self._connection.execute(
            update(TOKEN).where(TOKEN.c.key == token.key).values(uses=TOKEN.c.uses + 1)
        )

    def known_devices(self, *, serial: str, uuid: str) -> Sequence[KnownDevice]:
        claims = []
        if serial:
            claims.append(DEVICE.c.hardware_serial == serial)
        if uuid:
            claims.append(DEVICE.c.hardware_uuid == uuid)
        if not claims:
            return ()
        rows = self._connection.execute(
            select(DEVICE, SITE.c.name.label("site"))
            .join(SITE, SITE.c.key == DEVICE.c.site_key)
            .where(or_(*claims))
            .where(DEVICE.c.state != DeviceState.RETIRED.value)
            .order_by(DEVICE.c.key)
            .limit(10)
        )
        return [
            KnownDevice(
                key=row.key,
                id=row.id,
                site=row.site,
                state=DeviceState(row.state),
                last_seen_at=row.last_seen_at or row.enrolled_at,
                refused=bool(row.disabled),
            )
            for row in rows
        ]

    def add_device(
        self,
        *,
        device_id: str,
        token: TokenTerms,
        state: DeviceState,
        claims: Claims,
        agent_version: str,
        at: datetime,
    ) -> int:
        key = self._connection.execute(
            DEVICE.insert()
            .values(
                id=device_id,
                site_key=token.site_key,
                token_key=token.key,
                profile=token.profile,
                state=state.value,
                agent_version=agent_version,
                enrolled_at=at,
                platform=claims.platform,
                hostname=claims.hostname,
                **_hardware(claims),
                os="",
                os_version="",
                chassis="",
                engine="",
                nomadic=False,
                revision=0,
                spool_id=b"",
                last_seq=0,
                dropped_reports=0,
                boot_ids="[]",
                judged_with="",
                disabled="",
            )
            .returning(DEVICE.c.key)
        ).scalar_one()
        self._record(at, f"enrolled with token {token.id}", device_id)
        return int(key)

    def take_over(self, device: KnownDevice, *, claims: Claims, at: datetime) -> None:
        self._connection.execute(
            update(DEVICE)
            .where(DEVICE.c.key == device.key)
            .values(
                revision=DEVICE.c.revision + 1,
                hostname=claims.hostname,
                platform=claims.platform,
                last_seen_at=at,
                boot_ids="[]",
                **_hardware(claims),
            )
        )
        self._record(at, "enrolled again", device.id)

    def add_conflict(self, *, key: int, claimed: KnownDevice, at: datetime) -> None:
        self._connection.execute(
            CONFLICT.insert().values(
                device_key=key,
                claimed_key=claimed.key,
                at=at,
                reason="claims the serial number or UUID of a device that is known",
            )
        )

    def add_certificate(self, key: int, certificate: IssuedCertificate, *, at: datetime) -> None:
        self._connection.execute(
            CERTIFICATE.insert().values(
                serial=certificate.serial,
                device_key=key,
                not_after=certificate.not_after,
                issued_at=at,
            )
        )

    def take_nonce(self, nonce: bytes, *, at: datetime, forget_before: datetime) -> bool:
        self._connection.execute(delete(NONCE).where(NONCE.c.at < forget_before))
        # Another server that takes the same one waits here, and then finds it taken.
        taken = self._connection.execute(_TAKE_NONCE, {"nonce": nonce, "at": to_store(at)})
        return taken.rowcount == 1

    def certificate_device(self, serial: str) -> tuple[int, str] | None:
        row = self._connection.execute(
            select(DEVICE.c.key, DEVICE.c.id)
            .join(CERTIFICATE, CERTIFICATE.c.device_key == DEVICE.c.key)
            .where(CERTIFICATE.c.serial == serial)
            .where(CERTIFICATE.c.revoked_at.is_(None))
            .where(DEVICE.c.disabled == "")
        ).one_or_none()
        return None if row is None else (row.key, row.id)

    def _record(self, at: datetime, action: str, subject: str) -> None:
        self._connection.execute(
            AUDIT.insert().values(at=at, actor="server", action=action, subject=subject)
        )
        changes.tell_act(self._connection, subject)


def _hardware(claims: Claims) -> dict[str, str]:
    return {
        "hardware_serial": claims.hardware_serial,
        "hardware_uuid": claims.hardware_uuid,
        "hardware_vendor": claims.hardware_vendor,
        "hardware_model": claims.hardware_model,
    }


def token_terms(row: Any) -> TokenTerms:
    """The terms of a token's row that has its site's name as `site`."""
    return TokenTerms(
        key=row.key,
        id=row.id,
        site=row.site,
        site_key=row.site_key,
        profile=row.profile,
        max_uses=row.max_uses,
        uses=row.uses,
        expires_at=row.expires_at,
        revoked=row.revoked_at is not None,
        serials=None if row.serials is None else frozenset(json.loads(row.serials)),
    )
