"""Who is told: an e-mail address or a webhook, of a site, a managing body or every site."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, urlsplit

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.mail.names import domain_of, is_host
from vigie_server.domain.statements import LANGUAGES

MOST_ADDRESS: Final = 254
MOST_URL: Final = 2_000
ENVIRONMENT: Final = "VIGIE_NOTIFY_"
"""How the names of environment variables begin that a webhook's secret may be in."""
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SECRET: Final = re.compile(rf"file:[A-Za-z0-9_][A-Za-z0-9._-]{{0,99}}|env:{ENVIRONMENT}[A-Z0-9_]+")


class Channel(StrEnum):
    """How a recipient is reached."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Extent(StrEnum):
    """Which sites a recipient is told of."""

    SITE = "site"
    BODY = "body"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Recipient:
    """`of` names the site or body; `secret` says where a webhook's key is, never what it is."""

    extent: Extent
    of: str
    channel: Channel
    address: str
    secret: str
    language: str
    critical: bool
    digest: bool


def recipient_of(
    *,
    site: str,
    body: str,
    channel: str,
    address: str,
    secret: str,
    language: str,
    critical: bool,
    digest: bool,
) -> Recipient:
    """The recipient of these fields, all plain text. Raises DeclarationRefused."""
    if site and body:
        raise DeclarationRefused("give a site or a body, not both")
    extent = Extent.SITE if site else Extent.BODY if body else Extent.ALL
    return checked(
        Recipient(
            extent, site or body, Channel(channel), address, secret, language, critical, digest
        )
    )


def checked(given: Recipient) -> Recipient:
    """The recipient with its address in one form. Raises DeclarationRefused."""
    if given.language not in LANGUAGES:
        raise DeclarationRefused(f"language is one of {', '.join(LANGUAGES)}")
    if not (given.critical or given.digest):
        raise DeclarationRefused("a recipient wants critical notices, the digest, or both")
    if (given.extent is Extent.ALL) != (not given.of):
        raise DeclarationRefused("give a site, a body, or neither for every site")
    if given.channel is Channel.EMAIL:
        address = email_of(given.address)
        if given.secret:
            raise DeclarationRefused("a secret is for webhooks")
    else:
        address = given.address.strip()
        url_of(address)
        if not _SECRET.fullmatch(given.secret):
            raise DeclarationRefused(
                "a webhook is signed: give its secret as file:NAME, a file in the folder of "
                f"secrets, or env:{ENVIRONMENT}NAME"
            )
    return Recipient(
        given.extent,
        given.of,
        given.channel,
        address,
        given.secret,
        given.language,
        given.critical,
        given.digest,
    )


def email_of(text: str) -> str:
    """An address that can stand in a header and in SMTP as it is. Raises DeclarationRefused."""
    local, _, domain = text.strip().rpartition("@")
    if _LOCAL.fullmatch(local) is None or len(local) > 64 or len(text) > MOST_ADDRESS:  # noqa: PLR2004 (RFC 5321)
        raise DeclarationRefused(f"{text.strip()[:100]!r} is not an e-mail address")
    return f"{local}@{domain_of(domain)}"


def url_of(text: str) -> SplitResult:
    """The URL of a webhook. Raises DeclarationRefused, without repeating it: it may hold a key."""
    wrong = DeclarationRefused(
        "the URL of a webhook is https://host/path, without account, password or fragment"
    )
    if len(text) > MOST_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise wrong
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise wrong from None
    host = url.hostname or ""
    named = bool(host) and (is_host(host) or ":" in host or host.replace(".", "").isdigit())
    if url.scheme != "https" or not named or "@" in url.netloc or "#" in text or port == 0:
        raise wrong
    return url


def shown_address(channel: Channel, address: str) -> str:
    """The address without what may be a key in it: of a URL, the host."""
    return address if channel is Channel.EMAIL else f"https://{urlsplit(address).netloc}/…"
