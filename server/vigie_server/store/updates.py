"""What is rolled out to which site, and how devices fare with it. The `UpdateStore`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, delete, func, select

from vigie_server.domain.errors import NotFound, UnknownDevice
from vigie_server.domain.rolling_out import Rollout, Told, UpdateState
from vigie_server.ports.declaring import Act
from vigie_server.ports.sessions import Peer
from vigie_server.ports.updating import Asked, DeviceUpdate
from vigie_server.store.database import Database, retried
from vigie_server.store.models import Certificate, DeviceRow, Site
from vigie_server.store.rejudging import record_act
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.tables import table
from vigie_server.store.update_models import DeviceUpdateRow, UpdateRollout

ROLLOUT, STATE = table(UpdateRollout), table(DeviceUpdateRow)
DEVICE, SITE, CERTIFICATE = table(DeviceRow), table(Site), table(Certificate)
EVERY_SITE: Final = 0


class Updates:
    """Rollouts by site, states by device."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rollouts(self) -> Sequence[Rollout]:
        query = (
            select(ROLLOUT, SITE.c.name.label("site"))
            .outerjoin(SITE, SITE.c.key == ROLLOUT.c.site_key)
            .order_by(ROLLOUT.c.site_key != EVERY_SITE, SITE.c.name)
        )
        with self._database.reading() as connection:
            return [
                Rollout(row.site, row.version, row.share, row.author, row.at)
                for row in connection.execute(query)
            ]

    @retried
    def roll_out(self, version: str, share: int, site: str | None, act: Act) -> None:
        with self._database.writing() as connection:
            key = EVERY_SITE if site is None else site_key(connection, site, lock=True)
            connection.execute(delete(ROLLOUT).where(ROLLOUT.c.site_key == key))
            connection.execute(
                ROLLOUT.insert().values(
                    site_key=key, version=version, share=share, author=act.actor, at=act.at
                )
            )
            action = f"rolled out agent {version} to {share} percent"
            record_act(connection, act, action, site or "every site")

    @retried
    def stop(self, site: str | None, act: Act) -> None:
        with self._database.writing() as connection:
            key = EVERY_SITE if site is None else site_key(connection, site, lock=True)
            gone = connection.execute(delete(ROLLOUT).where(ROLLOUT.c.site_key == key))
            if not gone.rowcount:
                raise NotFound(f"no release is rolled out to {site or 'every site'}")
            record_act(connection, act, "stopped the rollout of the agent", site or "every site")

    def asked(self, peer: Peer) -> Asked:
        query = (
            select(SITE.c.name.label("site"), STATE)
            .select_from(CERTIFICATE)
            .join(DEVICE, DEVICE.c.key == CERTIFICATE.c.device_key)
            .join(SITE, SITE.c.key == DEVICE.c.site_key)
            .outerjoin(STATE, STATE.c.device_key == DEVICE.c.key)
            .where(CERTIFICATE.c.serial == peer.certificate_serial)
            .where(CERTIFICATE.c.revoked_at.is_(None))
            .where(DEVICE.c.id == peer.device_id)
            .where(DEVICE.c.disabled == "")
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise UnknownDevice("this certificate is not in force")
        return Asked(row.site, None if row.device_key is None else _told(row))

    @retried
    def keep(self, peer: Peer, told: Told, at: datetime) -> None:
        with self._database.writing() as connection:
            key = connection.execute(
                select(DEVICE.c.key).where(DEVICE.c.id == peer.device_id)
            ).scalar_one()
            connection.execute(delete(STATE).where(STATE.c.device_key == key))
            connection.execute(
                STATE.insert().values(
                    device_key=key,
                    version=told.version,
                    platform=told.platform,
                    state=told.state.value,
                    about=told.about,
                    reason=told.reason,
                    at=at,
                )
            )

    def devices(self, site: str | None = None) -> Sequence[DeviceUpdate]:
        query = _devices().order_by(SITE.c.name, DEVICE.c.id)
        if site is not None:
            query = query.where(SITE.c.name == site)
        with self._database.reading() as connection:
            return [_device(row) for row in connection.execute(query)]

    def device(self, device_id: str) -> DeviceUpdate:
        with self._database.reading() as connection:
            row = connection.execute(_devices().where(DEVICE.c.id == device_id)).one_or_none()
        if row is None:
            raise NotFound(f"no device {device_id} has looked for updates")
        return _device(row)

    def counts(self, sites: Collection[str] | None = None) -> Mapping[tuple[str, str], int]:
        query = (
            select(STATE.c.version, STATE.c.state, func.count().label("devices"))
            .join(DEVICE, DEVICE.c.key == STATE.c.device_key)
            .where(DEVICE.c.disabled == "")
            .group_by(STATE.c.version, STATE.c.state)
        )
        if sites is not None:
            named = select(SITE.c.key).where(SITE.c.name.in_(sorted(sites)))
            query = query.where(DEVICE.c.site_key.in_(named))
        with self._database.reading() as connection:
            return {(row.version, row.state): row.devices for row in connection.execute(query)}


def _devices() -> Select[Any]:
    return (
        select(STATE, DEVICE.c.id, DEVICE.c.hostname, SITE.c.name.label("site"))
        .join(DEVICE, DEVICE.c.key == STATE.c.device_key)
        .join(SITE, SITE.c.key == DEVICE.c.site_key)
    )


def _device(row: Row[Any]) -> DeviceUpdate:
    return DeviceUpdate(row.id, row.hostname, row.site, _told(row), row.at)


def _told(row: Row[Any]) -> Told:
    return Told(row.version, row.platform, UpdateState(row.state), row.about, row.reason)
