"""The way to an identity provider and back, and the provider at its end."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from structlog.testing import capture_logs

from fakes.browser import ORIGIN, Browser
from fakes.identity_provider import IdentityProvider
from fakes.provider_visits import Clock, acts, comes_back, is_in, sent_to
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.services.app_secrets import AppSecrets
from vigie_server.store.accounts import SESSION
from vigie_server.store.app_secrets import HeldAppSecrets
from vigie_server.store.database import Database


def test_a_way_leads_to_our_own_pages_alone(browser: Browser, provider: IdentityProvider) -> None:
    back = urlsplit(provider.authorized(sent_to(browser, "//evil.example.org/")))

    answer = browser.get(back.path, params=dict(parse_qsl(back.query)))

    assert answer.headers["location"] == "/console"


def test_an_answer_to_another_request_or_of_another_provider_is_none(
    browser: Browser, provider: IdentityProvider
) -> None:
    for changes in ({"state": "0" * 64}, {"state": ""}, {"iss": "https://evil.example.org"}):
        answer = comes_back(browser, provider, **changes)

        assert answer.status_code == 400, changes
        assert "Start again from the sign-in page" in answer.text
    assert not is_in(browser)
    assert not any(path.endswith("/token") for path in provider.asked)


def test_an_answer_counts_in_the_browser_that_asked_and_once(
    browser: Browser, an_app: Callable[..., FastAPI], provider: IdentityProvider
) -> None:
    victim, back = Browser(an_app()), provider.authorized(sent_to(browser))

    assert victim.get(back).status_code == 400
    sent_to(victim)
    assert victim.get(back).status_code == 400
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 400


def test_a_code_that_was_used_gives_nothing(browser: Browser, provider: IdentityProvider) -> None:
    back = provider.authorized(sent_to(browser))
    way = browser.cookies["__Host-vigie-way"]
    browser.get(back)
    browser.cookies.clear()
    browser.cookies.set("__Host-vigie-way", way)

    answer = browser.get(back)

    assert answer.status_code == 502
    assert not is_in(browser)


def test_a_way_ends_after_a_while(
    browser: Browser, provider: IdentityProvider, clock: Clock
) -> None:
    back = provider.authorized(sent_to(browser))
    clock.now += timedelta(minutes=10)

    assert browser.get(back).status_code == 400


def test_a_provider_that_is_silent_is_waited_for_a_bounded_time(
    an_app: Callable[..., FastAPI], provider: IdentityProvider
) -> None:
    browser, provider.silent = Browser(an_app(within=1)), True

    answer = browser.get("/sign-in/provider")

    assert answer.status_code == 503
    assert "does not answer" in answer.text
    provider.silent = False
    # A loaded machine may not answer in that time either: the pages are asked for again.
    while browser.get("/sign-in/provider").status_code == 503:
        """It does not answer yet."""
    while (answer := comes_back(browser, provider)).status_code == 503:
        """It does not tell who came yet."""
    assert answer.status_code == 303


def test_a_provider_that_failed_is_not_asked_again_at_once(
    an_app: Callable[..., FastAPI], provider: IdentityProvider
) -> None:
    browser, provider.described = Browser(an_app(ask_again=60)), {"issuer": "https://other"}

    assert [browser.get("/sign-in/provider").status_code for _ in range(3)] == [502] * 3
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("path", "bodies"),
    [
        ("openid-configuration", (b"<html>maintenance</html>", b"{}")),
        ("keys", (b'{"keys": {}}', b'{"keys": [{"kty": "RSA"}, 7]}')),
        (
            "token",
            (
                b'{"access_token": "a", "token_type": "Bearer"}',
                b'{"access_token": "a", "token_type": "mac", "id_token": "a.b.c"}',
                b'{"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c"}',
                b"[" * 100_000,
            ),
        ),
    ],
    ids=("description", "keys", "token"),
)
def test_what_a_provider_answers_wrongly_is_told_as_a_page(
    browser: Browser, provider: IdentityProvider, path: str, bodies: tuple[bytes, ...]
) -> None:
    for body in bodies:
        provider.answers.clear()
        begun = provider.authorized(sent_to(browser)) if path != "openid-configuration" else ""
        provider.answers[path] = body

        answer = browser.get(begun or "/sign-in/provider")

        assert answer.status_code == 502, body[:60]
        assert "Back to the sign-in page" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_description_that_is_not_safe_to_follow_is_refused(
    browser: Browser, provider: IdentityProvider
) -> None:
    unfit: list[dict[str, Any]] = [
        {"token_endpoint": "http://localhost/token"},
        {"jwks_uri": None},
        {"response_types_supported": ["id_token"]},
        {"code_challenge_methods_supported": ["plain"]},
    ]
    for provider.described in unfit:
        assert browser.get("/sign-in/provider").status_code == 502, provider.described

    provider.described = {}
    assert browser.get("/sign-in/provider").status_code == 303


def test_an_answer_that_is_too_long_is_not_read_to_its_end(
    browser: Browser, provider: IdentityProvider
) -> None:
    described = json.dumps(provider.description()).encode()
    provider.answers["openid-configuration"] = described.ljust(256 * 1024 + 1)
    assert browser.get("/sign-in/provider").status_code == 502

    provider.answers["openid-configuration"] = described.ljust(256 * 1024)
    assert browser.get("/sign-in/provider").status_code == 303


def test_who_gives_up_is_told_what_to_do(
    an_app: Callable[..., FastAPI], provider: IdentityProvider
) -> None:
    browser, provider.says_no = Browser(an_app(), language="fr"), "access_denied"

    answer = comes_back(browser, provider)

    assert answer.status_code == 403
    assert "n&#39;a pas confirmé votre identité" in answer.text


@pytest.mark.parametrize("how", ["client_secret_post", "none"])
def test_a_client_proves_itself_as_the_provider_wants(
    an_app: Callable[..., FastAPI], provider: IdentityProvider, how: str
) -> None:
    provider.described = {"token_endpoint_auth_methods_supported": [how]}
    provider.wants_secret = how != "none"
    browser = Browser(an_app(**({} if provider.wants_secret else {"client_secret_file": None})))

    assert comes_back(browser, provider).status_code == 303


def test_a_secret_that_is_wrong_is_told_in_the_log(
    browser: Browser, provider: IdentityProvider
) -> None:
    provider.secret_file.write_text("another")

    with capture_logs() as logs:
        answer = comes_back(browser, provider)

    assert answer.status_code == 502
    assert logs[-1]["why"] == "the token endpoint: answered 401, 'invalid_client'"


def test_what_is_set_wrongly_keeps_the_server_from_starting(
    an_app: Callable[..., FastAPI], provider: IdentityProvider, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    for changes, told in (
        ({"origin": ""}, "HTTP__ORIGIN"),
        ({"client_secret_file": tmp_path / "absent"}, "CLIENT_SECRET_FILE: absent cannot be read"),
        ({"client_secret_file": tmp_path / "empty"}, "CLIENT_SECRET_FILE: empty is empty"),
        ({"authorities": provider.secret_file}, "OIDC__AUTHORITIES"),
    ):
        with pytest.raises(SettingsMalformed, match=told):
            an_app(**changes)


def test_one_address_neither_has_the_provider_asked_nor_the_audit_filled_without_end(
    an_app: Callable[..., FastAPI], database: Database
) -> None:
    asking = Browser(an_app(attempts_at_once=2))
    assert [asking.get("/sign-in/provider").status_code for _ in range(3)] == [303, 303, 429]

    failing = Browser(an_app(refusals=2))
    back = "/sign-in/provider/return"
    assert [failing.get(back).status_code for _ in range(3)] == [400, 400, 429]
    assert len(acts(database)) == 2


def test_who_signs_out_is_led_to_the_provider_with_what_it_knows_them_by(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    comes_back(browser, provider)
    with database.reading() as connection:
        kept = connection.execute(select(SESSION.c.id_token)).scalar_one()

    answer = browser.post("/sign-out", data={"csrf": browser.csrf()})

    assert not is_in(browser)
    found = re.search(r'content="0; url=([^"]+)"', answer.text)
    assert found is not None
    leads = urlsplit(unescape(found[1]))
    assert f"{leads.scheme}://{leads.netloc}{leads.path}" == f"{provider.issuer}/logout"
    asked = parse_qs(leads.query)
    assert asked["post_logout_redirect_uri"] == [f"{ORIGIN}/sign-in"]
    (shown,) = asked["id_token_hint"]
    assert len(shown.split(".")) == 3
    assert kept.startswith("sealed1:")
    assert shown not in kept


def test_an_id_token_sealed_under_another_authority_ends_the_session_here_alone(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    comes_back(browser, provider)
    with database.writing() as connection:
        other = AppSecrets(b"o" * 32).sealed("a.b.c", of="ID token")
        connection.execute(update(SESSION).values(id_token=other))

    answer = browser.post("/sign-out", data={"csrf": browser.csrf()})

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert not is_in(browser)


def test_id_tokens_that_an_older_version_kept_in_clear_are_gone_from_the_file(
    browser: Browser, provider: IdentityProvider, database: Database, tmp_path: Path
) -> None:
    comes_back(browser, provider)
    with database.writing() as connection:
        connection.execute(update(SESSION).values(id_token="plain.token.of-before"))

    dropped = [HeldAppSecrets(database).drop_plain_id_tokens() for _ in range(2)]

    assert dropped == [1, 0]
    in_files = b"".join(file.read_bytes() for file in tmp_path.glob("vigie.db*"))
    assert b"plain.token.of-before" not in in_files


def test_who_signs_out_of_a_provider_without_such_a_page_is_out_here(
    browser: Browser, provider: IdentityProvider
) -> None:
    provider.described = {"end_session_endpoint": None}
    comes_back(browser, provider)

    answer = browser.post("/sign-out", data={"csrf": browser.csrf()})

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
