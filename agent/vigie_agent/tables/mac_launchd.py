"""What launchd is told to start on a Mac, as pure functions on its property lists and its answers.

A job's own file is only half of it: `launchctl enable` and `disable`, and the switches of the
system's settings, are kept elsewhere and win over the file.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_OVERRIDE: Final = re.compile(
    r'^\s*"(?P<label>[^"]+)"\s*=>\s*(?P<state>enabled|disabled|true|false)\s*$', re.MULTILINE
)
_HEADING: Final = "disabled services = {"
_LISTENER: Final = re.compile(
    r"^tcp\S*\s+\d+\s+\d+\s+(?P<address>\S+)\.(?P<port>\d{1,5})\s+\S+\s+LISTEN\b", re.MULTILINE
)
_INSIDE: Final = ("127.", "::1", "localhost", "fe80::1%lo0")
_HOME: Final = re.compile(r"^/Users/[^/]+")


class Job(NamedTuple):
    """A job of launchd: `start` is auto, scheduled or on_demand; its own file may switch it off."""

    label: str
    program: str
    start: str
    disabled: bool


def read_job(plist: Mapping[str, object], file_name: str) -> Job:
    """A job from its property list; without a label it goes by the name of its file.

    Of its command only the program is kept, and not whose home it lies in: arguments may hold keys.
    """
    label, program = plist.get("Label"), plist.get("Program")
    arguments = plist.get("ProgramArguments")
    if not isinstance(program, str) and isinstance(arguments, list) and arguments:
        program = arguments[0]
    return Job(
        label if isinstance(label, str) and label else file_name.removesuffix(".plist"),
        _HOME.sub("/Users/*", program) if isinstance(program, str) else "",
        _start(plist),
        plist.get("Disabled") is True,
    )


def read_overrides(printed: str) -> Mapping[str, bool] | None:
    """By label, whether `launchctl print-disabled` says that a job is on; None on other words.

    Up to macOS 12 it prints `true` for what is disabled.
    """
    if _HEADING not in printed:
        return None
    return {
        found["label"]: found["state"] in {"enabled", "false"}
        for found in _OVERRIDE.finditer(printed)
    }


def read_listeners(printed: str) -> frozenset[int] | None:
    """The TCP ports that `netstat -an -p tcp` shows as listened on beyond the Mac itself.

    None when it printed something else.
    """
    if "Local Address" not in printed:
        return None
    return frozenset(
        int(found["port"])
        for found in _LISTENER.finditer(printed)
        if not found["address"].startswith(_INSIDE)
    )


def _start(plist: Mapping[str, object]) -> str:
    keep = plist.get("KeepAlive")
    # As a dictionary it says on what condition the job is kept alive: launchd starts it to see.
    if plist.get("RunAtLoad") is True or keep is True or (isinstance(keep, Mapping) and keep):
        return "auto"
    if plist.get("StartInterval") or plist.get("StartCalendarInterval"):
        return "scheduled"
    return "on_demand"
