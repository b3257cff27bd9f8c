"""Which devices may take which release of the agent: by site, and by a share of the devices.

A share picks the same devices each time it is asked, and a larger one those and more. Which ones
depends on the version too, so that it is not the same devices that try every release first.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from vigie_server.domain.errors import DeclarationRefused

WHOLE: Final = 100
"""The share of all devices."""
_PLACES: Final = 10_000
_VERSION: Final = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}(rc[0-9]{1,6})?")
_PLATFORM: Final = re.compile(r"[a-z0-9_]{1,16}-[a-z0-9_]{1,16}")
_LONGEST_REASON: Final = 300


class UpdateState(StrEnum):
    """How the last update of a device went, as the device tells it."""

    CURRENT = "current"
    ON_TRIAL = "on_trial"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Release:
    """A release that the channel has for one platform."""

    version: str
    platform: str
    length: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """What an administrator decided for a site; for every site where it names none."""

    site: str | None
    version: str
    share: int
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What a device says of its versions. `about` is what `state` is about."""

    version: str
    platform: str
    state: UpdateState = UpdateState.CURRENT
    about: str = ""
    reason: str = ""


def told(version: str, platform: str, state: UpdateState, about: str, reason: str) -> Told:
    """What a device says, as far as it can be kept: words of a device are only words."""
    return Told(
        version if is_version(version) else "",
        platform if _PLATFORM.fullmatch(platform) else "",
        state,
        about if is_version(about) else "",
        "".join(sign if sign.isprintable() else " " for sign in reason[:_LONGEST_REASON]),
    )


def is_news(before: Told | None, said: Told) -> bool:
    """Whether what a device says is worth keeping: a refusal stays until something else happens."""
    if before is None:
        return True
    quiet = said.state is UpdateState.CURRENT and before.state is UpdateState.REFUSED
    same = (said.version, said.platform) == (before.version, before.platform)
    return said != before and not (quiet and same)


def is_version(text: str) -> bool:
    """Whether this is a version of the agent."""
    return _VERSION.fullmatch(text) is not None


def checked(version: str, share: int, releases: Iterable[Release]) -> tuple[str, int]:
    """The version and the share that may be rolled out. Raises DeclarationRefused."""
    known = sorted({release.version for release in releases})
    if version not in known:
        has = ", ".join(known) or "none"
        raise DeclarationRefused(f"the update channel has no release {version[:40]}; it has {has}")
    if not 0 <= share <= WHOLE:
        raise DeclarationRefused("a share is between 0 and 100 percent")
    return version, share


def in_force(rollouts: Iterable[Rollout], site: str) -> Rollout | None:
    """The site's own decision, else that for every site."""
    by_site = {rollout.site: rollout for rollout in rollouts}
    return by_site.get(site, by_site.get(None))


def offered(rollout: Rollout | None, device_id: str, running: Told, has: Iterable[Release]) -> str:
    """The version that this device may take now; empty for none.

    Whether it is newer is for the device to say: it knows what it ran before.
    """
    if rollout is None or rollout.version == running.version:
        return ""
    fits = any(one.version == rollout.version and one.platform == running.platform for one in has)
    return rollout.version if fits and is_picked(device_id, rollout.version, rollout.share) else ""


def is_picked(device_id: str, version: str, share: int) -> bool:
    """Whether the device is among this share, in percent, of those that try the version."""
    digest = sha256(f"{version} {device_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _PLACES < share * _PLACES // WHOLE
