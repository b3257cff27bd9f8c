"""Attestations, as people record and read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from vigie_server.domain.attesting import AttestedValue, NewAttestation, Outcome
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act


class AttestationState(StrEnum):
    """Where an attestation is in its life. `due_soon` still counts."""

    IN_FORCE = "in_force"
    DUE_SOON = "due_soon"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class AttestationRecord:
    """What was attested, by whom, when, until when. `group` is None for the whole site."""

    site: str
    group: str | None
    item: str
    outcome: Outcome
    value: AttestedValue
    reason: str
    author: str
    document: str
    at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None

    def state(self, now: datetime, *, remind_before: timedelta) -> AttestationState:
        """`due_soon` begins so long before the expiry: time to renew it."""
        if self.withdrawn_at is not None:
            return AttestationState.WITHDRAWN
        if self.expires_at is None:
            return AttestationState.IN_FORCE
        if now >= self.expires_at:
            return AttestationState.EXPIRED
        soon = now >= self.expires_at - remind_before
        return AttestationState.DUE_SOON if soon else AttestationState.IN_FORCE


class AttestationStore(Protocol):
    """Attestations: a history that only grows. Blocking: call it from a worker thread."""

    def record(self, site: str, given: NewAttestation, act: Act) -> tuple[AttestationRecord, bool]:
        """The attestation, and whether it is new: the same one of the same day is given back.

        Raises NotFound: no such site or group.
        """
        ...

    def withdraw(
        self,
        site: str,
        item: str,
        group: str | None,
        act: Act,
        require: Require[AttestationRecord] = whatever,
    ) -> AttestationRecord:
        """Nothing that was said of the item stands any more. Raises NotFound."""
        ...

    def newest(self, site: str, item: str, group: str | None) -> AttestationRecord:
        """What stands, of the site or else of this group. Raises NotFound: nothing does."""
        ...

    def standing(self, site: str) -> Sequence[AttestationRecord]:
        """The newest word on each item and group that is not withdrawn, in the items' order.

        Raises NotFound.
        """
        ...

    def history(self, site: str, item: str) -> Sequence[AttestationRecord]:
        """All that was said of an item, the newest first. Raises NotFound."""
        ...


class Lapsing(Protocol):
    """What ends by itself."""

    def lapse(self, now: datetime) -> int:
        """Notices attestations that have expired, and has devices judged again; gives how many."""
        ...


class AttestedSites(Protocol):
    """When attestations expire, for who follows them."""

    def expiries(self, sites: Sequence[str] | None = None) -> Mapping[str, Mapping[str, datetime]]:
        """By site and item, the first expiry of what stands; None: of every site."""
        ...
