"""Whether a PostgreSQL can hold the store at all: its release, its encoding, what it promises."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from sqlalchemy import text

from fakes.postgres import own_postgres, postgres_url
from vigie_server import clock
from vigie_server.bootstrap.store import server_store
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.settings import ServerSettings
from vigie_server.settings_store import StoreSettings
from vigie_server.store import postgres


def at(url: str) -> ServerSettings:
    return ServerSettings(store=StoreSettings(url=url))


def test_a_release_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "OLDEST", 99)

    with pytest.raises(SettingsMalformed, match="Vigie needs 99 or newer"):
        server_store(at(postgres_url()))


def test_a_database_that_lacks_signs_is_refused_and_a_server_that_loses_commits_is_warned_of() -> (
    None
):
    with own_postgres() as server:
        server.start()
        server.execute(
            "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )

        with pytest.raises(SettingsMalformed, match=r"LATIN1.*createdb --encoding=UTF8"):
            server_store(at(server.url_of("latin")))
        with (
            structlog.testing.capture_logs() as logs,
            closing(server_store(at(server.url))) as database,
            database.reading() as connection,
        ):
            assert connection.execute(text("SELECT 'œ'")).scalar_one() == "œ"

    assert [line["setting"] for line in logs] == ["fsync"]


@pytest.mark.parametrize(("minutes", "told"), [(-3, [-180]), (0, []), (3, [180])])
def test_a_clock_that_is_not_the_stores_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, minutes: int, told: list[int]
) -> None:
    ahead = timedelta(minutes=minutes)
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + ahead)

    with structlog.testing.capture_logs() as logs:
        server_store(at(postgres_url())).close()

    seconds = [line["seconds_ahead_of_store"] for line in logs if line["event"] == "clocks_differ"]
    assert seconds == [pytest.approx(expected, abs=30) for expected in told]
