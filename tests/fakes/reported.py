"""What devices reported, as it lies in a store before anything was judged by it."""

from datetime import datetime

from fakes.stored import NOW
from vigie.v1.digest import canonical_form, canonical_rows, form_digest
from vigie_server.domain.records import DeviceChange, Evidence
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database
from vigie_server.store.records import Records


def report_length(database: Database, device: str, length: int, *, seen: datetime = NOW) -> None:
    """Keeps evidence of a minimum length of passwords on a device, without judging it."""
    key = Administration(database).key_of(device)
    names, rows = canonical_rows(
        ("part", "collected", "why", "source", "enforced", "min_length"),
        [("quality", "yes", "", "pwquality.conf", "1", str(length))],
    )
    values = [value for row in rows for value in row]
    form = canonical_form(
        topic="password_policy",
        topic_version=1,
        status=1,
        message="",
        columns=names,
        values=values,
    )
    record = Records(database).record(key)
    change = DeviceChange(
        key=key,
        device_id=record.device.id,
        at=seen,
        revision_before=record.revision,
        revision=record.revision + 1,
        spool_id=b"s" * 16,
        last_seq=1,
        device=record.device,
        judged_with="rules",
        evidence=(Evidence("password_policy", form_digest(form), 1, 1, form, b"", seen),),
        verdicts=(),
        transitions=(),
    )
    assert not Records(database).commit([change], [])
