"""Questions as they are kept: each device's first answer, within scope and time, and then gone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.stored import NOW, SITE, STORES, a_device, a_token, opened_store
from vigie_server.bundled import bundled_questions
from vigie_server.domain.asking import Asking, Limits, Outcome, Question, Target, question_of
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.ports.asking import GivenAnswer
from vigie_server.ports.declaring import Act
from vigie_server.store.database import Database
from vigie_server.store.questions import Questions

OTHER = "Les Lilas"
HERE, THERE = frozenset({SITE}), frozenset({OTHER})
ACT = Act("test", NOW)
LIMITS = Limits(
    rows=10,
    answer_bytes=1000,
    timeout=timedelta(seconds=30),
    within=timedelta(hours=1),
    devices=10,
    at_once=1,
    open=2,
)
EVERY = Target(every=True)


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Device `a` at Les Tilleuls, `b` at Les Lilas."""
    with opened_store(request.param, tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        a_device(opened, "a")
        a_device(opened, "b", secret_hash=b"o" * 32, serial="PF-2")
        yield opened


def a_question(number: int = 1, target: Target = EVERY) -> Question:
    return question_of(
        Asking(target, "panne", "uptime"),
        bundled_questions(),
        LIMITS,
        question_id=f"question-{number}",
        asked_by="test",
        role="operator",
        now=NOW,
    )


def an_answer(key: int, days: str, *, after: timedelta = timedelta(minutes=1)) -> GivenAnswer:
    return GivenAnswer("question-1", key, Outcome.OK, "", ("days",), ((days,),), NOW + after)


def test_the_first_answer_of_a_device_counts_and_none_comes_late(database: Database) -> None:
    store = Questions(database)
    asked = store.ask(a_question(), EVERY, None, LIMITS, ACT).asked
    keys = {one.id: one.key for one in asked}

    kept = store.answer([an_answer(keys["a"], "1\0"), an_answer(keys["a"], "2")])
    late = store.answer([an_answer(keys["b"], "3", after=timedelta(hours=2))])

    page = store.answers("question-1", None, after=None, limit=10)
    assert (list(kept), list(late)) == ([True, False], [False])
    assert {one.device: (one.outcome, one.rows) for one in page.items} == {
        "a": (Outcome.OK, (("1\0",),)),
        "b": (Outcome.WAITING, ()),
    }
    assert [one.waiting for one in store.open(now=NOW)] == [{keys["b"]}]
    assert store.waiting(keys["a"], ["question-1"]) == frozenset()


def test_a_scope_of_sites_asks_sees_and_cancels_its_own_alone(database: Database) -> None:
    store = Questions(database)
    store.ask(a_question(1), EVERY, None, LIMITS, ACT)
    here = Target(site=SITE)
    found = store.ask(a_question(2), EVERY, HERE, LIMITS, ACT)

    assert [one.id for one in found.asked] == ["a"]
    assert store.question("question-1", THERE, now=NOW).progress.devices == 1
    there = store.questions(THERE, now=NOW, after=None, limit=10)
    assert [one.question.id for one in there.items] == ["question-1"]
    assert store.sites_asked("question-1", None) == [OTHER, SITE]
    assert store.sites_asked("question-1", THERE) == [OTHER]
    for refused in (here, Target(devices=("a",))):
        with pytest.raises(NotFound):
            store.look(a_question(3), refused, THERE, LIMITS)
    with pytest.raises(NotFound):
        store.question("question-2", THERE, now=NOW)
    with pytest.raises(DeclarationRefused, match="other sites too"):
        store.cancel("question-1", HERE, ACT)
    store.cancel("question-2", HERE, ACT)
    assert [one.question.id for one in store.open(now=NOW)] == ["question-1"]


def test_so_many_questions_wait_at_a_time_and_each_is_forgotten_in_its_time(
    database: Database,
) -> None:
    store = Questions(database)
    for number in (1, 2):
        store.ask(a_question(number), EVERY, None, LIMITS, ACT)
    with pytest.raises(DeclarationRefused, match="wait for answers already"):
        store.ask(a_question(3), EVERY, None, LIMITS, ACT)
    until = NOW + timedelta(hours=1)

    assert store.forget(before=until, bite=10) == 0
    assert store.forget(before=until + timedelta(microseconds=1), bite=1) == 1
    assert store.forget(before=until + timedelta(microseconds=1), bite=10) == 1
    with pytest.raises(NotFound):
        store.question("question-1", None, now=NOW)


def test_a_sites_leave_is_given_once_and_taken_back(database: Database) -> None:
    store = Questions(database)

    before = store.allows_free(SITE)
    store.allow_free(SITE, ACT, allowed=True)
    store.allow_free(SITE, ACT, allowed=True)
    given = store.allows_free(SITE), store.allows_free(OTHER)
    store.allow_free(SITE, ACT, allowed=False)

    assert (before, given, store.allows_free(SITE)) == (False, (True, False), False)
    with pytest.raises(NotFound):
        store.allow_free("nowhere", ACT, allowed=True)
