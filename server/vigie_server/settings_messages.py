"""Settings of what goes out: checks of mail domains, and messages to people and programs."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from vigie_server.setting_values import Group, Span, listed, networks_of


class MailSettings(Group):
    """How mail domains are checked (question 7). Lists are separated by commas.

    `private_networks`: networks of the inside whose mail servers may be called all the same.
    """

    every: Span = Field(timedelta(days=1), gt=timedelta(0))
    retry: Span = Field(timedelta(hours=1), gt=timedelta(0))
    look_every: Span = Field(timedelta(seconds=30), gt=timedelta(0))
    at_once: int = Field(4, ge=1, le=100)
    within: Span = Field(timedelta(minutes=2), gt=timedelta(0))
    dns_within: Span = Field(timedelta(seconds=9), gt=timedelta(0))
    smtp_within: Span = Field(timedelta(seconds=30), gt=timedelta(0))
    resolvers: str = ""
    private_networks: str = ""
    authorities: Path | None = None
    smtp_port: int = Field(25, ge=1, le=65_535)

    @field_validator("resolvers", "private_networks")
    @classmethod
    def _readable(cls, value: str, info: ValidationInfo) -> str:
        if info.field_name == "resolvers":
            _resolvers(value)
        else:
            networks_of(value)
        return value

    @property
    def resolvers_by_port(self) -> tuple[tuple[str, int], ...]:
        """Addresses and ports of DNS servers; none: the system's."""
        return _resolvers(self.resolvers)

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of `private_networks`."""
        return networks_of(self.private_networks)


class NotifySettings(Group):
    """Who is told by e-mail and webhooks: how messages are gathered, handed over, tried again.

    `smtp_host` empty: no e-mail. `secrets` unset: `secrets` in the data folder.
    `private_networks`: networks of the inside whose webhooks may be called all the same, separated
    by commas. `digest_day` counts from Monday, 1; `digest_hour` is UTC.
    """

    every: Span = Field(timedelta(seconds=30), gt=timedelta(0))
    gather: Span = Field(timedelta(minutes=5), ge=timedelta(0), le=timedelta(hours=1))
    at_once: int = Field(8, ge=1, le=100)
    retry_for: Span = Field(timedelta(days=1), gt=timedelta(0))
    keep: Span = Field(timedelta(days=90), ge=timedelta(days=1))
    digest_day: int = Field(1, ge=1, le=7)
    digest_hour: int = Field(7, ge=0, le=23)
    smtp_host: str = ""
    smtp_port: int = Field(587, ge=1, le=65_535)
    smtp_encryption: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_within: Span = Field(timedelta(seconds=30), gt=timedelta(0))
    smtp_from: str = ""
    webhook_within: Span = Field(timedelta(seconds=15), gt=timedelta(0))
    private_networks: str = ""
    authorities: Path | None = None
    secrets: Path | None = None

    @field_validator("private_networks")
    @classmethod
    def _readable(cls, value: str) -> str:
        networks_of(value)
        return value

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of `private_networks`."""
        return networks_of(self.private_networks)


def _resolvers(text: str) -> tuple[tuple[str, int], ...]:
    found = []
    for part in listed(text):
        address, port = part, "53"
        if part.startswith("["):
            address, _, after = part[1:].partition("]")
            port = after.removeprefix(":") or port
        elif part.count(":") == 1:
            address, _, port = part.partition(":")
        if not (port.isascii() and port.isdigit() and int(port[:6]) <= 65_535):  # noqa: PLR2004
            raise ValueError("a resolver is an address, or 192.0.2.1:53, or [2001:db8::1]:53")
        found.append((str(ip_address(address)), int(port)))
    return tuple(found)
