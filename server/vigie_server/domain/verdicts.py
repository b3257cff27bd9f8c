"""A verdict: what one rule says of one device at one moment, and why."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from vigie_server.domain.facts import FactRow
from vigie_server.domain.made_often import made_often


class Status(StrEnum):
    """`unknown` is never counted as `pass`; a waiver is an overlay, not a status."""

    PASS = "pass"  # noqa: S105 (a verdict, not a secret)
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """As in the catalogue of rules: C, M and m."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


@made_often
class Verdict:
    """One rule, one device, one moment.

    `reason` is one sentence by language (`fr`, `en`) that names the deciding rows. `offending`
    holds those rows, at most the rule's limit. `next_check_at` is the earliest instant at which
    the verdict can change without new evidence, None when time alone cannot change it. `measures`
    are figures the rule exports, by metric name.
    """

    rule: str
    rule_version: int
    status: Status
    reason: Mapping[str, str]
    offending: tuple[FactRow, ...] = ()
    next_check_at: datetime | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
