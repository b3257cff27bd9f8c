"""What proves a person: the ID token, the provider's keys, userinfo."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from fakes.browser import Browser
from fakes.identity_provider import CLIENT, IdentityProvider, a_key
from fakes.provider_visits import acts, comes_back, is_in, sent_to
from fakes.stored import NOW
from vigie_server.store.accounts import Accounts
from vigie_server.store.database import Database

AT = int(NOW.timestamp())


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"iss": "https://evil.example.org"}, "'iss'"),
    ({"aud": "another"}, "'aud'"),
    ({"aud": ["another", CLIENT]}, "'azp'"),
    ({"aud": ["another", CLIENT], "azp": "another"}, "'azp'"),
    ({"azp": "another"}, "'azp'"),
    ({"nonce": "another"}, "'nonce'"),
    ({"nonce": None}, "'nonce'"),
    ({"exp": AT - 60}, "expired"),
    ({"exp": float("nan")}, "'exp'"),
    ({"exp": None}, "'exp'"),
    ({"iat": AT + 61}, "issued in the future"),
    ({"iat": None}, "'iat'"),
    ({"nbf": AT + 61}, "not yet valid"),
    ({"sub": None}, "'sub'"),
    ({"sub": 17}, "'sub'"),
    ({"sub": ""}, "'sub'"),
    ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "'at_hash'"),
    ({"alg": "none"}, "algorithm"),
)
"""What is changed of a proof, and a word of why it is refused."""


def test_a_proof_that_is_wrong_in_one_thing_is_none(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    found = []
    for changes, word in WRONG:

        def tampered(
            header: dict[str, Any], claims: dict[str, Any], changes: dict[str, Any] = changes
        ) -> None:
            (header if "alg" in changes else claims).update(changes)

        provider.tampered = tampered
        with capture_logs() as logs:
            answer = comes_back(browser, provider)
        (why,) = [log["why"] for log in logs if log["event"] == "provider_sign_in_refused"]
        found.append((changes, answer.status_code, word in why, why))

    assert [one for one in found if one[1:3] != (502, True)] == []
    assert not is_in(browser)
    assert Accounts(database).accounts() == []
    refused = "refused a sign-in by the identity provider: token"
    assert acts(database) == [("server", refused, "an unknown person")] * len(WRONG)


def test_a_proof_signed_by_another_key_or_by_a_secret_is_none(
    browser: Browser, provider: IdentityProvider
) -> None:
    def by_secret(header: dict[str, Any], _: dict[str, Any]) -> None:
        header["alg"] = "HS256"

    ours = provider.key
    provider.published, provider.key = [ours], a_key("first")
    assert comes_back(browser, provider).status_code == 502
    provider.tampered = by_secret
    assert comes_back(browser, provider).status_code == 502
    # The provider's public key, taken for a secret.
    provider.shared = ours.as_pem(private=False)
    assert comes_back(browser, provider).status_code == 502

    provider.tampered, provider.key = (lambda _header, _claims: None), ours
    assert comes_back(browser, provider).status_code == 303


def test_what_is_not_known_in_a_header_is_passed_over_unless_it_is_critical(
    browser: Browser, provider: IdentityProvider
) -> None:
    provider.heads = {"x-realm": "soins", "x5c": ["A" * 2_000]}
    assert comes_back(browser, provider).status_code == 303

    provider.heads = {"x-realm": "soins", "crit": ["x-realm"]}
    assert comes_back(browser, provider).status_code == 502


def test_keys_that_changed_are_asked_for_again(
    browser: Browser, provider: IdentityProvider
) -> None:
    comes_back(browser, provider)
    provider.key = a_key("second")

    assert comes_back(browser, provider).status_code == 303
    assert comes_back(browser, provider).status_code == 303
    assert [path for path in provider.asked if path.endswith("/keys")] == [
        "/realms/soins/keys",
        "/realms/soins/keys",
    ]


@pytest.mark.parametrize("signs", [False, True])
def test_claims_that_the_id_token_lacks_come_from_userinfo(
    an_app: Callable[..., FastAPI], provider: IdentityProvider, database: Database, signs: bool
) -> None:
    browser = Browser(an_app(name_claim="SubjectNameID"))
    provider.claims.pop("preferred_username")
    provider.more = {"SubjectNameID": "899700218896"}
    provider.signs_userinfo = signs

    assert comes_back(browser, provider).status_code == 303
    (made,) = Accounts(database).accounts()
    assert made.name == "899700218896"


def test_userinfo_about_another_person_or_signed_by_another_is_refused(
    an_app: Callable[..., FastAPI], provider: IdentityProvider
) -> None:
    browser = Browser(an_app(userinfo="always"))
    provider.more = {"sub": "another"}
    assert comes_back(browser, provider).status_code == 502

    provider.more, provider.signs_userinfo = {"iss": "https://evil.example.org"}, True
    assert comes_back(browser, provider).status_code == 502
    provider.more = {"aud": "another"}
    assert comes_back(browser, provider).status_code == 502
    provider.more = {}
    assert comes_back(browser, provider).status_code == 303


def test_what_a_person_proved_too_little_by_is_refused(
    an_app: Callable[..., FastAPI], provider: IdentityProvider
) -> None:
    browser = Browser(
        an_app(acr_values="eidas1", acr="eidas1 eidas2", amr="otp hwk", userinfo="always")
    )
    assert sent_to(browser)["acr_values"] == "eidas1"

    provider.claims |= {"amr": ["otp"]}
    provider.more = {"acr": "eidas1"}  # userinfo says nothing of how a person was proved
    assert comes_back(browser, provider).status_code == 403
    provider.claims |= {"acr": "eidas0"}
    assert comes_back(browser, provider).status_code == 403
    provider.claims |= {"acr": "eidas2", "amr": ["pwd"]}
    assert comes_back(browser, provider).status_code == 403
    provider.claims |= {"amr": ["pwd", "otp"]}
    assert comes_back(browser, provider).status_code == 303
