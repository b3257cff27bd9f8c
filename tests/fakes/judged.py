"""Devices in a store that reported and were judged."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import update

from fakes.stored import NOW, a_device
from vigie_server.domain.records import (
    DeviceChange,
    Evidence,
    HeldVerdict,
    Transition,
    WrittenVerdict,
)
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.store.database import Database
from vigie_server.store.models import DeviceRow
from vigie_server.store.records import Records
from vigie_server.store.tables import table

DEVICE = table(DeviceRow)


def a_judged_device(
    database: Database,
    name: str,
    verdicts: Mapping[str, Status],
    *,
    content: bytes = b"vigie",
    platform: str = "linux",
    more: Mapping[str, bytes] | None = None,
    **columns: object,
) -> int:
    """A device that reported its firewall, and `more` topics, with these verdicts."""
    key = a_device(database, name, serial=f"PF-{name}", hostname=name)
    record = Records(database).record(key)
    held = [
        HeldVerdict(Verdict(rule, 1, status, {"fr": "Oui", "en": "Yes"}), NOW, None, None)
        for rule, status in verdicts.items()
    ]
    digest = name.encode().ljust(16, b"-")
    change = DeviceChange(
        key=key,
        device_id=name,
        at=NOW,
        revision_before=record.revision,
        revision=record.revision + 1,
        spool_id=b"s" * 16,
        last_seq=1,
        device=replace(record.device, last_report_at=NOW, hostname=name),
        judged_with="rules",
        evidence=tuple(
            Evidence(topic, digest, 1, 1, form, b"", NOW)
            for topic, form in {"firewall": content, **(more or {})}.items()
        ),
        verdicts=tuple(WrittenVerdict(one, NOW, {"firewall": 1}) for one in held),
        transitions=tuple(
            Transition(one.verdict.rule, None, one.verdict.status, one.verdict, {"firewall": 1})
            for one in held
        ),
    )
    assert not Records(database).commit([change], [])
    with database.writing() as connection:
        connection.execute(
            update(DEVICE).where(DEVICE.c.key == key).values(platform=platform, **columns)
        )
    return key
