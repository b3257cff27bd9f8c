"""vigie_mac_password_policy: what a Mac demands of passwords (macOS).

Account policies and the passcode payload of profiles both hold: the stricter of each counts. When
one of the two cannot be read nothing is told, since the other may ask for more.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import (
    PWPOLICY,
    Unanswered,
    dictionary,
    plist_file,
    plist_in,
    read_answer,
)
from vigie_agent.tables.mac_password_rules import Demand, demand_of_policies, demand_of_profile

COLUMNS: Final = (
    text("part", "quality, lockout or ageing"),
    text("source", "account policy, configuration profile, both, or neither"),
    integer("enforced", "Something checks it when a password is set (or when one fails)"),
    integer("min_length", "quality: shortest password that passes; NULL when none is set"),
    integer("min_classes", "quality: how many of the four kinds of characters are required"),
    integer("upper_required", "quality: a capital is required"),
    integer("lower_required", "quality: a lower-case letter is required"),
    integer("digit_required", "quality: a digit is required"),
    integer("special_required", "quality: a special character is required"),
    integer("lockout_threshold", "lockout: failures before the account locks; 0 never locks"),
    integer("lockout_seconds", "lockout: how long it stays locked; 0 until someone unlocks it"),
    integer("max_age_days", "ageing: maximum age; -1 when there is none"),
    integer("min_age_days", "ageing: minimum age"),
    integer("history", "ageing: former passwords that are refused"),
    *COLLECTED,
)
"""One row a part, always."""

_PARTS: Final = ("quality", "lockout", "ageing")
_PROFILE: Final = "/Library/Managed Preferences/com.apple.mobiledevice.passwordpolicy.plist"
_HEADING: Final = "getting global account policies"


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_mac_password_policy",
            COLUMNS,
            lambda _request: list(_rows(host)),
            platforms=frozenset({"darwin"}),
            description="Password length, complexity, lockout and ageing in force on a Mac",
        ),
    )


def policies_in(printed: str) -> Mapping[str, object] | None:
    """The policies that `pwpolicy -getaccountpolicies` printed; None when they are damaged.

    Without any it prints an empty dictionary, or nothing below its heading.
    """
    rest = "\n".join(
        line for line in printed.splitlines() if not line.strip().lower().startswith(_HEADING)
    )
    if not rest.strip():
        return {}
    found = plist_in(rest)
    return dictionary(found) if isinstance(found, Mapping) else None


def _rows(host: Host) -> Iterator[TableRow]:
    try:
        policies = read_answer(host, policies_in, PWPOLICY, "-getaccountpolicies")
        profile = plist_file(host, _PROFILE) or {}
    except Unanswered as why:
        for part in _PARTS:
            yield not_collected(str(why), part=part)
        return
    by_policy, by_profile = demand_of_policies(policies), demand_of_profile(profile)
    both = by_policy.and_also(by_profile)
    yield _quality(both, by_policy, by_profile)
    yield _lockout(both, by_policy, by_profile)
    yield _ageing(both, by_policy, by_profile)


def _quality(both: Demand, by_policy: Demand, by_profile: Demand) -> TableRow:
    return collected(
        part="quality",
        source=_source(by_policy.of_quality, by_profile.of_quality),
        enforced=int(both.of_quality),
        min_length=both.length,
        min_classes=both.classes,
        upper_required=int(both.upper),
        lower_required=int(both.lower),
        digit_required=int(both.digit),
        special_required=int(both.special),
    )


def _lockout(both: Demand, by_policy: Demand, by_profile: Demand) -> TableRow:
    return collected(
        part="lockout",
        source=_source(by_policy.tries, by_profile.tries),
        enforced=int(both.tries is not None),
        lockout_threshold=both.tries or 0,
        lockout_seconds=(both.seconds or 0) if both.tries else None,
    )


def _ageing(both: Demand, by_policy: Demand, by_profile: Demand) -> TableRow:
    return collected(
        part="ageing",
        source=_source(
            by_policy.max_days or by_policy.history, by_profile.max_days or by_profile.history
        ),
        enforced=int(both.max_days is not None),
        max_age_days=both.max_days or -1,
        min_age_days=both.min_days,
        history=both.history or 0,
    )


def _source(policy: object, profile: object) -> str:
    named = [
        name for name, there in (("account policy", policy), ("configuration profile", profile))
        if there
    ]  # fmt: skip
    return " and ".join(named) or "no rule beyond the system default"
