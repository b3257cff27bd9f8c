"""vigie_automatic_login: sessions that open without a password on this device (Linux).

The display manager that starts decides; the settings of another one, left behind, open nothing.
"""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.accounts import local_groups
from vigie_agent.tables.allowed_files import read_allowed
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.display_managers import (
    DISPLAY_MANAGERS,
    DisplayManager,
    Opening,
    told_by,
)
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there, real_path
from vigie_agent.tables.vigie_services import runs_systemd, started_units

COLUMNS: Final = (
    text("kind", "automatic, guest, or without_password: the account is chosen, nothing is asked"),
    text("method", "What opens it: gdm, lightdm, sddm, lxdm, greetd, or getty (a text console)"),
    integer("enabled", "It is switched on, in what really starts on this device"),
    text("account", "The account whose session opens"),
    text("source", "The file that says so; empty where the program's default holds"),
    *COLLECTED,
)
"""One row for the consoles, one or two for each display manager; one more for each account in the
group `nopasswdlogin`, where the display manager heeds that group."""

_LINK: Final = "/etc/systemd/system/display-manager.service"
_CONSOLES: Final = (
    *(f"getty@tty{n}.service" for n in range(1, 7)),
    "console-getty.service",
    "serial-getty@ttyS0.service",
)
_GUEST_SESSION: Final = ("/usr/sbin/guest-account", "/usr/bin/guest-account")
_NO_PASSWORD: Final = "nopasswdlogin"  # noqa: S105 (the name of a group)


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_automatic_login",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="Sessions that open without a password",
        ),
    )


def console_account(command: str) -> str:
    """The account that agetty's command line logs in by itself; empty when it asks."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    for n, word in enumerate(words):
        if word in {"-a", "--autologin"}:
            return words[n + 1] if n + 1 < len(words) else ""
        if word.startswith("--autologin="):
            return word.partition("=")[2]
        if word.startswith("-a") and not word.startswith("--"):
            return word[2:]
    return ""


def _rows(host: Host) -> Iterator[TableRow]:
    yield from _consoles(host)
    for manager in DISPLAY_MANAGERS:
        starts = _starts(host, manager)
        if starts is None:
            continue
        told = told_by(host, manager)
        for path, why in told.unread:
            yield not_collected(f"{path}: {why}", method=manager.name)
        if told.unread:
            continue  # a file that overrides the others stays closed: what they say may not hold
        for opening in told.openings:
            yield _row(host, manager, opening, starts=starts)
        if starts:
            yield from _without_password(host, manager)


def _row(host: Host, manager: DisplayManager, opening: Opening, *, starts: bool) -> TableRow:
    # LightDM allows guests unless told otherwise, but needs the program that makes their account.
    possible = opening.kind != "guest" or any(is_there(host, path) for path in _GUEST_SESSION)
    enabled = opening.enabled and starts and possible
    return collected(
        kind=opening.kind,
        method=manager.name,
        enabled=int(enabled),
        account=opening.account if enabled else "",
        source=opening.source,
    )


def _starts(host: Host, manager: DisplayManager) -> bool | None:
    """Whether this is the display manager that starts; None when it is not on this device."""
    chosen = _chosen_unit(host)
    installed = any(is_there(host, path) for path in manager.programs)
    if chosen:
        return True if chosen in manager.units else (False if installed else None)
    return True if installed else None


def _chosen_unit(host: Host) -> str:
    """The unit that `display-manager.service` stands for; empty without one."""
    try:
        host.path(_LINK).lstat()
        return real_path(host, _LINK).rpartition("/")[2]
    except OSError:
        return ""


def _consoles(host: Host) -> Iterator[TableRow]:
    if not runs_systemd(host):
        yield not_collected(
            "systemd does not run this machine: its consoles are not known", method="getty"
        )
        return
    folders = started_units(host)
    accounts = [
        account
        for name in _CONSOLES
        if (unit := folders.unit(name)) and (account := console_account(unit.command))
    ]
    for account in dict.fromkeys(accounts):
        yield collected(kind="automatic", method="getty", enabled=1, account=account)
    for path, why in folders.unread.items():
        yield not_collected(f"{path}: {why}", method="getty")
    if not accounts and not folders.unread:
        yield collected(kind="automatic", method="getty", enabled=0)


def _without_password(host: Host, manager: DisplayManager) -> Iterator[TableRow]:
    members = sorted(
        {name for group in local_groups(host) if group.name == _NO_PASSWORD
         for name in group.members}
    )  # fmt: skip
    path = f"/etc/pam.d/{manager.pam}"
    if not members or not is_there(host, path):
        return
    try:
        lines = read_allowed(host, path)
    except OSError as error:
        yield not_collected(f"{path}: {error.strerror or error}", method=manager.name)
        return
    if any(_lets_in(line.line.split()) for line in lines):
        for member in members:
            yield collected(
                kind="without_password",
                method=manager.name,
                enabled=1,
                account=member,
                source="/etc/group",
            )


def _lets_in(words: Sequence[str]) -> bool:
    return "sufficient" in words and "ingroup" in words and _NO_PASSWORD in words
