"""A verdict: what one rule says of one device at one moment, and why."""

import json
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from vigie_server.domain.facts import FactRow
from vigie_server.domain.made_often import made_often

_JSON: Final = json.JSONEncoder(sort_keys=True).encode


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
    are figures the rule exports, by metric name. `digest` is its `digest_of`, where that is known.
    """

    rule: str
    rule_version: int
    status: Status
    reason: Mapping[str, str]
    offending: tuple[FactRow, ...] = ()
    next_check_at: datetime | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    digest: int | None = field(default=None, compare=False)


def digest_of(verdict: Verdict) -> int:
    """What names all that a verdict says, but for when it is looked at again.

    A whole number of 64 bits, with its sign. It is stored beside the verdict, so it never changes
    for what was said once: a verdict that says the same again is told by it and need not be read.
    """
    if verdict.digest is not None:
        return verdict.digest
    said = [str(verdict.rule_version), verdict.status.value]
    for language, sentence in sorted(verdict.reason.items()):
        said += (language, sentence)
    if verdict.offending:
        said.append(_JSON([dict(row) for row in verdict.offending]))
    if verdict.measures:
        said.append(_JSON(dict(verdict.measures)))
    text = "\0".join(said)  # no sentence holds one, see `domain/statements.py`
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def digested(verdict: Verdict) -> Verdict:
    """The same with its digest, for one that is compared often."""
    return Verdict(
        verdict.rule,
        verdict.rule_version,
        verdict.status,
        verdict.reason,
        verdict.offending,
        verdict.next_check_at,
        verdict.measures,
        digest_of(verdict),
    )
