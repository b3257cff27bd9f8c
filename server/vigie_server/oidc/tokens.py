"""Signed tokens of the provider, checked: the ID token (OpenID Connect Core, 3.1.3.7), userinfo."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from vigie_server.domain.errors import ProviderRefused
from vigie_server.domain.granting import LONGEST
from vigie_server.domain.proving import ProviderFault

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""Never `none`, and none by a shared secret: who knows that could sign as the provider."""
MOST_KEYS: Final = 50
MOST_HEAD: Final = 8 * 1024
"""Bytes of a token's header, which may carry a chain of certificates."""
LEAST_RSA_BITS: Final = 2_048


class _Signatures(JWSRegistry):
    """What is not known in a header is passed over (RFC 7515, section 4), save what is critical."""

    max_header_length = MOST_HEAD


_SIGNATURES: Final = _Signatures(algorithms=ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token has to say. `now` and `leeway` are in seconds."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str
    now: int
    leeway: int


def keys_of(found: Mapping[str, Any]) -> Sequence[Key]:
    """The public keys of a JWK set that signatures may be checked with; others are passed over."""
    listed = found.get("keys")
    keys = []
    for one in listed[:MOST_KEYS] if isinstance(listed, list) else []:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(one)
        except (JoseError, ValueError, TypeError):
            continue
        if isinstance(key, RSAKey) and key.public_key.key_size < LEAST_RSA_BITS:
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            keys.append(key)
    return keys


def key_name(token: str) -> str | None:
    """The `kid` that a token says it is signed with; it is not checked yet."""
    try:
        head = token.partition(".")[0]
        found = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return None
    name = found.get("kid") if isinstance(found, dict) else None
    return name if isinstance(name, str) else None


def candidates(token: str, keys: Sequence[Key]) -> Sequence[Key]:
    """The keys that the token may be signed with: those of its name, or without a name all."""
    name = key_name(token)
    return [key for key in keys if name is None or key.get("kid") == name]


def signed(token: str, keys: Sequence[Key], what: str) -> jwt.Token:
    """The token, whose signature one of the keys has made. Raises ProviderRefused."""
    why = "no key of the provider has the name in it"
    for key in candidates(token, keys):
        try:
            return jwt.decode(token, key, registry=_SIGNATURES)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            why = _told(error)
    raise _invalid(what, why)


def proved_by(token: jwt.Token, expected: Expected) -> Mapping[str, Any]:
    """The claims of an ID token that is for us, of now, and of this way. Raises ProviderRefused."""
    claims = CodeIDToken(
        token.claims,
        token.header,
        options={
            "iss": {"essential": True, "value": expected.issuer},
            "sub": {"essential": True},
            "aud": {"essential": True, "value": expected.client_id},
        },
        params={
            "nonce": expected.nonce,
            "client_id": expected.client_id,
            "access_token": expected.access_token,
        },
    )
    try:
        claims.validate(now=expected.now, leeway=expected.leeway)
    except (JoseError, ValueError, TypeError) as error:
        raise _invalid("ID token", _told(error)) from None
    if not 0 < len(claims["sub"]) <= LONGEST or not claims["sub"].isprintable():
        raise _invalid("ID token", f"its subject has not 1 to {LONGEST} characters")
    return token.claims


def userinfo_of(
    found: Mapping[str, Any], subject: str, *, issuer: str, client_id: str, is_signed: bool
) -> Mapping[str, Any]:
    """The claims of a userinfo answer about this subject (Core, 5.3.2). Raises ProviderRefused."""
    if found.get("sub") != subject:
        raise _invalid("userinfo", "it is about another person")
    if is_signed:
        aud = found.get("aud", client_id)
        if found.get("iss", issuer) != issuer or client_id not in (
            aud if isinstance(aud, list) else [aud]
        ):
            raise _invalid("userinfo", "it is of another issuer, or for another application")
    return found


def _told(error: Exception) -> str:
    """Why, without what the token holds."""
    return str(error) if isinstance(error, JoseError) else type(error).__name__


def _invalid(what: str, why: str) -> ProviderRefused:
    return ProviderRefused(ProviderFault.TOKEN, f"{what}: {why}")
