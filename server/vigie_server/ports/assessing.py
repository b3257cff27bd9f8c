"""Sites as they are assessed: what is known of one, and what was concluded. All block."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vigie_server.domain.documents import Texts
from vigie_server.domain.maturity import Assessment, SiteStanding
from vigie_server.domain.site_figures import SiteFigures
from vigie_server.domain.site_rules import SiteVerdict
from vigie_server.domain.traits import Trait


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A device's answer whose traits were not taken yet. `form` is its canonical form."""

    device_key: int
    platform: str
    topic: str
    digest: bytes
    observed_at: datetime
    form: bytes


@dataclass(frozen=True, slots=True)
class TakenTraits:
    """The traits of an answer; None where it does not tell."""

    answer: StoredAnswer
    reader: str
    traits: frozenset[Trait] | None


@dataclass(frozen=True, slots=True)
class SiteSeen:
    """All that a site is judged on.

    `standing` holds the verdicts of rules of the site that are decided elsewhere, `memory` what its
    own rules remembered, `overrides` the parameters set for it. `until`: when the first of its
    attestations lapses.
    """

    name: str
    figures: SiteFigures
    standing: SiteStanding
    memory: Mapping[str, Mapping[str, object]]
    overrides: Mapping[str, Mapping[str, object]]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class WordedAssessment:
    """A level with what holds it and what to do next, in words."""

    assessment: Assessment
    reason: Texts
    actions: Sequence[Texts]


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a history was read.

    Everything up to the key `whole` was. Keys come to light in another order than they are given
    out: `read` are those above it that were read, the newest of them `newest`.
    """

    whole: int = 0
    newest: int = 0
    read: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far changes were followed.

    `horizon`: transactions from this number on began after the last look; 0 where each ends before
    the next begins. `verdicts_read`: verdicts on sites that are not looked at again though others
    of their time may still come to light, by site, rule and since when they stand.
    """

    transition: Followed
    audit: Followed
    verdicts_at: datetime
    horizon: int = 0
    verdicts_read: frozenset[tuple[int, str, datetime]] = frozenset()


class AssessmentStore(Protocol):
    """Sites and their assessments."""

    def sites(self) -> Sequence[int]:
        """The keys of all sites."""
        ...

    def progress(self) -> Progress:
        """How far changes have come."""
        ...

    def changed(self, since: Progress) -> tuple[Collection[int] | None, Progress]:
        """The sites that something happened to; None: it may concern every site."""
        ...

    def answers(
        self, site: int, readers: Mapping[str, str], *, limit: int
    ) -> Sequence[StoredAnswer]:
        """Answers of the site's devices whose traits are not those of the reader of their topic."""
        ...

    def keep(self, taken: Sequence[TakenTraits]) -> None:
        """Replaces the traits of these devices and topics."""
        ...

    def seen(self, site: int, *, now: datetime) -> SiteSeen | None:
        """None: there is no such site any more."""
        ...

    def save(
        self,
        site: int,
        verdicts: Sequence[SiteVerdict],
        assessments: Sequence[WordedAssessment],
        *,
        now: datetime,
        figures: SiteFigures | None = None,
    ) -> None:
        """Replaces what differs; a level that changed is kept in the history.

        Of `figures` the versions of software are kept, for lists of the fleet.
        """
        ...


class SeenSites(Protocol):
    """Sites as they would be assessed now."""

    def key_of(self, site: str) -> int:
        """Raises NotFound."""
        ...

    def seen(self, site: int, *, now: datetime) -> SiteSeen | None:
        """None: there is no such site any more."""
        ...
