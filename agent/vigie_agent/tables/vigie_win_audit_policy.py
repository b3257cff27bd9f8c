"""vigie_win_audit_policy: which events Windows notes in its security log, as it does now.

Asked of Windows itself: the legacy categories of the security policy stay at none where the
advanced audit policy is in force, and `auditpol` words its answer in the language of the device.
"""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_system import Unread, WindowsSystem

COLUMNS: Final = (
    text("subcategory", "What the events are about: logon, account lockout, ..."),
    text("audited", "none, success, failure or both"),
    *COLLECTED,
)
"""One row a subcategory of those that say who came in and who changed what."""

_TAIL: Final = "-69ae-11d9-bed3-505054503030"
SUBCATEGORIES: Final = {
    "security state change": f"0cce9210{_TAIL}",
    "security system extension": f"0cce9211{_TAIL}",
    "logon": f"0cce9215{_TAIL}",
    "logoff": f"0cce9216{_TAIL}",
    "account lockout": f"0cce9217{_TAIL}",
    "special logon": f"0cce921b{_TAIL}",
    "process creation": f"0cce922b{_TAIL}",
    "audit policy change": f"0cce922f{_TAIL}",
    "authentication policy change": f"0cce9230{_TAIL}",
    "user account management": f"0cce9235{_TAIL}",
    "security group management": f"0cce9237{_TAIL}",
    "credential validation": f"0cce923f{_TAIL}",
    "removable storage": f"0cce9245{_TAIL}",
}
"""Windows names subcategories in the language of the device; their numbers are the same on all."""

_BOTH: Final = 3
_WORDS: Final = {1: "success", 2: "failure", _BOTH: "both"}


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_audit_policy",
            COLUMNS,
            lambda _request: _rows(host.windows),
            platforms=frozenset({"windows"}),
            description="Which events Windows notes in its security log",
        ),
    )


def _rows(windows: WindowsSystem) -> Iterator[TableRow]:
    found = windows.audit_policy(tuple(SUBCATEGORIES.values()))
    if isinstance(found, Unread):
        yield not_collected(found.why("the audit policy"))
        return
    for subcategory, noted in zip(SUBCATEGORIES, found, strict=True):
        yield collected(subcategory=subcategory, audited=_WORDS.get(noted & _BOTH, "none"))
