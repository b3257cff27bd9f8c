"""The settings of an identity provider by which people sign in (OpenID Connect)."""

from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import ByteSize, Field, model_validator

from vigie_server.domain.account_terms import CONTRACTOR
from vigie_server.setting_values import Group, Span

_ADDRESS: Final = r"^(https://[^\s?#]+)?$"
_NOT_AN_IDENTITY: Final = frozenset({"email", "email_verified", "name", "given_name"})
"""Claims that a person may choose, or share with others: nobody is known by one of these."""


class GrantSettings(Group):
    """The role that a value of a claim gives, and on which sites.

    `sites` empty: every site, or those that the claim `sites_claim` names.
    """

    claim: str = Field(min_length=1)
    value: str = Field(min_length=1)
    role: Literal["admin", "operator", "auditor", "contractor"]
    sites: tuple[str, ...] = ()
    sites_claim: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.sites and self.sites_claim:
            raise ValueError("a grant has `sites` or `sites_claim`, not both")
        if self.role == CONTRACTOR and not (self.sites or self.sites_claim):
            raise ValueError("a grant of `contractor` names `sites`, or their `sites_claim`")
        return self


class OidcSettings(Group):
    """The provider, what is asked of it, and what its answers give. `issuer` empty: there is none.

    `discovery` unset: the issuer's address and `/.well-known/openid-configuration`. `acr_values` is
    asked for; `acr` and `amr` are what an answer must have one of. `only`: people sign in by the
    provider alone, but for the account named `break_glass`.
    """

    issuer: str = Field("", pattern=_ADDRESS)
    discovery: str = Field("", pattern=_ADDRESS)
    client_id: str = ""
    client_secret_file: Path | None = None
    scopes: str = "openid profile"
    name_claim: str = Field("preferred_username", min_length=1)
    invited_by: str = Field("sub", min_length=1)
    grants: tuple[GrantSettings, ...] = ()
    acr_values: str = ""
    acr: str = ""
    amr: str = ""
    userinfo: Literal["auto", "always", "never"] = "auto"
    label_fr: str = Field("Se connecter avec le compte de l'organisme", min_length=1, max_length=80)
    label_en: str = Field("Sign in with the organisation's account", min_length=1, max_length=80)
    only: bool = False
    break_glass: str = ""
    authorities: Path | None = None
    proxy: str = Field("", pattern=r"^(http://[^\s/]+:[0-9]{1,5})?/?$")
    within: Span = Field(timedelta(seconds=10), gt=timedelta(0), le=timedelta(minutes=2))
    max_answer: ByteSize = Field(ByteSize(256 * 1024), ge=4 * 1024, le=16 * 1024 * 1024)
    way_within: Span = Field(timedelta(minutes=10), gt=timedelta(0), le=timedelta(hours=1))
    keep: Span = Field(timedelta(hours=1), gt=timedelta(0), le=timedelta(days=1))
    ask_again: Span = Field(timedelta(seconds=10), ge=timedelta(0))
    attempts_per_minute: float = Field(60, gt=0)
    attempts_at_once: float = Field(120, ge=1)
    clock_skew: Span = Field(timedelta(minutes=1), ge=timedelta(0), le=timedelta(minutes=10))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.issuer and not self.client_id:
            raise ValueError("OIDC__CLIENT_ID is missing: the provider gives it at registration")
        if "openid" not in self.scopes.split():
            raise ValueError("OIDC__SCOPES has to contain openid")
        if self.invited_by in _NOT_AN_IDENTITY:
            raise ValueError(f"OIDC__INVITED_BY cannot be {self.invited_by}: it is not one's own")
        if self.only and not (self.issuer and self.break_glass.strip()):
            raise ValueError(
                "OIDC__ONLY wants OIDC__ISSUER, and in OIDC__BREAK_GLASS the name of the account "
                "that may sign in with its password when the provider does not answer"
            )
        return self
