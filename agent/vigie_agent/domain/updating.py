"""Which version of the agent runs, and when the device goes back to the one before.

Everything is in one `Standing`, kept in one file that is replaced at once: whatever happens between
two of them, the device has the one or the other. A new version is on trial until it has shown that
it works. It is started a few times at most while on trial; then, or when its time is over, the
version before it is current again, and no version up to the one that failed is taken any more. A
confirmed version that comes to nothing start after start (a damaged disk) gives way to the
installed one.

A version that works but for its server is gone back from as well, and may be at no fault: the
server, or the line to it, may have been away just then. It is tried again, later each time, and a
few times at most.

    confirmed --start, too many without a sign that it works--> confirmed: the installed one
    confirmed --begin--> on trial --confirm--> confirmed
                         on trial --start, the first few--> on trial
                         on trial --lacking--> on trial
                         on trial --start, one too many, or give_up--> confirmed: the one before
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from vigie_agent.domain.errors import UpdateRefused
from vigie_agent.domain.releases import INSTALLED, Offered, Version

MOST_STARTS: Final = 3
"""Starts that a version on trial has to show that it works."""

MOST_UNPROVEN: Final = 10
"""Starts in a row of a confirmed version that may come to nothing."""

TRIED_AGAIN_AFTER: Final = (
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(days=1),
    timedelta(days=3),
)
"""After each trial in which only the server was not met; then no more."""

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
    lacks_server_alone: bool = False
    """Whether this start has shown all but that."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The newest version that did not work here."""

    version: str
    reason: str
    unmet: int = 0
    """Trials in a row in which it lacked the server alone; 0 where anything else failed."""
    since: datetime | None = None
    """When the last of them ended."""

    def tried_again(self) -> datetime | None:
        """From when on it may be tried again; None for never."""
        if self.since is None or not 0 < self.unmet <= len(TRIED_AGAIN_AFTER):
            return None
        return self.since + TRIED_AGAIN_AFTER[self.unmet - 1]

    def may_be_tried(self, now: datetime) -> bool:
        """Whether its time has come. A clock that went back keeps nothing away."""
        begins = self.tried_again()
        return begins is not None and self.since is not None and not self.since <= now < begins


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


def may_take(offered: Offered, standing: Standing, installed: str, now: datetime) -> None:
    """Raises UpdateRefused, saying why this device does not take the release."""
    here = running(standing, installed)
    if standing.trial is not None:
        raise UpdateRefused(f"{here.text} is still on trial")
    if offered.version <= here:
        raise UpdateRefused(f"{offered.version.text} is not newer than {here.text}")
    failed = standing.rolled_back
    if failed is not None and did_not_work_here(offered.version.text, standing, now):
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
    failed = RolledBack(version.text, reason[:_LONGEST_REASON])
    return replace(standing, rolled_back=_newest(standing.rolled_back, failed))


def start(standing: Standing, installed: str, now: datetime) -> Standing:
    """What is in force for the start that comes now, with the start of a trial counted.

    An installer that has brought something newer wins over what was downloaded before.
    """
    if standing.current and Version.parse(standing.current) <= Version.parse(installed):
        return replace(standing, current=INSTALLED, trial=None, unproven=0)
    if standing.current == INSTALLED:
        return standing
    if standing.trial is None:
        if standing.unproven >= MOST_UNPROVEN:
            return give_up(standing, f"it came to nothing in {MOST_UNPROVEN} starts", now)
        return replace(standing, unproven=standing.unproven + 1)
    if standing.trial.starts >= MOST_STARTS:
        return give_up(standing, f"it did not work in {MOST_STARTS} starts", now)
    starts = standing.trial.starts + 1
    return replace(standing, trial=replace(standing.trial, starts=starts, lacks_server_alone=False))


def lacking(standing: Standing, version: str, *, server_alone: bool) -> Standing:
    """The version on trial does not work yet; whether all of it does but reaching its server."""
    if standing.current != version or standing.trial is None:
        return standing
    return replace(standing, trial=replace(standing.trial, lacks_server_alone=server_alone))


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


def give_up(standing: Standing, reason: str, now: datetime) -> Standing:
    """Goes back to the version before; a confirmed one that cannot be started to the installed."""
    if standing.current == INSTALLED:
        return standing
    trial = standing.trial
    before = INSTALLED if trial is None else trial.before
    if trial is not None and trial.lacks_server_alone:
        failed = _unmet(standing, now)
    else:
        failed = RolledBack(standing.current, reason[:_LONGEST_REASON])
    return Standing(current=before, rolled_back=_newest(standing.rolled_back, failed))


def _newest(former: RolledBack | None, failed: RolledBack) -> RolledBack:
    """One that failed before is not forgotten when an older version fails after it."""
    if former is None or Version.parse(former.version) <= Version.parse(failed.version):
        return failed
    return former


def _unmet(standing: Standing, now: datetime) -> RolledBack:
    former = standing.rolled_back
    again = former is not None and former.version == standing.current
    unmet = 1 + (former.unmet if former is not None and again else 0)
    failed = RolledBack(standing.current, "", unmet, now)
    begins = failed.tried_again()
    then = f"tried again from {begins:%Y-%m-%d %H:%M} UTC on" if begins else "not tried again"
    told = f"all of it works, but it met no server in trial {unmet}: {then}"
    return replace(failed, reason=told)


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


def did_not_work_here(version: str, standing: Standing, now: datetime) -> bool:
    """Whether it is the version that this device went back from, or one before it.

    One that lacked its server alone is not, once its time has come.
    """
    failed = standing.rolled_back
    if failed is None or Version.parse(version) > Version.parse(failed.version):
        return False
    return not (version == failed.version and failed.may_be_tried(now))


def as_state(standing: Standing) -> dict[str, Any]:
    """The form that is kept. Later versions may add to it; what is here keeps its meaning."""
    trial, failed = standing.trial, standing.rolled_back
    return {
        "current": standing.current,
        "unproven": standing.unproven,
        "trial": None
        if trial is None
        else {
            "before": trial.before,
            "starts": trial.starts,
            "with_server": trial.with_server,
            "lacks_server_alone": trial.lacks_server_alone,
        },
        "rolled_back": None
        if failed is None
        else {
            "version": failed.version,
            "reason": failed.reason,
            "unmet": failed.unmet,
            "since": None if failed.since is None else failed.since.isoformat(),
        },
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
        trial=None if trial is None else _trial(trial),
        rolled_back=None if failed is None else _rolled_back(failed),
    )


def _trial(kept: Mapping[str, Any]) -> Trial:
    return Trial(
        _version(kept["before"]),
        int(kept["starts"]),
        bool(kept["with_server"]),
        bool(kept.get("lacks_server_alone", False)),
    )


def _rolled_back(kept: Mapping[str, Any]) -> RolledBack:
    since = kept.get("since")
    return RolledBack(
        Version.parse(kept["version"]).text,
        str(kept["reason"]),
        int(kept.get("unmet", 0)),
        None if since is None else _moment(since),
    )


def _moment(text: str) -> datetime:
    """Raises ValueError on one that is of no time zone: it cannot be compared."""
    told = datetime.fromisoformat(text)
    if told.tzinfo is None:
        raise ValueError(f"{text} is of no time zone")
    return told


def _version(text: str) -> str:
    """It names a folder, so it is nothing but a version."""
    return INSTALLED if text == INSTALLED else Version.parse(text).text
