"""Signing in by an identity provider: a real one on loopback, over TLS, and what may go wrong."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from fakes.browser import ORIGIN, PASSWORD, Browser, app_code, set_up
from fakes.identity_provider import CLIENT, IdentityProvider, a_key, identity_provider
from fakes.stored import NOW, opened_store
from metric_pages import pages_of
from vigie_server.bootstrap_codes import invite
from vigie_server.bootstrap_people import access_to, people_routes
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.ports.declaring import Act
from vigie_server.ports.lists import ActsWanted
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.tokens import Role
from vigie_server.services.app_secrets import AppSecrets
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import HttpSettings, ServerSettings, SignInSettings
from vigie_server.settings_oidc import OidcSettings
from vigie_server.store.accounts import Accounts
from vigie_server.store.audit_trail import Acts
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.fleet import Fleet
from vigie_server.store.links import Links
from vigie_server.store.tokens import Tokens
from vigie_server.web.app import create_app

NAME = "Anaïs Durand"
SECRETS = AppSecrets(b"k" * 32)
ADMINS = {"claim": "realm_access.roles", "value": "vigie-admin", "role": "admin"}
AUDITORS = {"claim": "groups", "value": "audit", "role": "auditor", "sites_claim": "sites"}
ACT = Act("test", NOW)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(tmp_path: Path, clock: Clock) -> Iterator[IdentityProvider]:
    """Its person is an administrator by a role."""
    with identity_provider(tmp_path, clock) as serving:
        serving.claims = {
            "preferred_username": NAME,
            "realm_access": {"roles": ["vigie-admin"]},
        }
        yield serving


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store that the migrations have made, once for all tests."""
    folder = tmp_path_factory.mktemp("store")
    with opened_store("sqlite", folder):
        pass
    return folder / "vigie.db"


@pytest.fixture
def database(empty_store: Path, tmp_path: Path) -> Iterator[Database]:
    copy = Path(shutil.copy(empty_store, tmp_path / "vigie.db"))
    opened = Database(sqlite_url(copy))
    yield opened
    opened.close()


@pytest.fixture
def an_app(database: Database, clock: Clock, provider: IdentityProvider) -> Callable[..., FastAPI]:
    """Makes an application over the store; its arguments are settings of the provider."""

    def made(*, refusals: float = 1000, origin: str = ORIGIN, **changes: object) -> FastAPI:
        oidc: dict[str, object] = {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret_file": provider.secret_file,
            "authorities": provider.authorities,
            "grants": [ADMINS, AUDITORS],
            "ask_again": 0,
            "attempts_at_once": 1000,
        }
        settings = ServerSettings(
            http=HttpSettings(origin=origin),
            sign_in=SignInSettings(attempts_at_once=refusals),
            oidc=OidcSettings.model_validate(oidc | changes),
        )
        app = create_app(
            reader=Fleet(database, {}),
            tokens=KnowCallers(Tokens(database)),
            fleet=pages_of(()),
            own=CollectorRegistry(),
            now=clock,
            version="0.0.0",
        )
        access = access_to(settings, database, clock)
        for routes in people_routes(settings, database, clock, SECRETS):
            app.include_router(routes(access))
        return app

    return made


@pytest.fixture
def browser(an_app: Callable[..., FastAPI]) -> Browser:
    return Browser(an_app())


def sent_to(browser: Browser, goes_to: str = "/account") -> dict[str, str]:
    """What our link asks the provider for."""
    answer = browser.get("/sign-in/provider", params={"next": goes_to})
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def comes_back(browser: Browser, provider: IdentityProvider, **changes: str) -> Any:
    """The answer to a browser that went to the provider and is sent back; `changes` to how."""
    back = urlsplit(provider.authorized(sent_to(browser)))
    assert f"{back.scheme}://{back.netloc}" == ORIGIN
    return browser.get(back.path, params=dict(parse_qsl(back.query)) | changes)


def is_in(browser: Browser) -> bool:
    return bool(browser.get("/account").status_code == 200)


def acts(database: Database) -> list[tuple[str, str, str]]:
    page = Acts(database).acts(ActsWanted(None, None, None, None, "at"), after=None, limit=1000)
    return [(act.actor, act.action, act.subject) for act in page.items]


