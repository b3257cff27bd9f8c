"""The text of an enrolment token, as `proto/README.md` defines it.

One value is all that a silent installer gets: where to enrol, which authority to trust, and the
secret that lets the device in. Hand-written beside the generated stubs, because it is part of the
protocol: the server writes it, the agent reads it.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

SECRET_BYTES: Final = 16
CA_SHA256_BYTES: Final = 32
MAX_ENDPOINTS: Final = 8
MAX_ENDPOINT_LENGTH: Final = 255
MAX_TOKEN_LENGTH: Final = 4096
"""Longer text is not a token; no token that can be encoded is as long."""

_PREFIX: Final = "vigie1."
_ANY_VERSION: Final = re.compile(r"vigie[0-9]+\.")
_NOT_BASE64URL: Final = re.compile(r"[^A-Za-z0-9_-]")
_ENDPOINT: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_CHECKSUM_BYTES: Final = 4
_COUNT_AT: Final = SECRET_BYTES + CA_SHA256_BYTES
_HIGHEST_PORT: Final = 65535

_CUT: Final = "the enrolment token was cut short: copy it whole"
_MISTYPED: Final = "the enrolment token was mistyped: copy it again, character by character"


@dataclass(frozen=True, slots=True)
class EnrolmentToken:
    """What a token says. Raises ValueError when made of parts that no token can hold.

    `endpoints` are host:port addresses of EnrollmentService, in order of preference; `ca_sha256`
    is the SHA-256 of the authority's DER certificate; `secret` stays out of `repr`.
    """

    endpoints: tuple[str, ...]
    ca_sha256: bytes
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise ValueError(f"a token's secret is {SECRET_BYTES} bytes")
        if len(self.ca_sha256) != CA_SHA256_BYTES:
            raise ValueError(f"a token's authority is a SHA-256 of {CA_SHA256_BYTES} bytes")
        if not 1 <= len(self.endpoints) <= MAX_ENDPOINTS:
            raise ValueError(f"a token holds 1 to {MAX_ENDPOINTS} endpoints")
        for endpoint in self.endpoints:
            if not is_endpoint(endpoint):
                raise ValueError(f"{endpoint!r} is not an endpoint such as vigie.example.org:8443")


def is_endpoint(text: str) -> bool:
    """Whether `text` is host:port, with IPv6 addresses in brackets and names in ASCII."""
    match = _ENDPOINT.fullmatch(text)
    if match is None or len(text) > MAX_ENDPOINT_LENGTH:
        return False
    return 1 <= int(match[1]) <= _HIGHEST_PORT


def encode(token: EnrolmentToken) -> str:
    """The token's text: one word of letters, digits, `-`, `_` and a dot."""
    body = token.secret + token.ca_sha256 + bytes([len(token.endpoints)])
    for endpoint in token.endpoints:
        body += bytes([len(endpoint)]) + endpoint.encode("ascii")
    packed = urlsafe_b64encode(body + _checksum(body)).decode("ascii")
    return _PREFIX + packed.rstrip("=")


def decode(text: str) -> EnrolmentToken:
    """The token in `text`, spaces and line breaks forgiven: mail and forms add them.

    Raises ValueError with a sentence for the person who pasted it, without the token in it.
    """
    packed = _unwrapped("".join(text.split()))
    if len(packed) % 4 == 1:
        raise ValueError(_CUT)
    content = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    body, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
    # Only the last characters' unused bits may differ between two texts of the same bytes.
    if checksum != _checksum(body) or urlsafe_b64encode(content).decode().rstrip("=") != packed:
        raise ValueError(_CUT if _is_short(content) else _MISTYPED)
    try:
        return EnrolmentToken(
            endpoints=tuple(_endpoints(body)),
            ca_sha256=body[SECRET_BYTES:_COUNT_AT],
            secret=body[:SECRET_BYTES],
        )
    except (ValueError, IndexError) as error:
        raise ValueError(f"the enrolment token makes no sense: {error}") from None


def _unwrapped(text: str) -> str:
    """What follows the prefix. Raises ValueError on what is no token of this version."""
    if not text:
        raise ValueError("the enrolment token is empty")
    if not text.startswith(_PREFIX):
        if _ANY_VERSION.match(text):
            raise ValueError("the enrolment token is of another version: update this agent")
        if _PREFIX.startswith(text):
            raise ValueError(_CUT)
        raise ValueError(f"this is not an enrolment token: one starts with {_PREFIX!r}")
    packed = text[len(_PREFIX) :]
    if len(text) > MAX_TOKEN_LENGTH or _NOT_BASE64URL.search(packed):
        raise ValueError(
            "the enrolment token was mistyped: after its first dot it holds only letters, digits, "
            "'-' and '_'"
        )
    return packed


def _checksum(body: bytes) -> bytes:
    return sha256(_PREFIX.encode("ascii") + body).digest()[:_CHECKSUM_BYTES]


def _is_short(content: bytes) -> bool:
    """Whether the content ends before its own lengths say that it does."""
    if len(content) <= _COUNT_AT:
        return True
    position = _COUNT_AT + 1
    for _ in range(content[_COUNT_AT]):
        if position >= len(content):
            return True
        position += 1 + content[position]
    return len(content) < position + _CHECKSUM_BYTES


def _endpoints(body: bytes) -> Sequence[str]:
    endpoints = []
    position = _COUNT_AT + 1
    for _ in range(body[_COUNT_AT]):
        start = position + 1
        position = start + body[position]
        endpoints.append(body[start:position].decode("ascii"))
    if position != len(body):
        raise ValueError("something follows its last endpoint")
    return endpoints
