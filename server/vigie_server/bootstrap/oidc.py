"""Wires the identity provider by which people sign in, where there is one."""

import ssl
from collections.abc import Callable
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from vigie_server.bootstrap.trust import trusting
from vigie_server.domain.attempts import Attempts
from vigie_server.domain.errors import ProviderRefused, SettingsMalformed
from vigie_server.domain.granting import Grant
from vigie_server.domain.proving import ProviderFault
from vigie_server.ports.people import KeepsSecrets
from vigie_server.services.sign_in import SessionTimes
from vigie_server.services.sign_in_by_provider import ProofTerms, SignInByProvider
from vigie_server.settings import PREFIX, ServerSettings
from vigie_server.settings_oidc import GrantSettings, OidcSettings
from vigie_server.store.accounts import folded
from vigie_server.store.database import Database
from vigie_server.store.links import Links
from vigie_server.web.pages.by_provider import LEFT_FOR, RETURNS_TO
from vigie_server.web.pages.signing_in import Offered

if TYPE_CHECKING:
    from vigie_server.oidc.provider import ProviderTerms

MOST_SECRET_BYTES: Final = 10_000


def sign_in_by_provider(
    settings: ServerSettings,
    database: Database,
    refusals: Attempts,
    times: SessionTimes,
    seals: KeepsSecrets,
    now: Callable[[], datetime],
) -> SignInByProvider | None:
    """None without a provider. `refusals`: as passwords have them. Raises SettingsMalformed."""
    given = settings.oidc
    if not given.issuer:
        return None
    if not settings.http.origin:
        raise SettingsMalformed(
            f"{PREFIX}HTTP__ORIGIN: the provider sends people back to it, so OIDC__ISSUER wants it"
        )
    if given.client_secret_file is not None:
        try:
            _secret(given.client_secret_file)
        except ProviderRefused as error:
            raise SettingsMalformed(f"{PREFIX}OIDC__CLIENT_SECRET_FILE: {error}") from None
    # A server without a provider, as most are, does without 200 modules.
    from vigie_server.oidc.fetching import Fetching  # noqa: PLC0415 (see above)
    from vigie_server.oidc.provider import Provider  # noqa: PLC0415 (see above)

    provider = Provider(
        _terms(given, settings.http.origin),
        Fetching(
            tls=_tls(given.authorities),
            within=given.within.total_seconds(),
            most=int(given.max_answer),
            version=version("vigie"),
            proxy=given.proxy,
        ),
        now=now,
        monotonic=monotonic,
    )
    proof = ProofTerms(
        grants=[_grant(one) for one in given.grants],
        name_claim=given.name_claim,
        invited_by=given.invited_by,
        acr=frozenset(given.acr.split()),
        amr=frozenset(given.amr.split()),
        way_within=given.way_within,
    )
    addresses = Attempts(
        per_minute=given.attempts_per_minute, burst=given.attempts_at_once, monotonic=monotonic
    )
    links = Links(database)
    return SignInByProvider(provider, links, proof, addresses, refusals, times, seals, now)


def offered(settings: ServerSettings) -> Offered | None:
    """The provider as the page of signing in offers it."""
    given = settings.oidc
    if not given.issuer:
        return None
    return Offered({"fr": given.label_fr, "en": given.label_en}, given.only)


def has_password(settings: ServerSettings, name: str) -> bool:
    """Whether an account of this name may sign in by a password."""
    given = settings.oidc
    return not given.only or folded(name) == folded(given.break_glass)


def _terms(given: OidcSettings, origin: str) -> "ProviderTerms":
    from vigie_server.oidc.provider import ProviderTerms  # noqa: PLC0415 (see above)

    claims = {given.name_claim, given.invited_by}
    for grant in given.grants:
        claims |= {grant.claim, grant.sites_claim}
    file = given.client_secret_file
    return ProviderTerms(
        issuer=given.issuer,
        discovery=given.discovery,
        client_id=given.client_id,
        secret=(lambda: None) if file is None else partial(_secret, file),
        scopes=given.scopes,
        acr_values=given.acr_values,
        userinfo=given.userinfo,
        needed=frozenset(claims - {""}),
        returns_to=f"{origin}{RETURNS_TO}",
        left_for=f"{origin}{LEFT_FOR}",
        keep=given.keep.total_seconds(),
        ask_again=given.ask_again.total_seconds(),
        leeway=given.clock_skew.total_seconds(),
    )


def _grant(given: GrantSettings) -> Grant:
    return Grant(
        claim=given.claim,
        value=given.value,
        role=given.role,
        sites=frozenset(given.sites) or None,
        sites_claim=given.sites_claim,
    )


def _secret(path: Path) -> str:
    """What the file holds, without white space around. Raises ProviderRefused."""
    try:
        with path.open("rb") as file:
            secret = file.read(MOST_SECRET_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderRefused(
            ProviderFault.ANSWER, f"{path.name} cannot be read: {type(error).__name__}"
        ) from None
    if not secret:
        raise ProviderRefused(ProviderFault.ANSWER, f"{path.name} is empty")
    return secret


def _tls(authorities: Path | None) -> ssl.SSLContext:
    try:
        return trusting(authorities)
    except OSError as error:
        raise SettingsMalformed(
            f"{PREFIX}OIDC__AUTHORITIES: {authorities} holds no certificates "
            f"({type(error).__name__})"
        ) from None
