"""When a Mac locks sessions: screen saver and display, profiles before what an account chose.

The password is asked once the screen saver runs or the display sleeps, whichever comes first.
Whether it is asked at all is in no file: a profile says so, or `sysadminctl`, inside the session of
the account at the console only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vigie_agent.tables.homes import Home
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import (
    WHO,
    Unanswered,
    answer,
    flag_of,
    number_of,
    plist_file,
    why_unanswered,
)
from vigie_agent.tables.session_locks import Answer, Lock

ID: Final = "/usr/bin/id"
LAUNCHCTL: Final = "/bin/launchctl"
PMSET: Final = "/usr/bin/pmset"
SUDO: Final = "/usr/bin/sudo"
SYSADMINCTL: Final = "/usr/sbin/sysadminctl"

_SAVER: Final = "com.apple.screensaver"
_PASSCODE: Final = "com.apple.mobiledevice.passwordpolicy"
_MANAGED: Final = "/Library/Managed Preferences"
_BY_HOST: Final = re.compile(r"com\.apple\.screensaver\.[0-9A-Fa-f-]+\.plist")
_MINUTE: Final = 60
_DELAY: Final = re.compile(r"screenLock (?:delay )?is (?P<word>off|immediate|\d+)")
_NO_PASSWORD: Final = -1
_STATUS: Final = (SYSADMINCTL, "-screenLock", "status")
_SESSION_TIMEOUT: Final = timedelta(seconds=8)
_SESSION_OUTPUT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class SaverSettings:
    """What one layer sets; None where it says nothing. A grace of -1: no password is asked."""

    idle: int | None = None
    asks: bool | None = None
    grace: int | None = None

    def over(self, other: "SaverSettings") -> "SaverSettings":
        """These settings, and the `other` ones where these set nothing."""
        return SaverSettings(
            other.idle if self.idle is None else self.idle,
            other.asks if self.asks is None else self.asks,
            other.grace if self.grace is None else self.grace,
        )


def profile_settings(host: Host, username: str = "") -> SaverSettings:
    """What profiles set for everyone, or for one account. Raises Unanswered."""
    folder = f"{_MANAGED}/{username}" if username else _MANAGED
    saver = plist_file(host, f"{folder}/{_SAVER}.plist") or {}
    passcode = plist_file(host, f"{folder}/{_PASSCODE}.plist") or {}
    return written(saver).over(_of_passcode(passcode))


def written(saver: Mapping[str, object]) -> SaverSettings:
    """The settings in a preference file of the screen saver."""
    return SaverSettings(
        number_of(saver.get("idleTime")),
        flag_of(saver.get("askForPassword")),
        number_of(saver.get("askForPasswordDelay")),
    )


def display_sleep(said: str) -> int | None:
    """Minutes until the display sleeps, from `pmset -g custom`; None where it says nothing.

    The power source that waits longest counts, and 0 where it never sleeps on one of them.
    """
    minutes = [int(found) for found in re.findall(r"^\s*displaysleep\s+(\d+)", said, re.MULTILINE)]
    if not minutes:
        return None
    return 0 if 0 in minutes else max(minutes)


def screen_lock_status(said: str) -> int | None:
    """Seconds of delay in what `sysadminctl -screenLock status` prints; -1 for no password."""
    found = _DELAY.search(said)
    if found is None:
        return None
    word = found["word"]
    return {"off": _NO_PASSWORD, "immediate": 0}[word] if word.isalpha() else int(word)


def judged(
    imposed: SaverSettings, own: SaverSettings, display: int | None, session: Answer | int
) -> Answer:
    """The lock that settings make, or why it is not known.

    `display` is the minutes until the display sleeps, `session` the delay that the session tells.
    """
    settings = imposed.over(own)
    grace = session if settings.asks is None else settings.grace or 0
    if settings.asks is False or grace == _NO_PASSWORD:
        return Lock(None, asks_password=False, enforced=imposed.asks is not None)
    if not isinstance(grace, int):
        return str(grace)
    waits = [wait for wait in (settings.idle, display and display * _MINUTE) if wait]
    if not waits and (settings.idle is None or display is None):
        return "the setting is at the default of this release"
    enforced = imposed.asks is not None and bool(imposed.idle)
    return Lock(min(waits) + grace if waits else None, True, grace, enforced)  # noqa: FBT003 (it asks)


def account_lock(host: Host, home: Home, everyones: SaverSettings, display: int | None) -> Answer:
    """What holds for one account."""
    try:
        imposed = profile_settings(host, home.username).over(everyones)
        own = SaverSettings(idle=own_idle(host, home))
    except Unanswered as why:
        return str(why)
    session = _in_session(host, home.username) if imposed.asks is None else ""
    return judged(imposed, own, display, session)


def own_idle(host: Host, home: Home) -> int | None:
    """The idle time that an account chose, kept for this Mac alone. Raises Unanswered."""
    folder = f"{home.directory}/Library/Preferences/ByHost"
    try:
        names = sorted(item.name for item in host.path(folder).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unanswered("needs root: the settings of the account") from error
    found = [name for name in names if _BY_HOST.fullmatch(name)]
    times = [written(plist_file(host, f"{folder}/{name}") or {}).idle for name in found]
    return next((time for time in times if time is not None), None)


def ask_display(host: Host) -> int | None:
    """Minutes until the display sleeps; None where pmset does not tell."""
    try:
        return display_sleep(answer(host, PMSET, "-g", "custom"))
    except Unanswered:
        return None


def _in_session(host: Host, username: str) -> int | str:
    """The delay of the lock, asked inside the account's own session; else why it is not known."""
    if username not in _at_console(host):
        return "macOS tells whether the password is asked in an open session only"
    try:
        uid = answer(host, ID, "-u", username).strip()
    except Unanswered as why:
        return str(why)
    result = host.run(
        [
            LAUNCHCTL,
            "asuser",
            uid,
            SUDO,
            "-n",
            "-u",
            username,
            SYSADMINCTL,
            "-screenLock",
            "status",
        ],
        timeout=_SESSION_TIMEOUT,
        max_output=_SESSION_OUTPUT,
    )
    delay = screen_lock_status(f"{result.stdout}\n{result.stderr}")
    return why_unanswered("sysadminctl", result) if delay is None else delay


def _at_console(host: Host) -> frozenset[str]:
    try:
        lines = answer(host, WHO).splitlines()
    except Unanswered:
        return frozenset()
    words = [line.split() for line in lines]
    return frozenset(line[0] for line in words if line[1:2] == ["console"])


def _of_passcode(passcode: Mapping[str, object]) -> SaverSettings:
    """A passcode profile counts in minutes; one that locks an idle Mac asks for the password."""
    idle, grace = (
        number_of(passcode.get("maxInactivity")),
        number_of(passcode.get("maxGracePeriod")),
    )
    return SaverSettings(
        idle * _MINUTE if idle else None,
        True if idle else None,
        None if grace is None else grace * _MINUTE,
    )
