"""Which of the answers that are kept is the newest of its device to its topic."""

from typing import Final

from sqlalchemy import ColumnElement, and_

from vigie_server.store.models import EvidenceRow, SnapshotRow
from vigie_server.store.tables import table

EVIDENCE, SNAPSHOT = table(EvidenceRow), table(SnapshotRow)

IS_NEWEST: Final[ColumnElement[bool]] = and_(
    EVIDENCE.c.device_key == SNAPSHOT.c.device_key,
    EVIDENCE.c.revision == SNAPSHOT.c.revision,
    EVIDENCE.c.topic == SNAPSHOT.c.topic,
)
"""Joins what a device answered with what says that it is what stands."""
