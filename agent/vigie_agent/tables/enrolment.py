"""What commands and files say of who manages a device, as pure functions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.config_text import ConfigLine

_MDM_LINE: Final = re.compile(r"^\s*MDM enrollment:\s*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_DEP_LINE: Final = re.compile(r"^\s*Enrolled via DEP:\s*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_SERVER_LINE: Final = re.compile(
    r"^\s*MDM server:\s*(?:[a-z]+://)?([^/\s:]+)", re.IGNORECASE | re.MULTILINE
)
_APPROVED: Final = "user approved"


@dataclass(frozen=True, slots=True)
class MacEnrolment:
    """A Mac's enrolment with an MDM. `state`: `user approved`, `automated`, both, or empty."""

    enrolled: bool
    server: str
    state: str


def read_profiles_status(printed: str) -> MacEnrolment | None:
    """What `profiles status -type enrollment` prints; None when it says nothing of an MDM.

    Only the host of the server's address is kept: what follows it may let a device in.
    """
    enrolment = _MDM_LINE.search(printed)
    if enrolment is None:
        return None
    enrolled = enrolment[1].lower().startswith("yes")
    automated = _DEP_LINE.search(printed)
    server = _SERVER_LINE.search(printed)
    words = [
        "user approved" if _APPROVED in enrolment[1].lower() else "",
        "automated" if automated and automated[1].lower().startswith("yes") else "",
    ]
    return MacEnrolment(
        enrolled=enrolled,
        server=server[1].lower() if server and enrolled else "",
        state=", ".join(word for word in words if word and enrolled),
    )


@dataclass(frozen=True, slots=True)
class SssdDomain:
    """A domain that SSSD serves: its name and what kind of directory stands behind it."""

    name: str
    provider: str


def read_sssd(lines: Sequence[ConfigLine]) -> tuple[SssdDomain, ...]:
    """The domains that sssd.conf enables; those that are only described are none."""
    enabled, providers, switched = list[str](), dict[str, str](), dict[str, bool]()
    for line in lines:
        section, key = line.section.strip(), line.key.lower()
        if section == "sssd" and key == "domains":
            enabled = [name.strip() for name in line.value.split(",") if name.strip()]
        elif section.startswith("domain/"):
            name = section.removeprefix("domain/")
            if key == "id_provider":
                providers[name] = line.value.lower()
            elif key == "enabled":
                switched[name] = line.value.lower() == "true"
    names = dict.fromkeys([*enabled, *(name for name, on in switched.items() if on)])
    return tuple(
        SssdDomain(name, providers.get(name, "")) for name in names if switched.get(name, True)
    )
