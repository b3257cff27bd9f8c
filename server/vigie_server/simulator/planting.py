"""Devices by the thousand, written into the store of a test server that does not run.

What enrolment and a first report would have left is written with the server's own authority and
store: devices with certificates, and their answers, judged. A store that holds any device that is
not simulated is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from prometheus_client import CollectorRegistry
from sqlalchemy import select

from vigie.v1 import telemetry_pb2
from vigie_server.ca.authority import CertificateAuthority
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import VigieError
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.reports import Limits, Report
from vigie_server.domain.rules import Catalogue
from vigie_server.ingest import wire
from vigie_server.metrics.own import OwnFigures
from vigie_server.ports.enrolment import IssuedCertificate
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.rule_book import RuleBook
from vigie_server.simulator.answers import Answers
from vigie_server.simulator.fleet_file import About, FleetFile, Kept
from vigie_server.simulator.identity import Identity, key_bytes, new_key, signing_request
from vigie_server.simulator.member import VERSION, moment
from vigie_server.simulator.naming import names_of, recording_of
from vigie_server.store.database import Database
from vigie_server.store.models import Certificate, DeviceRow
from vigie_server.store.records import Records
from vigie_server.store.tables import table
from vigie_server.store.tokens import site_key

DEVICE, CERTIFICATE = table(DeviceRow), table(Certificate)

AT_ONCE: Final = 500
FIRST_SEQ: Final = 1
ENROLLED_BEFORE: Final = timedelta(days=30)
_LIMITS: Final = Limits()


class NotATestServer(VigieError):
    """The store holds devices that are not simulated."""


@dataclass(frozen=True, slots=True)
class Planting:
    """Plants a fleet's devices. `per_site`: devices of each site, `sim-0000` and on."""

    database: Database
    authority: CertificateAuthority
    catalogue: Catalogue
    answers: Answers
    per_site: int
    now: Callable[[], datetime]

    async def plant(
        self, fleet: FleetFile, about: About, count: int, *, planted: Callable[[int], None]
    ) -> None:
        """Writes `count` devices to store and fleet; `planted` is told how many there are.

        Raises NotATestServer, StoreBusy.
        """
        self._refuse_real_devices()
        figures = OwnFigures(CollectorRegistry())
        accept = AcceptReport(RuleBook(self.catalogue), _nothing_missing, figures, limits=_LIMITS)
        store = Records(self.database)
        for first in range(0, count, AT_ONCE):
            new = [self._new(about, number) for number in range(first, min(first + AT_ONCE, count))]
            keys = self._written(about, new)
            changes: list[DeviceChange] = []
            for record, _ in store.many(list(keys)):
                report = self._first_report(about, keys[record.key])
                accepted = await accept(record, report, received_at=self.now())
                if accepted.rejection is not None:
                    raise NotATestServer(f"a first report was rejected: {accepted.rejection}")
                changes.append(accepted.change)
            store.commit(changes, ())
            # Last: a device of the fleet has its place in the store.
            fleet.add(
                {one.number: one.identity for one in new},
                Kept(FIRST_SEQ, self.answers.born, known=True),
            )
            planted(first + len(new))

    def _refuse_real_devices(self) -> None:
        with self.database.reading() as connection:
            real = connection.execute(
                select(DEVICE.c.id).where(DEVICE.c.agent_version != VERSION).limit(1)
            ).scalar()
        if real is not None:
            raise NotATestServer(
                "this store holds devices that are not simulated: plant a fleet in the store of a "
                "test server, or enrol one with a token"
            )

    def _new(self, about: About, number: int) -> "_New":
        key, device_id = new_key(), str(uuid4())
        issued = self.authority.issue_device_certificate(
            signing_request(key), device_id, now=self.now()
        )
        identity = Identity(device_id, key_bytes(key), issued.certificate)
        return _New(number, identity, issued, about.spool_id(number))

    def _written(self, about: About, new: Sequence["_New"]) -> Mapping[int, int]:
        """Writes devices with their certificates; the number of each by its key in the store."""
        now = self.now()
        with self.database.writing() as connection:
            sites = {
                number: site_key(connection, f"sim-{number:04d}", now=now)
                for number in sorted({one.number // self.per_site for one in new})
            }
            rows = [
                self._row(about, one) | {"site_key": sites[one.number // self.per_site]}
                for one in new
            ]
            connection.execute(DEVICE.insert(), rows)
            ids = {one.identity.device_id: one for one in new}
            found = connection.execute(
                select(DEVICE.c.key, DEVICE.c.id).where(DEVICE.c.id.in_(ids))
            )
            keys = {int(key): ids[device_id] for key, device_id in found}
            connection.execute(
                CERTIFICATE.insert(),
                [
                    {
                        "serial": one.issued.serial,
                        "device_key": key,
                        "not_after": one.issued.not_after,
                        "issued_at": now,
                    }
                    for key, one in keys.items()
                ],
            )
        return {key: one.number for key, one in keys.items()}

    def _row(self, about: About, one: "_New") -> dict[str, object]:
        names = names_of(about.seed, one.number)
        recording = recording_of(self.answers.recordings, about.seed, one.number)
        return {
            "id": one.identity.device_id,
            "profile": "standard",
            "platform": self.answers.recordings[recording].platform,
            "state": DeviceState.ACTIVE.value,
            "hostname": names.hostname,
            "hardware_serial": names.serial,
            "hardware_uuid": names.uuid,
            "agent_version": VERSION,
            "spool_id": one.spool_id,
            "enrolled_at": self.now() - ENROLLED_BEFORE,
        }

    def _first_report(self, about: About, number: int) -> Report:
        """Every topic, whole, as the device is before anything happens to it."""
        answers = self.answers
        recording = recording_of(answers.recordings, about.seed, number)
        names = names_of(about.seed, number)
        report = telemetry_pb2.Report(seq=FIRST_SEQ, sent_at=moment(self.now()))
        report.elapsed.FromSeconds(0)
        report.snapshots.extend(
            answers.snapshot(recording, names, topic, answers.born)
            for topic in answers.topics(recording)
        )
        return wire.report(report)


@dataclass(frozen=True, slots=True)
class _New:
    """A device about to be written."""

    number: int
    identity: Identity
    issued: IssuedCertificate
    spool_id: bytes


async def _nothing_missing(*_: object) -> None:
    """Every topic is in a device's first report."""
