"""vigie_admin_rights and vigie_elevation: who can rule this device, and how (Linux)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from vigie_agent.clock import utc_now
from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.account_state import read_accounts
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.sudo_rules import SudoPolicy, read_sudoers, sudo_policy

RIGHTS_COLUMNS: Final = (
    text("account", "Account, or the group or netgroup whose members are not known here"),
    text("account_id", "uid; empty when it is not a local account"),
    text("source", "local, or remote for a name that the device's own files do not know"),
    text("kind", "user or group"),
    text("via", "What gives the rights: uid 0, sudoers <rule's name>, group <name>"),
    integer("enabled", "The account can be used; NULL when not known"),
    integer("builtin", "root, the system's own administration account"),
    *COLLECTED,
)
"""vigie_admin_rights: one row an account and a way; one of `collected` = no for closed sudoers."""

ELEVATION_COLUMNS: Final = (
    text("setting", "`sudo` and the rule's user or group, or `sudo Defaults`"),
    text("value", "What the rule allows, as written"),
    integer("guarded", "Raising rights through it asks for a password"),
    text("source", "The file it stands in"),
    *COLLECTED,
)
"""vigie_elevation: one row a sudo rule (root's own are left out); no row without sudo."""

_LINUX: Final = frozenset({"linux"})
_DAY: Final = 86_400


def tables(host: Host, now: Callable[[], datetime] = utc_now) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_admin_rights",
            RIGHTS_COLUMNS,
            lambda _request: _rights(host, now()),
            platforms=_LINUX,
            description="Accounts and groups with administration rights, and what gives them",
        ),
        Table(
            "vigie_elevation",
            ELEVATION_COLUMNS,
            lambda _request: _elevation(host),
            platforms=_LINUX,
            description="Whether raising rights with sudo asks for a password",
        ),
    )


def _rights(host: Host, now: datetime) -> Iterator[TableRow]:
    accounts = read_accounts(host)
    today = int(now.timestamp()) // _DAY
    by_name = {user.name: user for user in accounts.users}
    for grant in accounts.grants:
        user = by_name.get(grant.account) if grant.is_local else None
        yield collected(
            "" if user is None else accounts.no_shadow,
            account=grant.account,
            account_id=None if grant.uid is None else str(grant.uid),
            source="local" if grant.is_local else "remote",
            kind="group" if grant.is_group else "user",
            via=grant.via,
            enabled=None if user is None else accounts.enabled(user, today),
            builtin=int(grant.uid == 0 and grant.account == "root"),
        )
    if accounts.no_sudoers:
        yield not_collected(accounts.no_sudoers)


def _elevation(host: Host) -> Iterator[TableRow]:
    try:
        lines = read_sudoers(host)
    except OSError as error:
        yield not_collected(f"{error.filename} is readable by root only")
        return
    policy = sudo_policy(lines)
    for line in lines:
        if line.header.startswith("Defaults") and "!authenticate" in line.details:
            yield collected(
                setting=f"sudo {line.header}", value=line.details, guarded=0, source=line.source
            )
    yield from _sudo_rules(policy)


def _sudo_rules(policy: SudoPolicy) -> Iterator[TableRow]:
    for rule in policy.rules:
        if rule.who not in {"root", "#0"}:
            yield collected(
                setting=f"sudo {rule.who}",
                value=rule.text,
                guarded=int(rule.guarded and policy.authenticates),
                source=rule.source,
            )
