"""Another app for one-time codes, and secrets of apps that the store does not have in clear."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlalchemy.engine import RowMapping

from fakes.browser import PASSWORD, Browser, app_code, set_up
from fakes.running_server import settings_in
from fakes.stored import NOW, STORES, opened_store
from vigie_server.bootstrap.app_secrets import sealed_app_secrets
from vigie_server.bootstrap.codes import invite
from vigie_server.bootstrap.people import access_to, people_routes
from vigie_server.bootstrap.store import initialise, open_store
from vigie_server.cli.main import main
from vigie_server.domain.errors import SecretUnreadable
from vigie_server.ports.declaring import Act
from vigie_server.services.app_secrets import AppSecrets, Resealed, reseal
from vigie_server.settings import ServerSettings, SignInSettings
from vigie_server.store.accounts import ACCOUNT, CODE
from vigie_server.store.app_secrets import HeldAppSecrets
from vigie_server.store.database import Database
from vigie_server.web import problems
from vigie_server.web.access import SignInNeeded, to_sign_in

NAME = "Anaïs Durand"
SETTINGS = ServerSettings(sign_in=SignInSettings(attempts_at_once=1000))
OWN, OTHER = AppSecrets(b"k" * 32), AppSecrets(b"o" * 32)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


class Entrance:
    """The pages by which people come in, over a store; one person has an account there."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, Clock()
        self.app = self.served(OWN)
        self.here = Browser(self.app)
        code = invite(SETTINGS, database)(None, Act("test", NOW))
        self.secret, self.recovery = set_up(self.here, code, NAME, now=NOW)

    def served(self, secrets: AppSecrets) -> FastAPI:
        app = FastAPI()
        problems.install(app)
        app.add_exception_handler(SignInNeeded, to_sign_in)
        access = access_to(SETTINGS, self.database, self.clock)
        for routes in people_routes(SETTINGS, self.database, self.clock, secrets):
            app.include_router(routes(access))
        return app

    def sign_in(self, code: str, app: FastAPI | None = None) -> int:
        given = {"name": NAME, "password": PASSWORD, "code": code}
        answer = Browser(app or self.app).post("/sign-in", data=given)
        return int(answer.status_code)

    def code(self, secret: str) -> str:
        """The next code of the app; each period's signs in once."""
        self.clock.later(seconds=60)
        return app_code(secret, self.clock())

    def begin(self, browser: Browser, present: str = PASSWORD) -> tuple[int, str, str]:
        """Status, new secret and what the form holds; empty where nothing was begun."""
        given = {"csrf": browser.csrf(), "present": present}
        shown = browser.post("/account/app", data=given)
        found = re.search(r"<code>([A-Z2-7 ]+)</code>", shown.text)
        form = re.search(r'name="begun" value="([^"]+)"', shown.text)
        if found is None or form is None:
            return shown.status_code, "", ""
        return shown.status_code, found[1].replace(" ", ""), form[1]

    def finish(self, browser: Browser, form: str, code: str) -> tuple[int, list[str]]:
        given = {"csrf": browser.csrf(), "begun": form, "app_code": code}
        shown = browser.post("/account/app/code", data=given)
        return shown.status_code, re.findall(r"<code>([A-Z2-7]{4}-[A-Z2-7-]+)</code>", shown.text)

    def account(self) -> RowMapping:
        with self.database.reading() as connection:
            return connection.execute(select(ACCOUNT)).mappings().one()


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened_store(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
def entrance(database: Database) -> Entrance:
    return Entrance(database)


def test_a_person_renews_the_app_and_what_was_before_is_of_no_use(entrance: Entrance) -> None:
    there = Browser(entrance.app)
    given = {"name": NAME, "password": PASSWORD, "code": entrance.recovery[0]}
    assert there.post("/sign-in", data=given).status_code == 303

    _, new, form = entrance.begin(entrance.here)
    wrong, _ = entrance.finish(entrance.here, form, "000000")
    until_then = entrance.sign_in(entrance.code(entrance.secret))
    done, codes = entrance.finish(entrance.here, form, entrance.code(new))
    again, _ = entrance.finish(entrance.here, form, entrance.code(new))

    assert (wrong, until_then, done, again) == (422, 303, 200, 422)
    assert len(codes) == 10
    assert there.get("/account").status_code == 303
    assert entrance.here.get("/account").status_code == 200
    assert entrance.sign_in(entrance.code(entrance.secret)) == 401
    assert entrance.sign_in(entrance.recovery[1]) == 401
    assert entrance.sign_in(entrance.code(new)) == 303
    assert entrance.sign_in(codes[0]) == 303


def test_an_app_is_renewed_by_the_password_and_in_the_session_that_began_alone(
    entrance: Entrance,
) -> None:
    there = Browser(entrance.app)
    given = {"name": NAME, "password": PASSWORD, "code": entrance.recovery[0]}
    there.post("/sign-in", data=given)
    before = entrance.account()["totp_secret"]

    refused, _, _ = entrance.begin(entrance.here, "not the password at all")
    _, new, form = entrance.begin(entrance.here)
    elsewhere, _ = entrance.finish(there, form, entrance.code(new))
    made_up, _ = entrance.finish(entrance.here, OWN.sealed("{}"), "000000")
    entrance.clock.later(minutes=30)
    late, _ = entrance.finish(entrance.here, form, app_code(new, entrance.clock()))

    assert (refused, elsewhere, made_up, late) == (422, 422, 422, 422)
    assert entrance.account()["totp_secret"] == before


def test_no_secret_of_an_app_is_in_the_store_nor_in_a_setup_under_way(entrance: Entrance) -> None:
    code = invite(SETTINGS, entrance.database)(None, Act("test", NOW))
    chosen = {"code": code, "name": "Paul", "password": PASSWORD, "again": PASSWORD}
    shown = Browser(entrance.app).post("/setup/password", data=chosen)
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", shown.text)
    assert found is not None

    kept = HeldAppSecrets(entrance.database).app_secrets()

    opened = [OWN.opened(one) for one in kept]
    assert opened == [entrance.secret, found[1].replace(" ", "")]
    assert [one for one in kept if not OWN.is_own(one)] == []


def test_what_an_older_version_kept_in_clear_is_sealed_and_gone_from_the_file(
    entrance: Entrance, tmp_path: Path
) -> None:
    with entrance.database.writing() as connection:
        connection.execute(update(ACCOUNT).values(totp_secret=entrance.secret))
        chosen = {"name": "P", "language": "fr", "password_hash": "h", "totp_secret": "ABCDEF23"}
        connection.execute(
            CODE.insert().values(code_hash=b"c" * 32, expires_at=NOW, enrolling=json.dumps(chosen))
        )

    first = reseal(HeldAppSecrets(entrance.database), OWN)
    second = reseal(HeldAppSecrets(entrance.database), OWN)

    assert (first, second) == (Resealed(2, 0), Resealed(0, 0))
    assert entrance.sign_in(entrance.code(entrance.secret)) == 303
    in_files = b"".join(file.read_bytes() for file in tmp_path.glob("vigie.db*"))
    assert entrance.secret.encode() not in in_files
    assert b"ABCDEF23" not in in_files


def test_under_another_authoritys_key_recovery_codes_still_sign_in_and_rekey_mends_it(
    entrance: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = entrance.served(OTHER)
    held = HeldAppSecrets(entrance.database)

    by_app = entrance.sign_in(entrance.code(entrance.secret), elsewhere)
    by_recovery = entrance.sign_in(entrance.recovery[0], elsewhere)
    alone = reseal(held, OTHER)
    mended = reseal(held, OTHER, OWN)
    after = entrance.sign_in(entrance.code(entrance.secret), elsewhere)

    assert (by_app, by_recovery, after) == (401, 303, 303)
    assert (alone, mended) == (Resealed(0, 1), Resealed(1, 0))
    with pytest.raises(SecretUnreadable, match=f"key {OTHER.key_name}.*rekey --from"):
        OWN.opened(held.app_secrets()[0])
    assert entrance.secret not in caplog.text


def test_a_damaged_secret_and_one_of_another_kind_are_not_opened() -> None:
    sealed = OWN.sealed("secret")

    for wrong, of in ((sealed[:-6] + "AAAAA=", "app"), (sealed, "another kind")):
        with pytest.raises(SecretUnreadable, match="damaged"):
            OWN.opened(wrong, of=of)
    assert OWN.opened(sealed) == "secret"


def test_every_server_with_the_authority_has_the_key_and_a_new_one_is_taken_over(
    tmp_path: Path,
) -> None:
    data, copied = tmp_path / "data", tmp_path / "former"
    settings = settings_in(data)
    authority = initialise(settings, now=NOW)
    with closing(open_store(settings)) as database:
        first = sealed_app_secrets(database, authority)
        entrance = Entrance(database)
        kept = first.sealed(entrance.secret)
        with database.writing() as connection:
            connection.execute(update(ACCOUNT).values(totp_secret=kept))
    shutil.move(data / "ca", copied)
    replaced = initialise(settings, now=NOW, new_authority=True)

    told = CliRunner().invoke(
        main,
        ["account", "rekey", "--from", str(copied)],
        env={"VIGIE_SERVER_DATA": str(data), "VIGIE_SERVER_NAMES": "localhost,127.0.0.1"},
    )

    assert (told.exit_code, told.stdout[:20]) == (0, "1 secret encrypted u")
    with closing(open_store(settings)) as database:
        second = sealed_app_secrets(database, replaced)
        (now,) = HeldAppSecrets(database).app_secrets()
    assert second.opened(now) == entrance.secret
    assert first.key_name != second.key_name
