"""After how many failures an account locks, and for how long: pam_faillock and pam_tally2."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.pam import PamModule, ReadService, stack
from vigie_agent.tables.password_quality import whole_number
from vigie_agent.tables.vigie_settings import Family

_LOGIN_SERVICES: Final = ("login", "gdm-password", "lightdm", "sddm")
"""Where people log in at the device itself; the ones that are not there do not count."""

_SHARED_STACKS: Final = ("common-auth", "system-auth")
"""Asked instead where none of them is there."""

_CONF: Final = "/etc/security/faillock.conf"
_DENY_DEFAULT: Final = 3
_UNLOCK_DEFAULT: Final = 600


@dataclass(frozen=True, slots=True)
class Lockout:
    """`threshold` 0: never locks; `seconds` 0: until someone unlocks it."""

    source: str
    threshold: int
    seconds: int
    applies_to_root: bool

    @property
    def weakness(self) -> tuple[bool, int]:
        """Greater is weaker: not locking at all, then allowing more tries."""
        return self.threshold == 0, self.threshold


def lockout(read: ReadService, faillock: Family) -> Lockout | None:
    """The weakest lockout of the services people log in with; None where PAM has none of them.

    `faillock`: the settings of its file. Raises OSError when a stack cannot be read, or names
    another file that may not be.
    """
    services = [name for name in _LOGIN_SERVICES if read(name)]
    services = services or [name for name in _SHARED_STACKS if read(name)]
    found = [_of_service(name, read, faillock) for name in services]
    return max(found, key=lambda service: service.weakness, default=None)


def _of_service(service: str, read: ReadService, faillock: Family) -> Lockout:
    auth = stack(service, "auth", read)
    account = stack(service, "account", read)
    candidates = [*_faillock(service, auth, account, faillock), *_tally(service, auth)]
    never = Lockout(f"PAM ({service}): nothing locks", 0, 0, applies_to_root=False)
    return min(candidates, key=lambda one: one.weakness, default=never)


def _faillock(
    service: str, auth: tuple[PamModule, ...], account: tuple[PamModule, ...], family: Family
) -> Iterator[Lockout]:
    """It locks when failures are counted (`authfail`) and something looks at the count later."""
    lines = [module for module in auth if module.name == "pam_faillock"]
    counting = [module for module in lines if "authfail" in module.arguments]
    looking = [m for m in lines if {"preauth", "authsucc"} & set(m.arguments)] or [
        module for module in account if module.name == "pam_faillock"
    ]
    for module in counting if looking else []:
        conf = module.argument("conf") or _CONF
        if conf != _CONF:
            raise PermissionError(errno.EACCES, "not in the allow-list", conf)
        yield Lockout(
            source=f"pam_faillock ({service})",
            threshold=whole_number(_either(module, family, "deny"), default=_DENY_DEFAULT),
            seconds=_seconds(_either(module, family, "unlock_time")),
            applies_to_root=_either(module, family, "even_deny_root") is not None,
        )


def _tally(service: str, auth: tuple[PamModule, ...]) -> Iterator[Lockout]:
    for module in auth:
        if module.name == "pam_tally2":
            yield Lockout(
                source=f"pam_tally2 ({service})",
                threshold=whole_number(module.argument("deny"), default=0),
                seconds=whole_number(module.argument("unlock_time"), default=0),
                applies_to_root=module.argument("even_deny_root") is not None,
            )


def _either(module: PamModule, family: Family, key: str) -> str | None:
    argument = module.argument(key)
    return family.value(key) if argument is None else argument


def _seconds(written: str | None) -> int:
    return 0 if written == "never" else whole_number(written, default=_UNLOCK_DEFAULT)
