"""A device's figures over its standing verdicts."""

from collections.abc import Iterable
from typing import Final

from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.views import StandingVerdict

_COUNTED: Final = frozenset({Status.PASS, Status.FAIL, Status.UNKNOWN})
_OPEN: Final = frozenset({Status.FAIL, Status.UNKNOWN})
_DECISIVE: Final = frozenset({Severity.CRITICAL, Severity.MAJOR})


def compliance_ratio(standing: Iterable[StandingVerdict]) -> float | None:
    """Rules passed of those that pass, fail (waived or not) or are unknown; None when none is."""
    counted = [verdict.status for verdict in standing if verdict.status in _COUNTED]
    if not counted:
        return None
    return counted.count(Status.PASS) / len(counted)


def compliant(standing: Iterable[StandingVerdict]) -> bool:
    """Whether no critical or major rule fails or is unknown; a waived fail is an accepted risk."""
    return not any(
        verdict.status in _OPEN and not verdict.waived and verdict.severity in _DECISIVE
        for verdict in standing
    )
