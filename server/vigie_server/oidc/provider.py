"""The identity provider of the settings, asked by the authorization code flow with PKCE."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import Key

from vigie_server.domain.errors import ProviderRefused
from vigie_server.domain.granting import names_claim
from vigie_server.domain.proving import ProviderFault
from vigie_server.oidc.fetching import Fetched, Fetching
from vigie_server.oidc.metadata import Metadata, discovery_url, metadata_of
from vigie_server.oidc.tokens import (
    Expected,
    candidates,
    keys_of,
    proved_by,
    signed,
    userinfo_of,
)
from vigie_server.ports.providers import Proof, Way

log = structlog.get_logger()

_OK: Final = 200
_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_JSON: Final = ("Accept", "application/json")
LONGEST_CODE: Final = 4_096


@dataclass(frozen=True, slots=True)
class ProviderTerms:
    """The provider as the settings have it. Spans are in seconds.

    `secret` reads it each time, so it can be changed; None for a client without one. `needed`: the
    claims that userinfo is asked for with "auto", where the ID token has them not. `returns_to` and
    `left_for`: our addresses, as registered with the provider.
    """

    issuer: str
    discovery: str
    client_id: str
    secret: Callable[[], str | None]
    scopes: str
    acr_values: str
    userinfo: Literal["auto", "always", "never"]
    needed: frozenset[str]
    returns_to: str
    left_for: str
    keep: float
    ask_again: float
    leeway: float


class Provider:
    """The `IdentityProvider`. What it says of itself is asked once, and its keys, and kept."""

    def __init__(
        self,
        terms: ProviderTerms,
        fetch: Fetching,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._terms = terms
        self._fetch = fetch
        self._now = now
        self._monotonic = monotonic
        self._asking = asyncio.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, Sequence[Key]] | None = None
        self._failed: tuple[float, ProviderFault, str] | None = None

    async def entrance(self, way: Way) -> str:
        described = await self._described()
        terms = self._terms
        return str(
            prepare_grant_uri(
                described.authorization,
                terms.client_id,
                "code",
                terms.returns_to,
                terms.scopes,
                way.state,
                nonce=way.nonce,
                code_challenge=create_s256_code_challenge(way.verifier),
                code_challenge_method="S256",
                acr_values=terms.acr_values or None,
            )
        )

    async def prove(self, answer: Mapping[str, str], way: Way) -> Proof:
        described = await self._described()
        self._require_own(answer, described)
        given = await self._exchanged(answer, way, described)
        id_token, access_token = given.get("id_token"), given.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise ProviderRefused(ProviderFault.ANSWER, "there is no ID token in its answer")
        keys = await self._keys_for(id_token, described)
        proved = proved_by(
            signed(id_token, keys, "ID token"),
            Expected(
                issuer=self._terms.issuer,
                client_id=self._terms.client_id,
                nonce=way.nonce,
                access_token=access_token,
                now=int(self._now().timestamp()),
                leeway=int(self._terms.leeway),
            ),
        )
        more = await self._userinfo(proved, access_token, described)
        return Proof(self._terms.issuer, proved["sub"], {**more, **proved}, proved, id_token)

    async def leaving(self, id_token: str) -> str | None:
        try:
            described = await self._described()
        except ProviderRefused as error:
            log.warning("provider_sign_out_left_out", why=str(error))
            return None
        if described.end_session is None:
            return None
        asked = urlencode(
            {
                "id_token_hint": id_token,
                "client_id": self._terms.client_id,
                "post_logout_redirect_uri": self._terms.left_for,
            }
        )
        return f"{described.end_session}{'&' if '?' in described.end_session else '?'}{asked}"

    def _require_own(self, answer: Mapping[str, str], described: Metadata) -> None:
        """Refuses another provider's answer (RFC 9207), and one that is no code."""
        named = answer.get("iss")
        if (named is not None or described.names_itself) and not compare_digest(
            (named or "").encode(), self._terms.issuer.encode()
        ):
            raise ProviderRefused(ProviderFault.WAY, "the answer is another provider's")
        if "error" in answer:
            denied = answer["error"] in {"access_denied", "login_required", "interaction_required"}
            raise ProviderRefused(
                ProviderFault.DENIED if denied else ProviderFault.ANSWER,
                f"the provider says {answer['error'][:64]!r}",
            )
        if not 0 < len(answer.get("code", "")) <= LONGEST_CODE:
            raise ProviderRefused(ProviderFault.ANSWER, "there is no code in the answer")

    async def _exchanged(
        self, answer: Mapping[str, str], way: Way, described: Metadata
    ) -> Mapping[str, Any]:
        """What the code is worth at the token endpoint."""
        terms, secret = self._terms, self._terms.secret()
        asked = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": terms.returns_to,
            "code_verifier": way.verifier,
        }
        headers = [_FORM, _JSON]
        if secret is not None and described.basic:
            pair = f"{quote(terms.client_id, safe='')}:{quote(secret, safe='')}"
            headers.append(("Authorization", f"Basic {b64encode(pair.encode()).decode()}"))
        else:
            asked |= {"client_id": terms.client_id}
            asked |= {} if secret is None else {"client_secret": secret}
        fetched = await self._fetch(
            described.token, headers=headers, body=urlencode(asked).encode()
        )
        if fetched.status != _OK:
            raise _unfit_answer("the token endpoint", fetched)
        given = fetched.object("the token endpoint")
        if str(given.get("token_type", "")).lower() != "bearer":
            raise ProviderRefused(ProviderFault.ANSWER, "its access token is none of a bearer")
        return given

    async def _userinfo(
        self, proved: Mapping[str, Any], access_token: str, described: Metadata
    ) -> Mapping[str, Any]:
        missing = not all(names_claim(proved, claim) for claim in self._terms.needed)
        wanted = self._terms.userinfo == "always" or (self._terms.userinfo == "auto" and missing)
        if described.userinfo is None or not wanted:
            return {}
        bearer = ("Authorization", f"Bearer {access_token}")
        fetched = await self._fetch(
            described.userinfo, headers=[bearer, ("Accept", "application/jwt, application/json")]
        )
        if fetched.status != _OK:
            raise _unfit_answer("userinfo", fetched)
        is_signed = fetched.kind == "application/jwt"
        if is_signed:
            token = fetched.body.decode("ascii", "replace").strip()
            keys = await self._keys_for(token, described)
            found: Mapping[str, Any] = signed(token, keys, "userinfo").claims
        else:
            found = fetched.object("userinfo")
        return userinfo_of(
            found,
            proved["sub"],
            issuer=self._terms.issuer,
            client_id=self._terms.client_id,
            is_signed=is_signed,
        )

    async def _described(self) -> Metadata:
        """What the provider says of itself, asked again after a while."""
        async with self._asking:
            if self._metadata is None or self._age(self._metadata[0]) >= self._terms.keep:
                if self._failed is not None and self._age(self._failed[0]) < self._terms.ask_again:
                    raise ProviderRefused(*self._failed[1:])  # who waited here waits no more
                try:
                    described = await self._description()
                except ProviderRefused as error:
                    self._failed = self._monotonic(), error.fault, str(error)
                    raise
                self._metadata = self._monotonic(), described
            return self._metadata[1]

    async def _description(self) -> Metadata:
        url = discovery_url(self._terms.issuer, self._terms.discovery)
        fetched = await self._fetch(url, headers=[_JSON])
        if fetched.status != _OK:
            raise _unfit_answer("its description", fetched)
        return metadata_of(fetched.object("its description"), self._terms.issuer)

    async def _keys_for(self, token: str, described: Metadata) -> Sequence[Key]:
        """The provider's keys, asked again where none has the token's name: they are changed."""
        async with self._asking:
            held = self._keys
            unknown = held is None or not candidates(token, held[1])
            age = None if held is None else self._age(held[0])
            if age is None or age >= self._terms.keep or (unknown and age >= self._terms.ask_again):
                fetched = await self._fetch(described.keys, headers=[_JSON])
                if fetched.status != _OK:
                    raise _unfit_answer("its keys", fetched)
                self._keys = held = self._monotonic(), keys_of(fetched.object("its keys"))
            assert held is not None  # noqa: S101 (narrows for the type checker)
            return held[1]

    def _age(self, at: float) -> float:
        return self._monotonic() - at


def _unfit_answer(what: str, fetched: Fetched) -> ProviderRefused:
    """An error answer; its `error` is a word of RFC 6749, section 5.2."""
    try:
        said = fetched.object(what).get("error")
    except ProviderRefused:
        said = None
    told = f", {said[:64]!r}" if isinstance(said, str) else ""
    fault = ProviderFault.UNREACHABLE if fetched.status >= 500 else ProviderFault.ANSWER  # noqa: PLR2004
    return ProviderRefused(fault, f"{what}: answered {fetched.status}{told}")
