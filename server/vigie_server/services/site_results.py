"""What a site comes to, requirement by requirement: for programs that audit by a framework."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from vigie_server.domain.ciso_results import (
    PARTIALLY,
    Result,
    Tally,
    of_attestation,
    of_devices,
    of_site,
)
from vigie_server.domain.documents import Texts
from vigie_server.ports.attesting import AttestationRecord, AttestationStore
from vigie_server.ports.declaring import Sites
from vigie_server.ports.lists import RuleTally
from vigie_server.ports.maturity import SiteVerdictRecord

_ATTESTED: Final[Texts] = {
    "fr": "attesté par {author} le {at:%d/%m/%Y}",
    "en": "attested by {author} on {at:%Y-%m-%d}",
}
_OF_GROUP: Final[Texts] = {"fr": "pour le groupe {group}", "en": "for the group {group}"}


class Tallies(Protocol):
    """Devices by rule."""

    def tallies(self, sites: Sites) -> Sequence[RuleTally]:
        """How many devices of these sites hold each verdict of each rule."""
        ...


class Verdicts(Protocol):
    """Rules on sites."""

    def verdicts(self, site: str) -> Sequence[SiteVerdictRecord]:
        """The verdicts on a site. Raises NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class SiteResults:
    """Blocking: reads the store."""

    devices: Tallies
    verdicts: Verdicts
    attestations: AttestationStore

    def of(self, site: str, *, now: datetime, language: str) -> Mapping[str, Result]:
        """Results by the id of rule or attestation; what nothing is known of is left out.

        Raises NotFound.
        """
        found = {
            verdict.rule: of_site(verdict.status, verdict.reason[language])
            for verdict in self.verdicts.verdicts(site)
        }
        for tally in self.devices.tallies(frozenset({site})):
            counts = Tally(
                tally.passing, tally.failing, tally.waived, tally.unknown, tally.not_applicable
            )
            found[tally.rule] = of_devices(counts, language)
        for record in self.attestations.standing(site):
            if record.expires_at is not None and record.expires_at <= now:
                continue
            told = _told(record, language)
            if record.group is None:
                found[record.item] = of_attestation(record.outcome, told)
            else:
                found.setdefault(record.item, Result(PARTIALLY, told))
        return found


def _told(record: AttestationRecord, language: str) -> str:
    parts = [_ATTESTED[language].format(author=record.author, at=record.at)]
    if record.group is not None:
        parts.append(_OF_GROUP[language].format(group=record.group))
    return ", ".join([*parts, *(text for text in (record.document, record.reason) if text)])