def test_who_has_a_right_by_claims_signs_in_and_is_an_account_from_then_on(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    shown = browser.get("/sign-in?next=/account").text
    asked = sent_to(browser)

    answer = comes_back(browser, provider)

    assert 'href="/sign-in/provider?next=%2Faccount"' in shown
    assert "Sign in with the organisation&#39;s account" in shown
    assert asked["redirect_uri"] == f"{ORIGIN}/sign-in/provider/return"
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    page = browser.get("/account").text
    assert NAME in page
    assert "Change the password" not in page
    (made,) = Accounts(database).accounts()
    assert (made.name, made.role, made.sites, made.language) == (NAME, Role.ADMIN, None, "en")
    assert acts(database) == [
        ("server", "made an account by claims: admin", NAME),
        (f"account:{NAME}", "signed in by the identity provider", NAME),
    ]
    assert "__Host-vigie-way" not in browser.cookies


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


def test_a_provider_that_is_silent_is_waited_for_a_bounded_time(
    an_app: Callable[..., FastAPI], provider: IdentityProvider
) -> None:
    browser, provider.silent = Browser(an_app(within=0.2)), True

    answer = browser.get("/sign-in/provider")

    assert answer.status_code == 503
    assert "does not answer" in answer.text
    provider.silent = False
    assert comes_back(browser, provider).status_code == 303


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


def test_a_person_without_the_claim_of_the_name_gets_no_account(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    provider.claims["preferred_username"] = "x\u202ey"

    answer = comes_back(browser, provider)

    assert answer.status_code == 403
    assert "does not tell the name" in answer.text
    assert Accounts(database).accounts() == []


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


def test_rights_follow_the_claims_at_each_sign_in_and_end_with_them(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    comes_back(browser, provider)
    provider.claims["realm_access"] = {"roles": []}
    provider.claims |= {"groups": ["audit"], "sites": ["Les Tilleuls", "Les Lilas"]}
    comes_back(browser, provider)
    (narrowed,) = Accounts(database).accounts()
    assert (narrowed.role, narrowed.sites) == (
        Role.AUDITOR,
        frozenset({"Les Tilleuls", "Les Lilas"}),
    )
    assert is_in(browser)

    provider.claims["sites"] = []
    answer = comes_back(browser, provider)

    assert answer.status_code == 403
    assert "you have no rights in Vigie" in answer.text
    assert not is_in(browser)
    assert acts(database)[-3:] == [
        ("server", "changed an account by claims: admin to auditor, other sites", NAME),
        (f"account:{NAME}", "signed in by the identity provider", NAME),
        ("server", "refused a sign-in by the identity provider: no_right", provider.subject),
    ]


def test_an_account_that_is_locked_is_out_at_once_and_stays_out(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    comes_back(browser, provider)

    Accounts(database).lock(NAME, ACT, locked=True)

    assert not is_in(browser)
    answer = comes_back(browser, provider)
    assert (answer.status_code, "account is locked" in answer.text) == (403, True)
    Accounts(database).lock(NAME, ACT, locked=False)
    assert comes_back(browser, provider).status_code == 303


def an_invited(database: Database, issuer: str, claim: str, value: str) -> Account:
    made = Account("1", "Paul", Role.OPERATOR, frozenset({"Les Lilas"}), "fr", INVITED, NOW)
    Accounts(database).add(made, ACT)
    Links(database).link("paul", issuer, claim, value, ACT)
    return made


INVITED = AccountState.INVITED


def test_who_was_invited_keeps_the_rights_that_an_administrator_gave(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    an_invited(database, provider.issuer, "sub", provider.subject)

    assert comes_back(browser, provider).status_code == 303

    (held,) = Accounts(database).accounts()
    assert (held.name, held.role, held.sites) == (
        "Paul",
        Role.OPERATOR,
        frozenset({"Les Lilas"}),
    )


def test_who_was_invited_by_a_national_identifier_signs_in_as_pro_sante_connect_has_it(
    an_app: Callable[..., FastAPI], provider: IdentityProvider, database: Database
) -> None:
    provider.describes_at = "wallet-openid-configuration"
    provider.claims = {"acr": "eidas2"}
    provider.more = {"SubjectNameID": "899700218896"}
    provider.signs_userinfo = True
    browser = Browser(
        an_app(
            discovery=f"{provider.issuer}/.well-known/wallet-openid-configuration",
            scopes="openid scope_all",
            acr_values="eidas1",
            acr="eidas1 eidas2 eidas3",
            invited_by="SubjectNameID",
            name_claim="SubjectNameID",
            userinfo="always",
            grants=[],
        )
    )
    an_invited(database, provider.issuer, "SubjectNameID", "899700218896")

    assert comes_back(browser, provider).status_code == 303
    assert Links(database).links("Paul") == [(provider.issuer, "sub", provider.subject)]
    # An invitation is for the first who comes.
    provider.subject = "another"
    assert comes_back(browser, provider).status_code == 403


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


def test_an_emergency_account_that_is_missing_is_told_at_the_start(
    an_app: Callable[..., FastAPI],
) -> None:
    with capture_logs() as logs:
        an_app(only=True, break_glass="Urgence")

    assert [log["event"] for log in logs] == ["break_glass_account_missing"]


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


def test_nobody_gets_into_an_account_by_having_its_name(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    Accounts(database).add(Account("1", NAME, Role.AUDITOR, None, "fr", INVITED, NOW), ACT)

    answer = comes_back(browser, provider)

    assert answer.status_code == 403
    assert "Another account has your name" in answer.text
    assert not is_in(browser)


def test_who_signs_out_is_led_to_the_provider_with_what_it_knows_them_by(
    browser: Browser, provider: IdentityProvider
) -> None:
    comes_back(browser, provider)

    answer = browser.post("/sign-out", data={"csrf": browser.csrf()})

    assert not is_in(browser)
    found = re.search(r'content="0; url=([^"]+)"', answer.text)
    assert found is not None
    leads = urlsplit(unescape(found[1]))
    assert f"{leads.scheme}://{leads.netloc}{leads.path}" == f"{provider.issuer}/logout"
    asked = parse_qs(leads.query)
    assert asked["post_logout_redirect_uri"] == [f"{ORIGIN}/sign-in"]
    assert len(asked["id_token_hint"][0].split(".")) == 3


def test_who_signs_out_of_a_provider_without_such_a_page_is_out_here(
    browser: Browser, provider: IdentityProvider
) -> None:
    provider.described = {"end_session_endpoint": None}
    comes_back(browser, provider)

    answer = browser.post("/sign-out", data={"csrf": browser.csrf()})

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def test_passwords_can_be_left_to_one_account_for_emergencies(
    an_app: Callable[..., FastAPI], database: Database, clock: Clock
) -> None:
    settings = ServerSettings()
    for name in ("Urgence", "Paul"):
        Accounts(database).add(Account(name, name, Role.ADMIN, None, "en", INVITED, NOW), ACT)
    codes = {name: invite(settings, database)(name, ACT) for name in ("Urgence", "Paul")}
    before = Browser(an_app())
    secrets = {name: set_up(before, codes[name], name, now=clock())[0] for name in codes}
    clock.now += timedelta(minutes=2)

    app = an_app(only=True, break_glass="URGENCE")

    tried = {
        name: Browser(app).post(
            "/sign-in",
            data={"name": name, "password": PASSWORD, "code": app_code(secret, clock())},
        )
        for name, secret in secrets.items()
    }
    assert {name: answer.status_code for name, answer in tried.items()} == {
        "Urgence": 303,
        "Paul": 401,
    }
    again = {"code": invite(settings, database)("Paul", ACT), "password": PASSWORD}
    refused = Browser(app).post("/setup/password", data=again | {"again": PASSWORD})
    assert refused.status_code == 422
    assert "the emergency account alone has a password" in refused.text


def test_one_address_neither_has_the_provider_asked_nor_the_audit_filled_without_end(
    an_app: Callable[..., FastAPI], database: Database
) -> None:
    asking = Browser(an_app(attempts_at_once=2))
    assert [asking.get("/sign-in/provider").status_code for _ in range(3)] == [303, 303, 429]

    failing = Browser(an_app(refusals=2))
    back = "/sign-in/provider/return"
    assert [failing.get(back).status_code for _ in range(3)] == [400, 400, 429]
    assert len(acts(database)) == 2
