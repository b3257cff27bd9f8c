"""How far an agent is behind its server: one minor version of difference works both ways."""

import re
from enum import StrEnum
from typing import Final


class AgentAge(StrEnum):
    """`unsupported` is further behind than works for certain."""

    CURRENT = "current"
    PREVIOUS = "previous"
    UNSUPPORTED = "unsupported"
    NEWER = "newer"
    UNKNOWN = "unknown"


_VERSION: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})(?:[.+a-z-].*)?")


def agent_age(agent: str, server: str) -> AgentAge:
    """The age of an agent of this version beside a server of that one."""
    told, own = _VERSION.fullmatch(agent), _VERSION.fullmatch(server)
    if told is None or own is None:
        return AgentAge.UNKNOWN
    agents, servers = _numbers(told), _numbers(own)
    if agents == servers:
        return AgentAge.CURRENT
    if agents > servers:
        return AgentAge.NEWER
    major, minor = servers
    return AgentAge.PREVIOUS if agents == (major, minor - 1) else AgentAge.UNSUPPORTED


def _numbers(version: re.Match[str]) -> tuple[int, int]:
    return int(version[1]), int(version[2])
