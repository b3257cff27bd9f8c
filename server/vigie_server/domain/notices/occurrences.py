"""What is told at once: what it is, and when it is told.

An occurrence stands until it ends; it is known by what it is, its subject and since when. The
store marks each that was noticed and, later, told. So a restart tells nothing twice and forgets
nothing: what stands without a mark of being told is still to be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vigie_server.domain.documents import Texts


class What(StrEnum):
    """In the order in which a message tells them, the gravest first."""

    MISSING = "missing_device_reports"
    CLONED = "cloned_identity"
    CRITICAL = "critical_rule_fails"
    MAIL = "mail_domain_fails"
    LEVEL = "level_lost"
    ATTESTATION = "attestation_expired"
    WAIVER = "waiver_expired"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that stands at a site. `of` is what it is told under: a rule, an item, a question.

    `name` is whom it concerns (a device, a mail domain), as others wrote it; `noticed_at` is None
    until it was noticed.
    """

    what: What
    subject: str
    since: datetime
    of: str
    name: str
    reason: Texts
    noticed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to note as noticed now, and what to tell now."""

    notice: Sequence[Occurrence]
    tell: Sequence[Occurrence]


def decide(untold: Sequence[Occurrence], *, now: datetime, gather: timedelta) -> Decision:
    """What becomes of what stands at a site and was not told yet.

    All of it is told in one message, once the first has been known for `gather`.
    """
    new = [one for one in untold if one.noticed_at is None]
    first = min((one.noticed_at or now for one in untold), default=None)
    due = first is not None and now - first >= gather
    return Decision(new, list(untold) if due else [])
