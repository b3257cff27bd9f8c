"""A device's figures over its standing verdicts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from vigie_server.domain.made_often import made_often
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.views import StandingVerdict

_COUNTED: Final = frozenset({Status.PASS, Status.FAIL, Status.UNKNOWN})
_OPEN: Final = frozenset({Status.FAIL, Status.UNKNOWN})
DECISIVE: Final = frozenset({Severity.CRITICAL, Severity.MAJOR})
"""The severities that decide whether a device is compliant."""


@made_often
class Figures:
    """How many rules pass, fail (waived or not) and are unknown, and what that comes to.

    `compliant` is None until the device is judged.
    """

    passing: int
    failing: int
    unknown: int
    compliant: bool | None

    @property
    def ratio(self) -> float | None:
        """Rules passed of those that count; None when none does."""
        counted = self.passing + self.failing + self.unknown
        return self.passing / counted if counted else None


def figures(standing: Iterable[tuple[Status, bool, bool]]) -> Figures:
    """Of verdicts that stand, each as its status, whether it is waived, whether it is decisive."""
    passing = failing = unknown = others = 0
    is_open = False
    for status, waived, decisive in standing:
        if status is Status.PASS:
            passing += 1
        elif status is Status.FAIL:
            failing += 1
            is_open = is_open or (decisive and not waived)
        elif status is Status.UNKNOWN:
            unknown += 1
            is_open = is_open or decisive
        else:
            others += 1
    judged = passing or failing or unknown or others
    return Figures(passing, failing, unknown, compliant=not is_open if judged else None)


def compliance_ratio(standing: Iterable[StandingVerdict]) -> float | None:
    """Rules passed of those that pass, fail (waived or not) or are unknown; None when none is."""
    counted = [verdict.status for verdict in standing if verdict.status in _COUNTED]
    if not counted:
        return None
    return counted.count(Status.PASS) / len(counted)


def unknown_since(standing: Iterable[StandingVerdict]) -> datetime | None:
    """Since when a critical or major rule has been unknown, the one that is so longest."""
    return min((since for verdict in standing if (since := verdict.unknown_since)), default=None)


def compliant(standing: Iterable[StandingVerdict]) -> bool:
    """Whether no critical or major rule fails or is unknown; a waived fail is an accepted risk."""
    return not any(
        verdict.status in _OPEN and not verdict.waived and verdict.severity in DECISIVE
        for verdict in standing
    )
