"""Devices by the thousand, written into the store of a test server that does not run.

What enrolment and a first report would have left is written with the server's own authority and
store: devices with certificates, and their answers, judged. Of each recording one device is judged;
the others that show it are written as copies of that one under their own names. A store that holds
any device that is not simulated is refused.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, select

from vigie.v1 import snapshot_pb2, telemetry_pb2
from vigie.v1.digest import canonical_form
from vigie_server.ca.authority import CertificateAuthority
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import VigieError
from vigie_server.domain.reports import Limits, Report
from vigie_server.domain.rules import Catalogue
from vigie_server.ingest import wire
from vigie_server.metrics.own import OwnFigures
from vigie_server.ports.enrolment import IssuedCertificate
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.rule_book import RuleBook
from vigie_server.simulator.answers import Answers
from vigie_server.simulator.copying import Content, Copy, Pattern
from vigie_server.simulator.fleet_file import About, FleetFile, Kept
from vigie_server.simulator.identity import Identity, key_bytes, new_key, signing_request
from vigie_server.simulator.member import ENGINE, VERSION, boot_id, moment
from vigie_server.simulator.naming import Names, names_of, recording_of, words_of
from vigie_server.store.content import packed
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
        patterns: dict[int, _Planted] = {}
        for first in range(0, count, AT_ONCE):
            new = [self._new(about, number) for number in range(first, min(first + AT_ONCE, count))]
            unseen = {one.recording: one for one in reversed(new) if one.recording not in patterns}
            patterns |= await self._judged(unseen)
            rest = [one for one in new if unseen.get(one.recording) is not one]
            self._copied(rest, patterns)
            # Last: a device of the fleet has its place in the store.
            fleet.add(
                {one.number: one.identity for one in new},
                Kept(FIRST_SEQ, self.answers.born, known=True),
            )
            planted(first + len(new))

    async def _judged(self, new: Mapping[int, "_New"]) -> Mapping[int, "_Planted"]:
        """Plants a device of each recording, whose first report is judged."""
        if not new:
            return {}
        figures = OwnFigures(CollectorRegistry())
        accept = AcceptReport(RuleBook(self.catalogue), _nothing_missing, figures, limits=_LIMITS)
        store = Records(self.database)
        with self.database.writing() as connection:
            devices = list(new.values())
            keys = self._written(connection, devices, [self._row(one) for one in devices])
        found: dict[int, _Planted] = {}
        for recording, one in new.items():
            key = keys[one.identity.device_id]
            report = self._first_report(one)
            accepted = await accept(store.record(key), report, received_at=self.now())
            if accepted.rejection is not None:
                raise NotATestServer(f"a first report was rejected: {accepted.rejection}")
            store.commit([accepted.change], ())
            with self.database.reading() as connection:
                row = connection.execute(select(DEVICE).where(DEVICE.c.key == key)).one()
            words = words_of(one.names, self.answers.people[recording])
            cells = {name: cell for name, cell in row._asdict().items() if name != "key"}
            found[recording] = _Planted(Pattern(self.database, key, words), cells)
        return found

    def _copied(self, new: Sequence["_New"], patterns: Mapping[int, "_Planted"]) -> None:
        """Plants devices as copies of those that were judged."""
        if not new:
            return
        with self.database.writing() as connection:
            rows = [patterns[one.recording].row | self._row(one) for one in new]
            keys = self._written(connection, new, rows)
            for recording in {one.recording for one in new}:
                alike = [one for one in new if one.recording == recording]
                patterns[recording].pattern.write(
                    connection, [self._copy(one, keys[one.identity.device_id]) for one in alike]
                )

    def _copy(self, one: "_New", key: int) -> Copy:
        answers = self.answers
        return Copy(
            key=key,
            spool_id=one.spool_id,
            words=words_of(one.names, answers.people[one.recording]),
            own={
                topic: _content(answers.snapshot(one.recording, one.names, topic, answers.born))
                for topic in answers.personal(one.recording)
            },
        )

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
        return _New(
            number=number,
            recording=recording_of(self.answers.recordings, about.seed, number),
            names=names_of(about.seed, number),
            identity=Identity(device_id, key_bytes(key), issued.certificate),
            issued=issued,
            spool_id=about.spool_id(number),
        )

    def _row(self, one: "_New") -> dict[str, object]:
        """What is the device's own in its row."""
        return {
            "id": one.identity.device_id,
            "profile": "standard",
            "platform": self.answers.recordings[one.recording].platform,
            "state": DeviceState.ACTIVE.value,
            "hostname": one.names.hostname,
            "hardware_serial": one.names.serial,
            "hardware_uuid": one.names.uuid,
            # As its first session left it: a greeting that says the same writes nothing.
            "agent_version": VERSION,
            "engine": ENGINE,
            "boot_ids": json.dumps([boot_id(one.number)]),
            "spool_id": one.spool_id,
            "enrolled_at": self.now() - ENROLLED_BEFORE,
        }

    def _written(
        self, connection: Connection, new: Sequence["_New"], rows: Sequence[dict[str, object]]
    ) -> Mapping[str, int]:
        """Writes devices with their certificates; the key of each by its id."""
        now = self.now()
        sites = {
            number: site_key(connection, f"sim-{number:04d}", now=now)
            for number in sorted({one.number // self.per_site for one in new})
        }
        for one, row in zip(new, rows, strict=True):
            row["site_key"] = sites[one.number // self.per_site]
        connection.execute(DEVICE.insert(), list(rows))
        ids = [one.identity.device_id for one in new]
        found = connection.execute(select(DEVICE.c.key, DEVICE.c.id).where(DEVICE.c.id.in_(ids)))
        keys = {str(device_id): int(key) for key, device_id in found}
        connection.execute(
            CERTIFICATE.insert(),
            [
                {
                    "serial": one.issued.serial,
                    "device_key": keys[one.identity.device_id],
                    "not_after": one.issued.not_after,
                    "issued_at": now,
                }
                for one in new
            ],
        )
        return keys

    def _first_report(self, one: "_New") -> Report:
        """Every topic, whole, as the device is before anything happens to it."""
        answers = self.answers
        report = telemetry_pb2.Report(seq=FIRST_SEQ, sent_at=moment(self.now()))
        report.elapsed.FromSeconds(0)
        report.snapshots.extend(
            answers.snapshot(one.recording, one.names, topic, answers.born)
            for topic in answers.topics(one.recording)
        )
        return wire.report(report)


@dataclass(frozen=True, slots=True)
class _New:
    """A device about to be written."""

    number: int
    recording: int
    names: Names
    identity: Identity
    issued: IssuedCertificate
    spool_id: bytes


@dataclass(frozen=True, slots=True)
class _Planted:
    """A judged device: what the store holds of it, and its row."""

    pattern: Pattern
    row: dict[str, object]


def _content(snapshot: snapshot_pb2.Snapshot) -> Content:
    form = canonical_form(
        topic=snapshot.topic,
        topic_version=snapshot.topic_version,
        status=snapshot.status,
        message=snapshot.message,
        columns=snapshot.columns,
        values=snapshot.values,
    )
    return Content(snapshot.digest, packed(form))


async def _nothing_missing(*_: object) -> None:
    """Every topic is in a device's first report."""
