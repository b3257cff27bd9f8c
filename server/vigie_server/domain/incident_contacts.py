"""Whom to call and tell in an incident: reference data, not code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from vigie_server.domain.documents import read_document


@dataclass(frozen=True, slots=True)
class IncidentContacts:
    """National contacts as people use them (a number, an address of a page); regions by code."""

    cert_sante: str
    portal: str
    cnil: str
    source: str
    recorded: datetime
    regions: Mapping[str, str] = field(default_factory=dict)


def load_incident_contacts(path: Path) -> IncidentContacts:
    """Raises RulesMalformed, naming file, line and key."""
    document = read_document(path)
    recorded = document.line_of_text("recorded")
    try:
        day = datetime.fromisoformat(recorded).replace(tzinfo=UTC)
    except ValueError as error:
        raise document.wrong("must be a day such as 2026-03-01", "recorded") from error
    document.choice("list", frozenset({"incident-contacts"}))
    contacts = IncidentContacts(
        cert_sante=document.line_of_text("cert_sante"),
        portal=document.line_of_text("portal"),
        cnil=document.line_of_text("cnil"),
        source=document.line_of_text("source"),
        recorded=day,
        regions=document.texts("regions"),
    )
    document.close()
    return contacts
