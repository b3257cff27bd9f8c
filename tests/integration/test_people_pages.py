"""How people come in: the setup, signing in and out, and what a session may do."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from fakes.browser import PASSWORD, Browser, app_code, set_up
from fakes.stored import NOW, SITE, a_device, a_token, opened_store
from metric_pages import pages_of
from vigie_server.bootstrap.attesting import attesting_routes
from vigie_server.bootstrap.codes import invite
from vigie_server.bootstrap.lists import fleet_routes
from vigie_server.bootstrap.people import access_to, people_routes
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.account_terms import AccountTerms
from vigie_server.ports.declaring import Act
from vigie_server.ports.lists import ActsWanted
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.tokens import Role
from vigie_server.services.app_secrets import AppSecrets
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import DeclareSettings, HttpSettings, ServerSettings, SignInSettings
from vigie_server.store.accounts import Accounts
from vigie_server.store.audit_trail import Acts
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.fleet import Fleet
from vigie_server.store.tokens import Tokens
from vigie_server.web.app import create_app

OTHER = "Les Lilas"
NAME = "Anaïs Durand"
SECRETS = AppSecrets(b"k" * 32)
SETTINGS = ServerSettings(sign_in=SignInSettings(attempts_at_once=1000))


the_catalogue = cache(bundled_catalogue)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A device `a` at Les Tilleuls, `b` at Les Lilas."""
    with opened_store("sqlite", tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        a_device(opened, "a")
        a_device(opened, "b", secret_hash=b"o" * 32, serial="PF-2")
        yield opened


def an_app(database: Database, clock: Clock, settings: ServerSettings = SETTINGS) -> FastAPI:
    catalogue = the_catalogue()
    made = create_app(
        reader=Fleet(database, {}),
        tokens=KnowCallers(Tokens(database)),
        fleet=pages_of(()),
        own=CollectorRegistry(),
        now=clock,
        version="0.0.0",
    )
    access = access_to(settings, database, clock)
    for routes in (
        *people_routes(settings, database, clock, SECRETS),
        *fleet_routes(database, catalogue, Fleet(database, {}), clock),
        *attesting_routes(database, catalogue, DeclareSettings(), clock),
    ):
        made.include_router(routes(access))
    return made


@pytest.fixture
def app(database: Database, clock: Clock) -> FastAPI:
    return an_app(database, clock)


def a_code(database: Database, clock: Clock, account: str | None = None) -> str:
    return invite(SETTINGS, database)(account, Act("test", clock()))


def an_account(
    app: FastAPI, database: Database, clock: Clock, role: Role = Role.ADMIN, *sites: str
) -> tuple[Browser, str, list[str]]:
    """A browser that is signed in, the app's secret and the recovery codes."""
    made = Account(NAME, NAME, role, frozenset(sites) or None, "en", AccountState.INVITED, clock())
    Accounts(database).add(made, Act("test", clock()))
    browser = Browser(app)
    secret, codes = set_up(browser, a_code(database, clock, NAME), NAME, now=clock())
    return browser, secret, codes


def sign_in(browser: Browser, code: str, **other: str) -> int:
    given = {"name": NAME, "password": PASSWORD, "code": code, **other}
    return int(browser.post("/sign-in", data=given).status_code)


def acts(database: Database) -> list[tuple[str, str, str]]:
    page = Acts(database).acts(ActsWanted(None, None, None, None, "at"), after=None, limit=1000)
    return [(act.actor, act.action, act.subject) for act in page.items]


def test_the_first_administrator_sets_an_account_up_with_a_code_that_works_once(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    browser, code = Browser(app), a_code(database, clock)

    _, codes = set_up(browser, code, "Root", now=clock())

    assert len(set(codes)) == 10
    assert browser.get("/api/v1/audit").status_code == 200
    (made,) = Accounts(database).accounts()
    assert (made.name, made.role, made.sites, made.language) == ("Root", Role.ADMIN, None, "en")
    assert Browser(app).post("/setup", data={"code": code}).status_code == 401


def test_a_setup_code_is_over_after_thirty_minutes(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    code = a_code(database, clock)
    clock.later(minutes=30)

    assert Browser(app).post("/setup", data={"code": code}).status_code == 401


def test_a_setup_left_before_the_apps_first_code_leaves_no_account(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    browser, code = Browser(app), a_code(database, clock)
    chosen = {"code": code, "name": "Root", "password": PASSWORD, "again": PASSWORD}
    browser.post("/setup/password", data=chosen)

    wrong = browser.post("/setup/app", data={"code": code, "app_code": "000000"})

    assert wrong.status_code == 422
    assert Accounts(database).accounts() == []
    assert set_up(Browser(app), code, "Root", now=clock())


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("onze-lettre", "12 characters at least"),
        ("motdepasse2026!", "too easily guessed"),
        ("P@ssw0rd12345", "too easily guessed"),
        ("azertyuiop123456", "too easily guessed"),
        ("anais durand 1990", "too easily guessed"),
        ("4815162342481516", "too easily guessed"),
    ],
)
def test_a_weak_password_is_refused_with_what_to_do(
    app: FastAPI, database: Database, clock: Clock, password: str, told: str
) -> None:
    code = a_code(database, clock)
    chosen = {"code": code, "name": "Anais Durand", "password": password, "again": password}

    answer = Browser(app).post("/setup/password", data=chosen)

    assert answer.status_code == 422
    assert told in answer.text
    assert password not in answer.text


def fields_of(page: str) -> dict[str, tuple[bool, list[str], bool]]:
    """Of each field: whether it is wrong, what describes it, whether the cursor stands there."""
    texts = dict(re.findall(r'<p class="[^"]*" id="([\w-]+)"[^>]*>([^<]+)</p>', page))
    return {
        name: (
            'aria-invalid="true"' in attributes,
            [texts[one] for by in re.findall(r'aria-describedby="([^"]+)"', attributes)
             for one in by.split()],
            attributes.endswith("autofocus"),
        )
        for name, attributes in re.findall(r'<input id="\w+" name="(\w+)"([^>]*)>', page)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("other", "field", "told"),
    [
        ({"name": "A"}, "name", "A name has 2 to 64 characters."),
        ({"password": "court"}, "password", "A password has 12 characters at least."),
        ({"again": "another one altogether"}, "again", "The two passwords differ."),
    ],
)
def test_what_is_wrong_at_the_setup_stands_beside_its_field(
    app: FastAPI, database: Database, clock: Clock, other: dict[str, str], field: str, told: str
) -> None:
    chosen = {"name": "Root", "password": PASSWORD, "again": PASSWORD} | other
    if "password" in other:
        chosen["again"] = other["password"]

    page = Browser(app).post("/setup/password", data=chosen | {"code": a_code(database, clock)})

    fields = fields_of(page.text)
    assert {name for name, (wrong, _, _) in fields.items() if wrong} == {field}
    assert fields[field][1][0] == told
    assert {name for name, (_, _, first) in fields.items() if first} == {field}
    assert page.text.count(told) == 1
    assert "<title>Error: " in page.text


def test_a_wrong_code_stands_beside_its_field(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    code, browser = a_code(database, clock), Browser(app)
    chosen = {"code": code, "name": "Root", "password": PASSWORD, "again": PASSWORD}
    browser.post("/setup/password", data=chosen)

    app_code_page = browser.post("/setup/app", data={"code": code, "app_code": "000000"}).text
    setup_page = browser.post("/setup", data={"code": "AAAA"}).text

    assert fields_of(app_code_page)["app_code"][0]
    wrong, told, first = fields_of(setup_page)["code"]
    assert (wrong, len(told), first) == (True, 2, True)


def test_a_refused_sign_in_points_at_no_field_alone_and_keeps_the_name(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    an_account(app, database, clock)
    given = {"name": "Anaïs <D>", "password": PASSWORD, "code": "000000"}

    page = Browser(app).post("/sign-in", data=given).text

    assert fields_of(page) == {
        "name": (True, ["Name, password or code are not right."], True),
        "password": (True, ["Name, password or code are not right."], False),
        "code": (True, ["Name, password or code are not right."], False),
    }
    assert 'value="Anaïs &lt;D&gt;"' in page


def test_who_signed_out_is_signed_in_again_by_password_and_code(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    browser, secret, _ = an_account(app, database, clock)
    browser.post("/sign-out", data={"csrf": browser.csrf()})
    assert browser.get("/account").status_code == 303
    clock.later(seconds=60)

    assert sign_in(browser, app_code(secret, clock())) == 303

    assert NAME in browser.get("/account").text
    assert acts(database)[-2:] == [
        (f"account:{NAME}", "signed out", NAME),
        (f"account:{NAME}", "signed in", NAME),
    ]


def test_a_code_of_the_app_signs_in_once(app: FastAPI, database: Database, clock: Clock) -> None:
    _, secret, _ = an_account(app, database, clock)
    clock.later(seconds=60)
    code = app_code(secret, clock())

    answers = [sign_in(Browser(app), code), sign_in(Browser(app), code)]

    assert answers == [303, 401]


def test_a_recovery_code_signs_in_once_however_it_is_typed(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    _, _, codes = an_account(app, database, clock)

    answers = [
        sign_in(Browser(app), codes[3].lower().replace("-", " ")),
        sign_in(Browser(app), codes[3]),
        sign_in(Browser(app), codes[4]),
    ]

    assert answers == [303, 401, 303]


def test_what_is_wrong_is_not_told_and_secrets_are_kept_nowhere(
    app: FastAPI, database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    _, secret, codes = an_account(app, database, clock)
    clock.later(seconds=60)
    right = app_code(secret, clock())

    texts = [
        Browser(app).post("/sign-in", data=given).text
        for given in (
            {"name": NAME, "password": "not the password at all", "code": right},
            {"name": NAME, "password": PASSWORD, "code": "000000"},
            {"name": "nobody of that name", "password": PASSWORD, "code": right},
            {"name": NAME, "password": PASSWORD},
        )
    ]

    alike = {re.sub(r'value="(Anaïs Durand|nobody of that name)"', "", text) for text in texts}
    assert len(alike) == 1
    with database.reading() as connection:
        dump = "\n".join(connection.connection.iterdump())
    kept = [PASSWORD, right, secret, codes[0], codes[0].replace("-", ""), "nobody of that name"]
    assert [one for one in kept if one in dump or one in caplog.text] == []
    assert [subject for _, action, subject in acts(database) if "refused" in action] == [
        NAME,
        NAME,
        "an unknown name",
        NAME,
    ]


@pytest.mark.parametrize("name", [NAME, "nobody"])
def test_a_name_rests_longer_and_longer_whether_it_is_known_or_not(
    app: FastAPI, database: Database, clock: Clock, name: str
) -> None:
    an_account(app, database, clock)
    browser = Browser(app)

    first = [sign_in(browser, "000000", name=name) for _ in range(6)]
    clock.later(seconds=60)
    second = [sign_in(browser, "000000", name=name.upper()) for _ in range(2)]
    clock.later(seconds=60)
    third = browser.post("/sign-in", data={"name": name, "password": "x", "code": "0"})

    assert first == [401] * 5 + [429]
    assert second == [401, 429]
    assert third.status_code == 429
    assert third.headers["retry-after"] == "60"


def test_an_address_that_tries_too_often_is_made_to_wait(database: Database, clock: Clock) -> None:
    settings = ServerSettings(sign_in=SignInSettings(attempts_at_once=3, attempts_per_minute=1))
    browser = Browser(an_app(database, clock, settings))

    answers = [sign_in(browser, "0", name=f"name {number}") for number in range(4)]

    assert answers == [401, 401, 401, 429]


def test_a_session_ends_after_an_idle_hour_and_after_twelve_hours(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    idle, secret, _ = an_account(app, database, clock)
    clock.later(seconds=60)
    busy = Browser(app)
    sign_in(busy, app_code(secret, clock()))

    seen = []
    for _ in range(24):
        clock.later(minutes=30)
        seen.append(busy.get("/account").status_code)

    assert seen == [200] * 23 + [303]
    assert idle.get("/account").status_code == 303


def test_a_session_is_known_to_every_process_and_ended_on_all_at_once(
    app: FastAPI, database: Database, clock: Clock, tmp_path: Path
) -> None:
    browser, _, _ = an_account(app, database, clock)
    another = Database(sqlite_url(tmp_path / "vigie.db"))
    beside = Browser(an_app(another, clock))
    beside.cookies.update(browser.cookies)

    before = beside.get("/account").status_code
    Accounts(database).lock(NAME, Act("test", clock()), locked=True)
    after = beside.get("/account").status_code

    another.close()
    assert (before, after) == (200, 303)


def test_a_locked_account_does_not_sign_in_until_it_is_unlocked(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    _, secret, _ = an_account(app, database, clock)
    Accounts(database).lock(NAME, Act("test", clock()), locked=True)
    clock.later(seconds=60)
    locked = sign_in(Browser(app), app_code(secret, clock()))
    Accounts(database).lock(NAME, Act("test", clock()), locked=False)

    assert (locked, sign_in(Browser(app), app_code(secret, clock()))) == (401, 303)


def test_a_reset_forgets_the_password_the_app_and_every_session(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    browser, secret, codes = an_account(app, database, clock)
    Accounts(database).reset(NAME, Act("test", clock()))
    clock.later(seconds=60)

    assert browser.get("/account").status_code == 303
    assert sign_in(Browser(app), app_code(secret, clock())) == 401
    assert sign_in(Browser(app), codes[0]) == 401
    assert set_up(Browser(app), a_code(database, clock, NAME), "another name", now=clock())
    assert [held.name for held in Accounts(database).accounts()] == [NAME]


def test_the_cookie_is_of_this_host_alone_and_no_script_reads_it(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    _, _, codes = an_account(app, database, clock)

    answer = Browser(app).post(
        "/sign-in", data={"name": NAME, "password": PASSWORD, "code": codes[0]}
    )

    name, *told = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-vigie=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(told)
    assert not any(one.startswith("Domain") for one in told)


def test_over_plain_http_on_loopback_the_cookie_has_a_plain_name(
    database: Database, clock: Clock
) -> None:
    settings = SETTINGS.model_copy(update={"http": HttpSettings(plain=True)})
    browser = Browser(an_app(database, clock, settings), origin="http://127.0.0.1:8445")

    set_up(browser, a_code(database, clock), "Root", now=clock())

    assert list(browser.cookies) == ["vigie"]
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", ""])
def test_a_form_of_another_site_signs_nobody_in(
    app: FastAPI, database: Database, clock: Clock, origin: str
) -> None:
    _, _, codes = an_account(app, database, clock)
    given = {"name": NAME, "password": PASSWORD, "code": codes[0]}

    answer = Browser(app).post("/sign-in", data=given, headers={"Origin": origin})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_page_sends_to_sign_in_and_signing_in_sends_back(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    _, _, codes = an_account(app, database, clock)
    browser = Browser(app)

    sent = browser.get("/account?a=1&b=é")
    form = browser.get(sent.headers["location"]).text
    given = {"name": NAME, "password": PASSWORD, "code": codes[0], "next": "/account?a=1"}
    back = browser.post("/sign-in", data=given)

    assert sent.headers["location"].startswith("/sign-in?next=%2Faccount%3Fa%3D1")
    assert 'value="/account?a=1&amp;b=' in form
    assert back.headers["location"] == "/account?a=1"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""],
)
def test_signing_in_never_leads_elsewhere(
    app: FastAPI, database: Database, clock: Clock, elsewhere: str
) -> None:
    _, _, codes = an_account(app, database, clock)
    given = {"name": NAME, "password": PASSWORD, "code": codes[0], "next": elsewhere}

    answer = Browser(app).post("/sign-in", data=given)

    assert answer.headers["location"] == "/console"


def test_the_api_takes_a_session_with_its_role_and_its_sites(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    browser, _, _ = an_account(app, database, clock, Role.AUDITOR, SITE)

    listed = browser.get("/api/v1/devices").json()["items"]

    assert [device["id"] for device in listed] == ["a"]
    assert browser.get("/api/v1/devices/b").status_code == 404
    write = browser.post(
        f"/api/v1/sites/{SITE}/incidents", headers={"X-CSRF-Token": browser.csrf()}, json={}
    )
    assert write.status_code == 403


def test_a_session_changes_something_only_with_its_token_from_our_own_page(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    browser, _, _ = an_account(app, database, clock, Role.OPERATOR)
    path, entry = f"/api/v1/sites/{SITE}/incidents", {"text": "Panne", "person": "A. Durand"}
    token = browser.csrf()

    def post(**headers: str) -> int:
        return int(browser.post(path, json=entry, headers=headers).status_code)

    assert post() == 403
    assert post(**{"X-CSRF-Token": "0" * 48}) == 403
    assert post(**{"X-CSRF-Token": token, "Origin": "https://elsewhere.example"}) == 403
    assert post(**{"X-CSRF-Token": token}) == 201
    assert (f"account:{NAME}", SITE) in [(actor, subject) for actor, _, subject in acts(database)]


def test_signing_out_needs_the_sessions_own_form(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    browser, _, _ = an_account(app, database, clock)

    assert browser.post("/sign-out").status_code == 403
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize("path", ["/sign-in", "/setup"])
def test_pages_let_nothing_in_from_elsewhere_and_nothing_inline(app: FastAPI, path: str) -> None:
    answer = Browser(app, language="fr-FR,fr;q=0.9,en;q=0.8").get(path)

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert '<html lang="fr">' in answer.text
    assert not any(
        one in answer.text for one in ("<script", "style=", "onclick", "http:", "https:")
    )
    assert Browser(app).get("/static/entrance.css").headers["content-type"].startswith("text/css")
    assert Browser(app).get("/static/..%2Fwords.py").status_code == 404


def test_pages_name_their_icon_and_browsers_find_it_where_no_page_does(app: FastAPI) -> None:
    browser = Browser(app)
    (named,) = re.findall(r'<link rel="icon" href="([^"]+)"', browser.get("/sign-in").text)

    icon = browser.get(named)

    assert icon.headers["content-type"] == "image/svg+xml"
    assert icon.content.startswith(b"<svg")
    assert browser.get("/favicon.ico").content == icon.content


NEW = "sept hiboux lisent encore"


def two_browsers(app: FastAPI, database: Database, clock: Clock) -> tuple[Browser, Browser, str]:
    """The same person in two browsers, and the app's secret."""
    here, secret, codes = an_account(app, database, clock)
    there = Browser(app)
    assert sign_in(there, codes[0]) == 303
    return here, there, secret


def change(browser: Browser, **other: str) -> tuple[int, str]:
    given = {"csrf": browser.csrf(), "present": PASSWORD, "new": NEW, "again": NEW, **other}
    answer = browser.post("/account/password", data=given)
    assert not [one for one in (PASSWORD, NEW) if one in answer.text]
    return answer.status_code, answer.text


def test_a_person_changes_the_password_and_every_other_session_ends(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    here, there, secret = two_browsers(app, database, clock)

    status, text = change(here)
    clock.later(seconds=60)
    code = app_code(secret, clock())

    assert status == 200
    assert "The password is changed" in text
    assert (here.get("/account").status_code, there.get("/account").status_code) == (200, 303)
    assert sign_in(Browser(app), code) == 401
    assert sign_in(Browser(app), code, password=NEW) == 303
    assert (
        f"account:{NAME}",
        "changed the password and ended other sessions",
        NAME,
    ) in acts(database)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"present": "not the password at all"}, "present password is not right"),
        ({"present": ""}, "present password is not right"),
        ({"again": "another one altogether"}, "two passwords differ"),
        ({"new": "court", "again": "court"}, "12 characters at least"),
        ({"new": "anais durand 1990", "again": "anais durand 1990"}, "too easily guessed"),
    ],
)
def test_a_change_of_password_that_is_refused_changes_nothing(
    app: FastAPI, database: Database, clock: Clock, given: dict[str, str], told: str
) -> None:
    here, there, secret = two_browsers(app, database, clock)

    status, text = change(here, **given)
    clock.later(seconds=60)

    assert status == 422
    assert told in text
    assert there.get("/account").status_code == 200
    assert sign_in(Browser(app), app_code(secret, clock())) == 303


def test_an_open_browser_is_no_place_to_guess_the_password(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    here, _, _ = two_browsers(app, database, clock)

    answers = [change(here, present=f"guess {number}")[0] for number in range(5)]
    rested, text = change(here)

    assert answers == [422] * 5
    assert (rested, "Too many attempts" in text) == (429, True)
    assert [what for _, what, _ in acts(database)].count("was refused a change of password") == 5


def test_a_person_sees_the_sessions_and_ends_the_others(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    here, there, _ = two_browsers(app, database, clock)
    before = here.get("/account").text

    answer = here.post("/account/sessions", data={"csrf": here.csrf()})
    after = here.get("/account").text

    assert answer.headers["location"] == "/account"
    assert (before.count("<li>"), before.count("(this browser)")) == (2, 1)
    assert (after.count("<li>"), after.count("(this browser)")) == (1, 1)
    assert "Sign out everywhere else" not in after
    assert there.get("/account").status_code == 303
    assert acts(database)[-1] == (f"account:{NAME}", "signed out everywhere else", NAME)


def test_sessions_of_other_people_are_neither_shown_nor_ended(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    here, _, _ = an_account(app, database, clock)
    other = Browser(app)
    set_up(other, a_code(database, clock), "Root", now=clock())

    shown = here.get("/account").text
    here.post("/account/sessions", data={"csrf": here.csrf()})
    change(here)

    assert shown.count("<li>") == 1
    assert other.get("/account").status_code == 200


@pytest.mark.parametrize("path", ["/account/password", "/account/sessions", "/account/app"])
def test_an_account_is_changed_by_its_own_form_and_session_alone(
    app: FastAPI, database: Database, clock: Clock, path: str
) -> None:
    here, there, _ = two_browsers(app, database, clock)
    given = {"present": PASSWORD, "new": NEW, "again": NEW, "csrf": here.csrf()}

    assert here.post(path, data={**given, "csrf": "0" * 48}).status_code == 403
    elsewhere = {"Origin": "https://elsewhere.example"}
    assert here.post(path, data=given, headers=elsewhere).status_code == 403
    assert Browser(app).post(path, data=given).headers["location"] == "/sign-in"
    assert there.get("/account").status_code == 200


def test_an_account_that_is_past_its_end_is_told_so_and_is_signed_in_nowhere(
    app: FastAPI, database: Database, clock: Clock
) -> None:
    browser, secret, _ = an_account(app, database, clock, Role.CONTRACTOR, SITE)
    ends = clock() + timedelta(minutes=30)
    terms = AccountTerms("contractor", frozenset({SITE}), ends)
    Accounts(database).change(NAME, terms, Act("test", clock()))
    assert browser.get("/api/v1/devices").status_code == 401
    clock.later(minutes=10)
    assert sign_in(browser, app_code(secret, clock())) == 303
    assert browser.get("/api/v1/devices").status_code == 200

    clock.now = ends

    assert browser.get("/api/v1/devices").status_code == 401
    given = {"name": NAME, "password": PASSWORD, "code": app_code(secret, clock())}
    right = Browser(app).post("/sign-in", data=given)
    wrong = Browser(app).post("/sign-in", data=given | {"password": "not the one at all"})
    assert (right.status_code, wrong.status_code) == (403, 401)
    assert "ended on its last day" in right.text
    assert "ended on its last day" not in wrong.text
    code = a_code(database, clock, NAME)
    assert Browser(app).post("/setup", data={"code": code}).status_code == 401
