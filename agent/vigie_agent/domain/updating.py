"""Which version of the agent runs, and when the device goes back to the one before.

Everything is in one `Standing`, kept in one file that is replaced at once: whatever happens between
two of them, the device has the one or the other. A new version is on trial until it has shown that
it works. It is started a few times at most while on trial; then, or when its time is over, the
version before it is current again, and no version up to the one that failed is taken any more. A
confirmed version that comes to nothing start after start (a damaged disk) gives way to the
installed one.

    confirmed --start, too many without a sign that it works--> confirmed: the installed one
    confirmed --begin--> on trial --confirm--> confirmed
                         on trial --start, the first few--> on trial
                         on trial --start, one too many, or give_up--> confirmed: the one before
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from vigie_agent.domain.errors import UpdateRefused
from vigie_agent.domain.releases import INSTALLED, Offered, Version

MOST_STARTS: Final = 3
"""Starts that a version on trial has to show that it works."""

MOST_UNPROVEN: Final = 10
"""Starts in a row of a confirmed version that may come to nothing."""

_LONGEST_REASON: Final = 300


class UpdateState(StrEnum):
    """How the last update went."""

    CURRENT = "current"
    ON_TRIAL = "on_trial"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Trial:
    """A new version that has yet to show that it works."""

    before: str
    """What runs again when it does not."""
    starts: int
    with_server: bool
    """Whether the version before reached the server: then this one has to."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The newest version that did not work here."""

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What runs on this device."""

    current: str = INSTALLED
    trial: Trial | None = None
    rolled_back: RolledBack | None = None
    unproven: int = 0
    """Starts of a confirmed version since it last showed that it works."""

    @property
    def kept(self) -> frozenset[str]:
        """The versions that may still be started."""
        before = INSTALLED if self.trial is None else self.trial.before
        return frozenset({self.current, before}) - {INSTALLED}


def running(standing: Standing, installed: str) -> Version:
    """The version in force."""
    return Version.parse(standing.current or installed)


def may_take(offered: Offered, standing: Standing, installed: str) -> None:
    """Raises UpdateRefused, saying why this device does not take the release."""
    here = running(standing, installed)
    if standing.trial is not None:
        raise UpdateRefused(f"{here.text} is still on trial")
    if offered.version <= here:
        raise UpdateRefused(f"{offered.version.text} is not newer than {here.text}")
    failed = standing.rolled_back
    if failed is not None and did_not_work_here(offered.version.text, standing):
        raise UpdateRefused(f"{failed.version} did not work here: {failed.reason}")
    if here < offered.least:
        raise UpdateRefused(
            f"{offered.version.text} follows {offered.least.text} or newer, and this is {here.text}"
        )


def begin(standing: Standing, version: Version, *, with_server: bool) -> Standing:
    """Puts the version on trial."""
    return replace(
        standing,
        current=version.text,
        trial=Trial(before=standing.current, starts=0, with_server=with_server),
    )


def refuse(standing: Standing, version: Version, reason: str) -> Standing:
    """The version did not even come to a trial."""
    return replace(standing, rolled_back=RolledBack(version.text, reason[:_LONGEST_REASON]))


def start(standing: Standing, installed: str) -> Standing:
    """What is in force for the start that comes now, with the start of a trial counted.

    An installer that has brought something newer wins over what was downloaded before.
    """
    if standing.current and Version.parse(standing.current) <= Version.parse(installed):
        return replace(standing, current=INSTALLED, trial=None, unproven=0)
    if standing.current == INSTALLED:
        return standing
    if standing.trial is None:
        if standing.unproven >= MOST_UNPROVEN:
            return give_up(standing, f"it came to nothing in {MOST_UNPROVEN} starts")
        return replace(standing, unproven=standing.unproven + 1)
    if standing.trial.starts >= MOST_STARTS:
        return give_up(standing, f"it did not work in {MOST_STARTS} starts")
    return replace(standing, trial=replace(standing.trial, starts=standing.trial.starts + 1))


def stopped(standing: Standing) -> Standing:
    """A start that somebody ended on purpose says nothing about the version."""
    trial = standing.trial
    if trial is None or trial.starts == 0:
        return standing
    return replace(standing, trial=replace(trial, starts=trial.starts - 1))


def confirm(standing: Standing, version: str) -> Standing:
    """The version has shown that it works."""
    if standing.current != version:
        return standing
    return Standing(version) if standing.trial is not None else replace(standing, unproven=0)


def give_up(standing: Standing, reason: str) -> Standing:
    """Goes back to the version before; a confirmed one that cannot be started to the installed."""
    if standing.current == INSTALLED:
        return standing
    before = INSTALLED if standing.trial is None else standing.trial.before
    failed = RolledBack(standing.current, reason[:_LONGEST_REASON])
    return Standing(current=before, rolled_back=failed)


@dataclass(frozen=True, slots=True)
class News:
    """How the last update went, for the server. `about` is what `state` is about."""

    version: str
    platform: str
    state: UpdateState
    about: str = ""
    reason: str = ""


def news(standing: Standing, installed: str, platform: str) -> News:
    """What a device tells of its versions."""
    here, failed = running(standing, installed).text, standing.rolled_back
    if standing.trial is not None:
        return News(here, platform, UpdateState.ON_TRIAL, here)
    if failed is not None:
        return News(here, platform, UpdateState.ROLLED_BACK, failed.version, failed.reason)
    return News(here, platform, UpdateState.CURRENT)


def did_not_work_here(version: str, standing: Standing) -> bool:
    """Whether the version is one that this device has tried, or one before it."""
    failed = standing.rolled_back
    return failed is not None and Version.parse(version) <= Version.parse(failed.version)


def as_state(standing: Standing) -> dict[str, Any]:
    """The form that is kept. Later versions may add to it; what is here keeps its meaning."""
    trial, failed = standing.trial, standing.rolled_back
    return {
        "current": standing.current,
        "unproven": standing.unproven,
        "trial": None
        if trial is None
        else {"before": trial.before, "starts": trial.starts, "with_server": trial.with_server},
        "rolled_back": None
        if failed is None
        else {"version": failed.version, "reason": failed.reason},
    }


def from_state(state: Mapping[str, Any]) -> Standing:
    """What was kept; where it cannot be understood, the installed version runs."""
    try:
        return _read(state)
    except (KeyError, TypeError, ValueError, UpdateRefused):
        return Standing()


def _read(state: Mapping[str, Any]) -> Standing:
    trial, failed = state["trial"], state["rolled_back"]
    return Standing(
        current=_version(state["current"]),
        unproven=int(state.get("unproven", 0)),
        trial=None
        if trial is None
        else Trial(_version(trial["before"]), int(trial["starts"]), bool(trial["with_server"])),
        rolled_back=None
        if failed is None
        else RolledBack(Version.parse(failed["version"]).text, str(failed["reason"])),
    )


def _version(text: str) -> str:
    """It names a folder, so it is nothing but a version."""
    return INSTALLED if text == INSTALLED else Version.parse(text).text
