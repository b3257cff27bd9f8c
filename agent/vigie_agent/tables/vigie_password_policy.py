"""vigie_password_policy: what PAM and login.defs enforce on this device (Linux).

Includes are followed, arguments on a module's line override its file, and the defaults of a module
that is in the stack count. A file that no module of the stack reads has a row with `enforced` = 0:
someone meant it to count.
"""

import errno
from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.lockout import lockout
from vigie_agent.tables.pam import PamModule, ReadService, service_reader, stack
from vigie_agent.tables.password_quality import (
    Quality,
    quality_of,
    quality_of_file,
    whole_number,
)
from vigie_agent.tables.vigie_settings import Family, read_family

COLUMNS: Final = (
    text("part", "quality, lockout or ageing"),
    text("source", "What decides, and where it is named"),
    integer("enforced", "Something checks it when a password is set (or when one fails)"),
    integer("min_length", "quality: shortest password that passes"),
    integer("min_classes", "quality: how many of the four kinds of characters are required"),
    integer("upper_required", "quality: a capital is required"),
    integer("lower_required", "quality: a lower-case letter is required"),
    integer("digit_required", "quality: a digit is required"),
    integer("special_required", "quality: a special character is required"),
    integer("applies_to_root", "quality and lockout: root is held to it too"),
    integer("lockout_threshold", "lockout: failures before the account locks; 0 never locks"),
    integer("lockout_seconds", "lockout: how long it stays locked; 0 until someone unlocks it"),
    integer("max_age_days", "ageing: of new accounts' passwords; -1 when there is none"),
    integer("min_age_days", "ageing: of new accounts' passwords"),
    integer("history", "ageing: former passwords that are refused"),
    *COLLECTED,
)
"""quality: one row a module that checks (all of them must pass), and one a file that none reads.
lockout: one row, of the login service that is guarded least. ageing: one row."""

_NO_MAXIMUM: Final = 99_999
_HISTORY_DEFAULT: Final = 10


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_password_policy",
            COLUMNS,
            lambda _request: policy_rows(host),
            platforms=frozenset({"linux"}),
            description="Password length, complexity, lockout and ageing in force",
        ),
    )


def policy_rows(host: Host) -> Iterator[TableRow]:
    """The rows of all three parts; a part whose files cannot be read is one that says so."""
    read = service_reader(host)
    for part, rows in (("quality", _quality), ("lockout", _lockout), ("ageing", _ageing)):
        try:
            yield from list(rows(host, read))
        except OSError as error:
            reason = error.strerror or str(error)
            yield not_collected(f"{error.filename}: {reason}", part=part)


def _quality(host: Host, read: ReadService) -> Iterator[TableRow]:
    family = _read_or_raise(host, "pwquality")
    modules = stack("passwd", "password", read)
    if not modules:
        yield not_collected("PAM has no password stack on this device", part="quality")
        return
    found = [quality for module in modules if (quality := quality_of(module, family))]
    if family.settings and not any(module.name == "pam_pwquality" for module in modules):
        found.append(quality_of_file(family))
    for quality in found:
        yield _quality_row(quality)
    if not found:
        yield collected(part="quality", source="PAM (passwd): no module checks", enforced=0)


def _quality_row(quality: Quality) -> TableRow:
    return collected(
        part="quality",
        source=quality.source,
        enforced=int(quality.enforced),
        min_length=quality.min_length,
        min_classes=quality.min_classes,
        upper_required=int(quality.upper),
        lower_required=int(quality.lower),
        digit_required=int(quality.digit),
        special_required=int(quality.special),
        applies_to_root=int(quality.applies_to_root),
    )


def _lockout(host: Host, read: ReadService) -> Iterator[TableRow]:
    found = lockout(read, _read_or_raise(host, "faillock"))
    if found is None:
        yield not_collected("PAM has no login service on this device", part="lockout")
        return
    yield collected(
        part="lockout",
        source=found.source,
        enforced=int(found.threshold > 0),
        lockout_threshold=found.threshold,
        lockout_seconds=found.seconds,
        applies_to_root=int(found.applies_to_root),
    )


def _ageing(host: Host, read: ReadService) -> Iterator[TableRow]:
    family = _read_or_raise(host, "login_defs")
    max_age = whole_number(family.value("PASS_MAX_DAYS"), default=-1)
    max_age = -1 if max_age >= _NO_MAXIMUM else max_age
    history = _history(stack("passwd", "password", read), _read_or_raise(host, "pwhistory"))
    yield collected(
        part="ageing",
        source="/etc/login.defs",
        enforced=int(max_age >= 0 or history > 0),
        max_age_days=max_age,
        min_age_days=max(0, whole_number(family.value("PASS_MIN_DAYS"), default=0)),
        history=history,
    )


def _history(modules: tuple[PamModule, ...], family: Family) -> int:
    remembered = [0]
    for module in modules:
        if module.name == "pam_pwhistory" and module.decides:
            written = module.argument("remember") or family.value("remember")
            remembered.append(whole_number(written, default=_HISTORY_DEFAULT))
        elif module.name == "pam_unix":
            remembered.append(whole_number(module.argument("remember"), default=0))
    return max(remembered)


def _read_or_raise(host: Host, name: str) -> Family:
    """A family of settings. Raises OSError when one of its files cannot be read."""
    family = read_family(host, name)
    for path, why in family.unread.items():
        raise PermissionError(errno.EACCES, why, path)
    return family
