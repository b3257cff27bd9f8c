"""What the agent knows of itself: told to its tables by the one place that makes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class StartedBy(StrEnum):
    """Who started the agent."""

    SYSTEMD = "systemd"
    LAUNCHD = "launchd"
    WINDOWS_SERVICES = "windows services"
    SOMEBODY = "somebody"


class TopicInForce(NamedTuple):
    """A topic that is collected, its version, and the digest of its questions in hexadecimal."""

    topic: str
    version: int
    digest: str


def _none() -> Sequence[TopicInForce]:
    return ()


@dataclass
class AboutAgent:
    """The agent in short; `version` is empty where this account may not know it.

    `topics` is set once its packs are read.
    """

    version: str
    privileged: bool
    started_by: StartedBy
    topics: Callable[[], Sequence[TopicInForce]] = _none


def started_by(platform: str, *, cgroups: str = "", parent: str = "") -> StartedBy:
    """Who started a process, by its control groups (Linux) or by its parent's name (elsewhere).

    systemd keeps each service in a group of its name. Ours has ours in it: what a person starts
    may lie in the group of another service, that of the shell's.
    """
    if platform == "linux":
        groups = [name for line in cgroups.splitlines() for name in line.split("/")]
        ours = any(name.startswith("vigie") and name.endswith(".service") for name in groups)
        return StartedBy.SYSTEMD if ours else StartedBy.SOMEBODY
    if platform == "darwin" and parent == "launchd":
        return StartedBy.LAUNCHD
    if platform == "windows" and parent.lower() == "services.exe":
        return StartedBy.WINDOWS_SERVICES
    return StartedBy.SOMEBODY
