"""Which tables a query reads, found by preparing it as it is before it runs."""

from collections.abc import Iterable
from dataclasses import dataclass

from vigie_agent.domain.safety import Approved, Refused, check


@dataclass(frozen=True, slots=True)
class Reading:
    """What some statements read together, and why the allow-list refuses one, if it does."""

    tables: tuple[str, ...]
    refusal: str = ""


def reading(statements: Iterable[str], *, platform: str) -> Reading:
    """The tables, each once and in order of their names; of a refused statement none is read."""
    tables: set[str] = set()
    refusal = ""
    for sql in statements:
        match check(sql, platform=platform):
            case Approved(tables=read):
                tables |= read
            case Refused(reason=reason):
                refusal = refusal or reason
    return Reading(tuple(sorted(tables)), refusal)
