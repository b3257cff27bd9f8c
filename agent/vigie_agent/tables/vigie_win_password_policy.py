"""vigie_win_password_policy: lockout and age of passwords that Windows holds local accounts to.

Complexity is not told by these calls: osquery's `security_profile_info` has it, with the length.
"""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_system import AccountRules, Unread

COLUMNS: Final = (
    text("part", "quality, lockout or ageing"),
    text("source", "What decides"),
    integer("enforced", "Something is checked"),
    integer("min_length", "quality: shortest password that passes; 0 lets accounts have none"),
    integer("lockout_threshold", "lockout: failures before the account locks; 0 never locks"),
    integer("lockout_seconds", "lockout: how long it stays locked; 0 until someone unlocks it"),
    integer("lockout_window_seconds", "lockout: time after which failures are forgotten"),
    integer("max_age_days", "ageing: maximum age; -1 when there is none"),
    integer("min_age_days", "ageing: minimum age"),
    integer("history", "ageing: former passwords that are refused"),
    *COLLECTED,
)
"""One row a part. A domain's accounts follow the rules of the domain, which are not read."""

_SOURCE: Final = "local security policy"
_PARTS: Final = ("quality", "lockout", "ageing")
_DAY: Final = 86_400


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_password_policy",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"windows"}),
            description="Length, lockout and age of passwords that local accounts are held to",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    rules = host.windows.account_rules()
    if isinstance(rules, Unread):
        for part in _PARTS:
            yield not_collected(rules.why("the local security policy"), part=part)
        return
    yield collected(
        part="quality",
        source=_SOURCE,
        enforced=int(rules.min_length > 0),
        min_length=rules.min_length,
    )
    yield _lockout_row(rules)
    yield _ageing_row(rules)


def _lockout_row(rules: AccountRules) -> TableRow:
    locks = rules.lockout_threshold > 0
    return collected(
        part="lockout",
        source=_SOURCE,
        enforced=int(locks),
        lockout_threshold=rules.lockout_threshold,
        lockout_seconds=(rules.lockout_duration or 0) if locks else None,
        lockout_window_seconds=rules.lockout_window if locks else None,
    )


def _ageing_row(rules: AccountRules) -> TableRow:
    return collected(
        part="ageing",
        source=_SOURCE,
        enforced=int(rules.max_age is not None or rules.history > 0),
        max_age_days=-1 if rules.max_age is None else rules.max_age // _DAY,
        min_age_days=rules.min_age // _DAY,
        history=rules.history,
    )
