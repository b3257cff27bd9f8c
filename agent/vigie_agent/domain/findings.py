"""What `vigie-agent doctor` looks at, and what it finds."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vigie_agent.domain.topics import Text


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    PROBLEM = "problem"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it stands, and what to do where it does not."""

    subject: Text
    state: State
    detail: Text
    advice: Text | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What matters of an X.509 certificate."""

    issuer: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server address to try."""

    host: str
    port: int

    @classmethod
    def parse(cls, address: str) -> "Endpoint":
        """The endpoint that `host:port` names, IPv6 hosts in brackets. Raises ValueError."""
        host, _, port = address.rpartition(":")
        return cls(host, int(port))
