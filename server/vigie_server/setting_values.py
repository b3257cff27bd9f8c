"""What groups of settings are made of."""

import re
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")


def _in_seconds(given: object) -> object:
    return float(given) if isinstance(given, str) and _NUMBER.fullmatch(given) else given


Span = Annotated[timedelta, BeforeValidator(_in_seconds)]
"""A span of time: seconds as a number, or ISO 8601."""


class Group(BaseModel):
    """Settings of one subject; one that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def listed(text: str) -> Sequence[str]:
    """The parts of a text that commas separate."""
    return [part.strip() for part in text.split(",") if part.strip()]


def networks_of(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks of such a text. Raises ValueError."""
    return tuple(ip_network(part) for part in listed(text))
