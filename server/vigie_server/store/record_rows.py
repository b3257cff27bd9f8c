"""Rows of the store as what the domain knows: a device, its record, a verdict for readers."""

import json
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import NotFound
from vigie_server.domain.records import DeviceRecord
from vigie_server.domain.score import Figures
from vigie_server.domain.surroundings import Surroundings
from vigie_server.domain.verdicts import Status
from vigie_server.domain.whereabouts import Grounds, Whereabouts
from vigie_server.ports.readers import VerdictRecord
from vigie_server.store.models import DeviceRow
from vigie_server.store.tables import table

DEVICE: Final = table(DeviceRow)

GROUNDS_KEPT: Final = 1_024
"""Sites whose networks are kept at hand, read."""


def device_of(row: Row[Any]) -> Device:
    """The device of a row that has its site's name as `site`."""
    return Device(
        id=row.id,
        site=row.site,
        profile=row.profile,
        platform=row.platform,
        state=DeviceState(row.state),
        hostname=row.hostname,
        os=row.os,
        os_version=row.os_version,
        chassis=row.chassis,
        agent_version=row.agent_version,
        enrolled_at=row.enrolled_at,
        last_report_at=row.last_report_at,
        clock_skew_seconds=row.clock_skew_seconds,
        nomadic=bool(row.nomadic),
        whereabouts=Whereabouts(
            presence=row.presence,
            since=row.presence_at,
            last_off_site_at=row.last_off_site_at,
            declared_nomadic=row.declared_nomadic,
        ),
        revoked=bool(row.disabled) and row.state != DeviceState.RETIRED.value,
    )


def record_of(row: Row[Any], around: Surroundings) -> DeviceRecord:
    """The record of such a row with its site's `networks` and `gateways`, and nothing else yet."""
    return DeviceRecord(
        key=row.key,
        device=around.around(device_of(row)),
        around=around,
        revision=row.revision,
        spool_id=row.spool_id,
        last_seq=row.last_seq,
        boot_ids=tuple(json.loads(row.boot_ids)),
        judged_with=row.judged_with,
        enrolled_at=row.enrolled_at,
        grounds=_grounds(row.networks, row.gateways),
        disabled=row.disabled,
        last_seen_at=row.last_seen_at,
        figures=Figures(row.passing, row.failing, row.unknown, row.compliant),
        engine=row.engine,
        dropped_reports=row.dropped_reports,
        committed_seq=row.last_seq,
        session_revision=row.session_revision,
    )


@lru_cache(GROUNDS_KEPT)
def _grounds(networks: str, gateways: str) -> Grounds:
    return Grounds.of(json.loads(networks), json.loads(gateways))


def device_key_of(connection: Connection, device_id: str) -> int:
    """A device's key by its id. Raises NotFound."""
    key = connection.execute(select(DEVICE.c.key).where(DEVICE.c.id == device_id)).scalar()
    if key is None:
        raise NotFound(f"no device {device_id}")
    return int(key)


def verdict_record(row: Row[Any]) -> VerdictRecord:
    """The verdict of a row as readers see it."""
    return VerdictRecord(
        rule=row.rule,
        rule_version=row.rule_version,
        status=Status(row.status),
        reason=json.loads(row.reason),
        offending=json.loads(row.offending),
        since=row.since,
        failing_since=row.failing_since,
        evidence_at=row.evidence_at,
        next_check_at=row.next_check_at,
        waived=bool(row.waived) and row.status == Status.FAIL.value,
    )
