"""Rollouts and how devices fare, in either database."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.stored import NOW, SITE, STORES, a_device, a_token, opened_store
from vigie_server.domain.errors import NotFound, UnknownDevice
from vigie_server.domain.rolling_out import Rollout, Told, UpdateState
from vigie_server.ports.declaring import Act
from vigie_server.ports.sessions import Peer
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database
from vigie_server.store.updates import Updates

ACT = Act("cli:test", NOW)
PEER = Peer("a", "a")
RUNS = Told("1.1.0", "linux-x86_64")


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Device `a` at Les Tilleuls."""
    with opened_store(request.param, tmp_path) as opened:
        a_token(opened)
        a_device(opened, "a")
        yield opened


def test_a_decision_replaces_the_one_before_and_is_taken_back(database: Database) -> None:
    store = Updates(database)
    store.roll_out("1.2.0", 5, None, ACT)
    store.roll_out("1.2.0", 20, None, ACT)
    store.roll_out("1.3.0", 100, SITE, ACT)

    assert store.rollouts() == [
        Rollout(None, "1.2.0", 20, "cli:test", NOW),
        Rollout(SITE, "1.3.0", 100, "cli:test", NOW),
    ]
    store.stop(None, ACT)
    assert [rollout.site for rollout in store.rollouts()] == [SITE]
    with pytest.raises(NotFound):
        store.stop(None, ACT)
    with pytest.raises(NotFound):
        store.roll_out("1.2.0", 5, "nowhere", ACT)


def test_what_a_device_says_is_kept_and_counted(database: Database) -> None:
    store = Updates(database)
    back = replace(RUNS, state=UpdateState.ROLLED_BACK, about="1.2.0", reason="it crashed")
    assert store.asked(PEER).before is None

    store.keep(PEER, RUNS, NOW)
    store.keep(PEER, back, NOW)

    assert store.asked(PEER).before == back
    assert store.asked(PEER).site == SITE
    (found,) = store.devices(SITE)
    assert (found.device_id, found.told) == ("a", back)
    assert store.devices("another") == []
    assert store.device("a") == found
    with pytest.raises(NotFound):
        store.device("b")
    assert store.counts() == {("1.1.0", "rolled_back"): 1}
    assert store.counts({SITE, "another"}) == store.counts()
    assert store.counts({"another"}) == store.counts(frozenset()) == {}


def test_a_certificate_that_is_not_in_force_asks_nothing(database: Database) -> None:
    store = Updates(database)
    for peer in (Peer("a", "other"), Peer("b", "a")):
        with pytest.raises(UnknownDevice):
            store.asked(peer)

    Administration(database).revoke("a", now=NOW, actor="test")

    with pytest.raises(UnknownDevice):
        store.asked(PEER)
