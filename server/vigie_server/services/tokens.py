"""Makes tokens, whose secrets are seen once, and recognises the holders of API tokens."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from vigie.v1 import enrolment_token
from vigie_server.domain.account_terms import CONTRACTOR_DAYS
from vigie_server.domain.errors import SettingsMalformed, TokenRefused
from vigie_server.domain.parameters import PROFILES
from vigie_server.domain.sites import name_of
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.tokens import ApiCaller, ApiTokenTerms, NewToken, Role, TokenStore
from vigie_server.services.enrol import hashed

API_PREFIX: Final = "vigie-api1."
_SECRET_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class MakeTokens:
    """Makes tokens in the store."""

    store: TokenStore
    now: Callable[[], datetime]
    actor: str

    def enrolment(
        self,
        *,
        endpoints: Collection[str],
        ca_sha256: bytes,
        site: str,
        profile: str,
        max_uses: int,
        lifetime: timedelta,
        serials: Collection[str] | None = None,
    ) -> tuple[str, str]:
        """The token's id, and its text for the installer.

        Raises SettingsMalformed, and DeclarationRefused where the site's name cannot be one.
        """
        if profile not in PROFILES:
            raise SettingsMalformed(f"profile must be one of {', '.join(sorted(PROFILES))}")
        if max_uses < 1 or lifetime <= timedelta(0):
            raise SettingsMalformed("uses and expiry must say something")
        name = name_of("site", site)
        secret = secrets.token_bytes(enrolment_token.SECRET_BYTES)
        try:
            text = enrolment_token.encode(
                enrolment_token.EnrolmentToken(tuple(endpoints), ca_sha256, secret)
            )
        except ValueError as error:
            raise SettingsMalformed(str(error)) from error
        token = self._new(hashed(secret), lifetime)
        self.store.add_enrolment_token(
            token, site=name, profile=profile, max_uses=max_uses, serials=serials
        )
        return token.id, text

    def api(
        self,
        *,
        name: str,
        role: Role,
        sites: Collection[str] | None,
        lifetime: timedelta,
        personal_data: bool = False,
    ) -> tuple[str, str]:
        """The token's id, and its text for the `Authorization` header.

        A contractor's names its sites and lasts a year at most; `personal_data` has it see names
        of people, which every other role does. Raises SettingsMalformed.
        """
        if role is Role.CONTRACTOR:
            if not sites:
                raise SettingsMalformed("a contractor's token is for sites: name each with --site")
            if lifetime > timedelta(days=CONTRACTOR_DAYS):
                raise SettingsMalformed(
                    f"a contractor's token lasts {CONTRACTOR_DAYS} days at most: "
                    "give fewer days, and rotate it with a new one in time"
                )
        secret = secrets.token_urlsafe(24)
        token = self._new(hashed(secret.encode()), lifetime)
        self.store.add_api_token(
            token,
            name=name,
            role=role,
            sites=None if sites is None else frozenset(sites),
            personal_data=personal_data or role is not Role.CONTRACTOR,
        )
        return token.id, API_PREFIX + secret

    def rotate(
        self,
        token_id: str,
        require: Require[ApiTokenTerms] = whatever,
        *,
        overlap: timedelta,
    ) -> str:
        """The new text of an API token; the one before is good for `overlap`. Raises NotFound."""
        secret, now = secrets.token_urlsafe(24), self.now()
        self.store.rotate(
            token_id,
            hashed(secret.encode()),
            require,
            now=now,
            until=now + overlap,
            actor=self.actor,
        )
        return API_PREFIX + secret

    def _new(self, secret_hash: bytes, lifetime: timedelta) -> NewToken:
        now = self.now()
        # The id is short enough to type, and not a secret.
        return NewToken(secrets.token_hex(4), secret_hash, now, now + lifetime, self.actor)


@dataclass(frozen=True, slots=True)
class KnowCallers:
    """The `ApiTokens` of the HTTP application."""

    store: TokenStore

    def caller(self, secret: str, *, now: datetime) -> ApiCaller:
        """Raises TokenRefused, without saying what is wrong with it."""
        if not secret.startswith(API_PREFIX) or len(secret) > _SECRET_CHARACTERS:
            raise TokenRefused("the token is not valid")
        return self.store.api_caller(hashed(secret.removeprefix(API_PREFIX).encode()), now=now)
