"""A live question is recorded for the device's user before it is answered."""

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from collecting import START, ScriptedAsking
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.explain import AskedQuestion
from vigie_agent.domain.orders import LiveAnswer, LiveQuestion
from vigie_agent.domain.snapshot import Status
from vigie_agent.services.ask import KEPT_QUESTIONS, NOT_ALLOWED, AnswerLive, AskedQuestions
from vigie_agent.services.state_file import open_folder, write_state

SPEEDS = Rows(({"fan": "a", "speed": "1"}, {"fan": "b", "speed": "2"}), ("fan", "speed"))


def a_question(sql: str = "SELECT speed", *, max_rows: int = 0) -> LiveQuestion:
    return LiveQuestion("ask-1", sql, timedelta(seconds=5), max_rows, "Anne", "heat alarm")


async def answer_to(
    question: LiveQuestion, answer: Rows | QueryError | Exception, folder: Path
) -> LiveAnswer:
    ask = ScriptedAsking({question.sql: answer})
    return await AnswerLive(ask, AskedQuestions(folder / "asked.json"), lambda: START)(question)


async def test_rows_come_back_in_the_order_of_the_columns(tmp_path: Path) -> None:
    answer = await answer_to(a_question(), SPEEDS, tmp_path)

    assert answer == LiveAnswer("ask-1", Status.OK, "", ("fan", "speed"), (("a", "1"), ("b", "2")))


async def test_an_answer_is_cut_at_the_rows_that_were_asked_for(tmp_path: Path) -> None:
    answer = await answer_to(a_question(max_rows=1), SPEEDS, tmp_path)

    assert answer.rows == (("a", "1"),)
    assert answer.message == "the first 1 rows of more"


@pytest.mark.parametrize(
    ("scripted", "status", "message"),
    [
        (QueryError(Reason.REFUSED, "not a table"), Status.REFUSED, "refused: not a table"),
        (QueryError(Reason.TIMEOUT), Status.TIMEOUT, "timeout"),
        (EngineLost("gone"), Status.ERROR, "the engine went away"),
    ],
    ids=["refused", "slow", "lost"],
)
async def test_a_question_without_an_answer_says_why(
    tmp_path: Path, scripted: QueryError | Exception, status: Status, message: str
) -> None:
    answer = await answer_to(a_question(), scripted, tmp_path)

    assert answer == LiveAnswer("ask-1", status, message)


async def test_who_asked_and_why_stays_on_the_device(tmp_path: Path) -> None:
    await answer_to(a_question(), QueryError(Reason.REFUSED), tmp_path)

    asked = AskedQuestions(tmp_path / "asked.json").all()

    assert asked == (
        AskedQuestion(
            "2026-03-02T08:00:00+00:00", "Anne", "heat alarm", "SELECT speed", "refused", 0
        ),
    )


async def test_how_many_rows_went_back_stays_on_the_device(tmp_path: Path) -> None:
    await answer_to(a_question(), SPEEDS, tmp_path)

    (asked,) = AskedQuestions(tmp_path / "asked.json").all()

    assert (asked.status, asked.rows) == ("ok", 2)


async def test_where_questions_are_not_allowed_nothing_is_read_and_the_question_is_kept(
    tmp_path: Path,
) -> None:
    ask = ScriptedAsking({"SELECT speed": SPEEDS})
    asked = AskedQuestions(tmp_path / "asked.json")

    answer = await AnswerLive(ask, asked, lambda: START, allowed=False)(a_question())

    assert (answer.status, answer.message) == (Status.REFUSED, NOT_ALLOWED)
    assert ask.asked == []
    assert [question.status for question in asked.all()] == ["refused"]


def test_a_record_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    entry = {"at": "2026-03-02", "asked_by": "Anne", "purpose": "heat", "sql": "SELECT 1"}
    write_state(tmp_path / "asked.json", {"asked": [entry]})

    (asked,) = AskedQuestions(tmp_path / "asked.json").all()

    assert (asked.sql, asked.status) == ("SELECT 1", "")


async def test_a_question_that_cannot_be_recorded_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    ask = ScriptedAsking({"SELECT speed": SPEEDS})
    live = AnswerLive(ask, AskedQuestions(tmp_path / "data" / "asked.json"), lambda: START)

    answer = await live(a_question())

    assert answer.status is Status.REFUSED
    assert ask.asked == []


def test_the_record_keeps_the_last_questions_only(tmp_path: Path) -> None:
    asked = AskedQuestions(tmp_path / "asked.json")

    for number in range(KEPT_QUESTIONS + 3):
        asked.record(a_question(f"SELECT {number}" + "x" * 5_000), START)

    kept = asked.all()
    assert len(kept) == KEPT_QUESTIONS
    assert kept[0].sql.startswith("SELECT 3x")
    assert (tmp_path / "asked.json").stat().st_size < 1_000_000


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX files")
def test_whoever_uses_the_device_may_read_the_record_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    open_folder(folder)

    AskedQuestions(folder / "asked.json").record(a_question(), START)
    write_state(folder / "status.json", {"pid": 1})

    assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    assert stat.S_IMODE((folder / "asked.json").stat().st_mode) == 0o644
    assert stat.S_IMODE((folder / "status.json").stat().st_mode) == 0o600
