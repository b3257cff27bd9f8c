"""Who comes in by an identity provider, as which account, with which rights."""

from collections.abc import Callable
from datetime import timedelta

from fastapi import FastAPI
from structlog.testing import capture_logs

from fakes.browser import ORIGIN, PASSWORD, Browser, app_code, set_up
from fakes.identity_provider import IdentityProvider
from fakes.provider_visits import NAME, Clock, acts, comes_back, is_in, sent_to
from fakes.stored import NOW
from vigie_server.bootstrap.codes import invite
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.tokens import Role
from vigie_server.settings import ServerSettings
from vigie_server.store.accounts import Accounts
from vigie_server.store.database import Database
from vigie_server.store.links import Links

ACT = Act("test", NOW)
INVITED = AccountState.INVITED


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


def test_a_person_without_the_claim_of_the_name_gets_no_account(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    provider.claims["preferred_username"] = "x\u202ey"

    answer = comes_back(browser, provider)

    assert answer.status_code == 403
    assert "does not tell the name" in answer.text
    assert Accounts(database).accounts() == []


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


def test_nobody_gets_into_an_account_by_having_its_name(
    browser: Browser, provider: IdentityProvider, database: Database
) -> None:
    Accounts(database).add(Account("1", NAME, Role.AUDITOR, None, "fr", INVITED, NOW), ACT)

    answer = comes_back(browser, provider)

    assert answer.status_code == 403
    assert "Another account has your name" in answer.text
    assert not is_in(browser)


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


def test_an_emergency_account_that_is_missing_is_told_at_the_start(
    an_app: Callable[..., FastAPI],
) -> None:
    with capture_logs() as logs:
        an_app(only=True, break_glass="Urgence")

    assert [log["event"] for log in logs] == ["break_glass_account_missing"]
