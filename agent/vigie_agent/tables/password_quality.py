"""What a password must be like: pam_pwquality, pam_cracklib, pam_passwdqc and pam_unix, as read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.pam import PamModule
from vigie_agent.tables.vigie_settings import Family

_SHORTEST: Final = 6
"""Below it libpwquality and cracklib do not go, whatever is written."""

_PWQUALITY_DEFAULTS: Final = {"minlen": 8, "credit": 0}
_CRACKLIB_DEFAULTS: Final = {"minlen": 9, "credit": 1}
_UNIX_MINLEN: Final = 6
_PASSWDQC_MIN: Final = "disabled,24,11,8,7"
_PASSWDQC_CLASSES: Final = (1, 2, 1, 3, 4)
"""Kinds of characters behind each number of `min=`; the third is for pass-phrases, of any kind."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What one module refuses. `min_length` is of the shortest password that passes."""

    source: str
    enforced: bool
    min_length: int
    min_classes: int = 0
    upper: bool = False
    lower: bool = False
    digit: bool = False
    special: bool = False
    applies_to_root: bool = False


def quality_of(module: PamModule, pwquality: Family) -> Quality | None:
    """What `module` asks of a password; None when it asks nothing. `pwquality`: its files."""
    reader = _READERS.get(module.name)
    return None if reader is None else reader(module, pwquality)


def quality_of_file(pwquality: Family) -> Quality:
    """What pwquality.conf would ask if a module of the stack read it."""
    sources = sorted({setting.source for setting in pwquality.settings.values()})
    return _with_credits(
        source=f"{', '.join(sources)} (no PAM module reads it)",
        enforced=False,
        value=pwquality.value,
        defaults=_PWQUALITY_DEFAULTS,
    )


def whole_number(written: str | None, *, default: int) -> int:
    """`written` as a number, `default` for anything that is not one."""
    try:
        return int(written or "")
    except ValueError:
        return default


def _pwquality(module: PamModule, family: Family) -> Quality:
    def value(key: str) -> str | None:
        argument = module.argument(key)
        return family.value(key) if argument is None else argument

    files = sorted({setting.source for setting in family.settings.values()})
    return _with_credits(
        source=_source(module, *files),
        enforced=module.decides and whole_number(value("enforcing"), default=1) != 0,
        value=value,
        defaults=_PWQUALITY_DEFAULTS,
    )


def _cracklib(module: PamModule, _: Family) -> Quality:
    return _with_credits(
        source=_source(module),
        enforced=module.decides,
        value=module.argument,
        defaults=_CRACKLIB_DEFAULTS,
    )


def _unix(module: PamModule, _: Family) -> Quality:
    """Length only, and never root's."""
    return Quality(
        source=_source(module),
        enforced=module.decides,
        min_length=whole_number(module.argument("minlen"), default=_UNIX_MINLEN),
    )


def _passwdqc(module: PamModule, _: Family) -> Quality:
    written = (module.argument("min") or _PASSWDQC_MIN).split(",")
    accepted = [
        (whole_number(length, default=0), classes)
        for length, classes in zip(written, _PASSWDQC_CLASSES, strict=False)
        if length != "disabled"
    ]
    enforce = module.argument("enforce") or "everyone"
    return Quality(
        source=_source(module),
        enforced=module.decides and enforce != "none",
        min_length=min((length for length, _ in accepted), default=0),
        min_classes=min((classes for _, classes in accepted), default=0),
        applies_to_root=enforce == "everyone",
    )


def _with_credits(
    *,
    source: str,
    enforced: bool,
    value: Callable[[str], str | None],
    defaults: Mapping[str, int],
) -> Quality:
    """A credit above 0 shortens the password that passes; one below 0 requires that many."""
    given_for = {
        kind: whole_number(value(f"{kind}credit"), default=defaults["credit"]) for kind in "uldo"
    }
    given = sum(max(0, credit) for credit in given_for.values())
    required = sum(max(0, -credit) for credit in given_for.values())
    written = whole_number(value("minlen"), default=defaults["minlen"])
    return Quality(
        source=source,
        enforced=enforced,
        min_length=max(_SHORTEST, written - given, required),
        min_classes=max(
            whole_number(value("minclass"), default=0),
            sum(credit < 0 for credit in given_for.values()),
        ),
        upper=given_for["u"] < 0,
        lower=given_for["l"] < 0,
        digit=given_for["d"] < 0,
        special=given_for["o"] < 0,
        applies_to_root=value("enforce_for_root") is not None,
    )


def _source(module: PamModule, *files: str) -> str:
    return f"{module.name} ({', '.join([module.source, *files])})"


_READERS: Final[Mapping[str, Callable[[PamModule, Family], Quality]]] = {
    "pam_pwquality": _pwquality,
    "pam_cracklib": _cracklib,
    "pam_passwdqc": _passwdqc,
    "pam_unix": _unix,
}
