"""What a provider says of itself (OpenID Connect Discovery 1.0), as far as it is of use here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url

from vigie_server.domain.errors import ProviderRefused
from vigie_server.domain.proving import ProviderFault


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where the provider is asked what. `names_itself`: its answers carry `iss` (RFC 9207)."""

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    end_session: str | None
    basic: bool
    names_itself: bool


def discovery_url(issuer: str, given: str) -> str:
    """Where the provider describes itself."""
    return given or str(get_well_known_url(issuer, external=True))


def metadata_of(found: Mapping[str, Any], issuer: str) -> Metadata:
    """Raises ProviderRefused for a description of another provider, or one of no use."""
    if found.get("issuer") != issuer:
        raise _unfit(
            f"it calls itself {found.get('issuer')!r}: OIDC__ISSUER has to be the same, to a letter"
        )
    described = OpenIDProviderMetadata(found)
    try:
        described.validate_response_types_supported()
        described.validate_token_endpoint_auth_methods_supported()
    except ValueError as error:
        raise _unfit(str(error)) from None
    if "code" not in found.get("response_types_supported", ()):
        raise _unfit("it does not offer the authorization code flow")
    challenges = found.get("code_challenge_methods_supported")
    if isinstance(challenges, list) and "S256" not in challenges:
        raise _unfit("it does not offer PKCE with S256")
    methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Metadata(
        authorization=_address(found, "authorization_endpoint"),
        token=_address(found, "token_endpoint"),
        keys=_address(found, "jwks_uri"),
        userinfo=_address_if_any(found, "userinfo_endpoint"),
        end_session=_address_if_any(found, "end_session_endpoint"),
        basic="client_secret_basic" in methods,
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
    )


def _address_if_any(found: Mapping[str, Any], name: str) -> str | None:
    return _address(found, name) if found.get(name) else None


def _address(found: Mapping[str, Any], name: str) -> str:
    given = found.get(name)
    if not isinstance(given, str) or not given.startswith("https://") or not given.isprintable():
        raise _unfit(f"{name} is no https:// address")
    return given


def _unfit(why: str) -> ProviderRefused:
    return ProviderRefused(ProviderFault.ANSWER, f"the provider's description: {why}")
