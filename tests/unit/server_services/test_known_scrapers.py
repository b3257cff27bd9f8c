"""Who scraped lately is known while the store is away, and nobody else."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from vigie_server.domain.errors import StoreBusy, TokenRefused
from vigie_server.ports.tokens import ApiCaller, Role
from vigie_server.services import known_scrapers
from vigie_server.services.known_scrapers import KnownScrapers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Store:
    """Tokens that it knows, until it is away."""

    known: set[str] = field(default_factory=set)
    away: bool = False

    def caller(self, secret: str, *, now: datetime) -> ApiCaller:
        if self.away:
            raise StoreBusy(f"away at {now}")
        if secret not in self.known:
            raise TokenRefused("the token is not valid")
        return ApiCaller(secret, secret, Role.SCRAPE)


def test_who_was_known_is_known_for_a_while_and_nobody_else() -> None:
    store = Store({"one", "two"})
    scrapers = KnownScrapers(store, HOUR)
    seen = scrapers.caller("one", now=NOW)
    store.away = True

    assert scrapers.caller("one", now=NOW + HOUR / 2) == seen
    for secret, when in (("two", NOW), ("on", NOW), ("one", NOW + HOUR)):
        with pytest.raises(StoreBusy):
            scrapers.caller(secret, now=when)


def test_a_token_that_was_refused_since_is_not_known() -> None:
    store = Store({"one"})
    scrapers = KnownScrapers(store, HOUR)
    scrapers.caller("one", now=NOW)
    store.known.clear()
    with pytest.raises(TokenRefused):
        scrapers.caller("one", now=NOW)
    store.away = True

    with pytest.raises(StoreBusy):
        scrapers.caller("one", now=NOW)


def test_nobody_is_known_where_the_setting_says_so() -> None:
    store = Store({"one"})
    scrapers = KnownScrapers(store, timedelta(0))
    scrapers.caller("one", now=NOW)
    store.away = True

    with pytest.raises(StoreBusy):
        scrapers.caller("one", now=NOW)


def test_as_many_are_known_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_scrapers, "MOST_KNOWN", 2)
    store = Store({"one", "two", "three"})
    scrapers = KnownScrapers(store, HOUR)
    for secret in ("one", "two", "one", "three"):
        scrapers.caller(secret, now=NOW)
    store.away = True

    assert scrapers.caller("one", now=NOW).name == "one"
    assert scrapers.caller("three", now=NOW).name == "three"
    with pytest.raises(StoreBusy):
        scrapers.caller("two", now=NOW)
