"""Releases of the agent: their order, and which of the published ones this device may take."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import total_ordering
from typing import Final

from vigie_agent.domain.errors import UpdateRefused

INSTALLED: Final = ""
"""Stands for the version that an installer or a package manager put on the device."""

_NUMBER: Final = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})(?:rc([0-9]{1,6}))?")
_FINAL: Final = 10**6
"""A release comes after all of its candidates."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """`1.2.0`, or `1.2.0rc1`, which comes before it."""

    text: str
    order: tuple[int, int, int, int]

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Raises UpdateRefused."""
        found = _NUMBER.fullmatch(text)
        if found is None:
            raise UpdateRefused(f"{text[:40]!r} is no version of the agent")
        first, second, third, candidate = found.groups()
        last = _FINAL if candidate is None else int(candidate)
        return cls(text, (int(first), int(second), int(third), last))

    def __lt__(self, other: "Version") -> bool:
        return self.order < other.order


@dataclass(frozen=True, slots=True)
class Offered:
    """A release as its publisher signed it."""

    path: str
    """Its name in the channel."""
    version: Version
    platform: str
    """As `linux-x86_64`."""
    least: Version
    """The oldest version that can become this one."""
    length: int
    unpacked: int
    """Bytes of its files."""
    sha256: str

    @classmethod
    def read(cls, path: str, length: int, sha256: str, told: Mapping[str, object]) -> "Offered":
        """A target of the channel and its custom metadata. Raises UpdateRefused."""
        unpacked = told.get("unpacked")
        if not isinstance(unpacked, int) or unpacked < 0:
            raise UpdateRefused(f"{path} does not say how large it is")
        return cls(
            path,
            Version.parse(str(told.get("version", ""))),
            str(told.get("platform", "")),
            Version.parse(str(told.get("least", ""))),
            length,
            unpacked,
            sha256,
        )


def wanted(offered: Iterable[Offered], platform: str, version: str) -> Offered | None:
    """The release of this version for this platform; the newest one for an empty version."""
    fitting = [
        one
        for one in offered
        if one.platform == platform and (not version or one.version.text == version)
    ]
    return max(fitting, key=lambda one: one.version, default=None)


def platform_of(system: str, machine: str) -> str:
    """What releases are made for, as `linux-x86_64`: `system` as packs name it."""
    known = {"amd64": "x86_64", "arm64": "aarch64"}
    return f"{system}-{known.get(machine.lower(), machine.lower())}"
