"""What a page says of what was sent: above its forms, or beside the field that is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from vigie_server.domain.errors import RateLimited
from vigie_server.web.problems import retry_after

_SECONDS: Final = 60
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "refused": ("name", "password", "code"),
    "code_refused": ("code",),
    "fault_name": ("name",),
    "fault_taken": ("name",),
    "fault_local": ("name",),
    "fault_short": ("password",),
    "fault_long": ("password",),
    "fault_common": ("password",),
    "fault_differ": ("again",),
    "fault_code": ("app_code",),
    "fault_present": ("present",),
}
_GOOD: Final = frozenset({"password_changed", "app_renewed"})


@dataclass(frozen=True, slots=True)
class Told:
    """What is said, and the fields that it is about. `good`: what was wanted is done.

    Of several fields nobody is told which is wrong: it stands above them.
    """

    text: str
    fields: tuple[str, ...] = ()
    good: bool = False

    @property
    def above(self) -> bool:
        """Whether it stands above the forms."""
        return len(self.fields) != 1


def told(words: Mapping[str, str], what: str | RateLimited | None) -> Told | None:
    """What a page says, by its name among the words."""
    if isinstance(what, RateLimited):
        return Told(words["wait"].format(minutes=ceil(retry_after(what) / _SECONDS)))
    return None if what is None else Told(words[what], _FIELDS.get(what, ()), what in _GOOD)


def later(what: str | RateLimited | None) -> dict[str, str]:
    """The headers of a page that says to come back."""
    return {"Retry-After": str(retry_after(what))} if isinstance(what, RateLimited) else {}
