"""Answers the server's live questions, and keeps a record of them for the device's user."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from vigie_agent.domain.answers import QueryError
from vigie_agent.domain.assembly import why
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.explain import AskedQuestion
from vigie_agent.domain.orders import LiveAnswer, LiveQuestion
from vigie_agent.domain.snapshot import Status
from vigie_agent.ports import Asking
from vigie_agent.services.state_file import read_state, write_state

log = structlog.get_logger()

KEPT_QUESTIONS: Final = 200
LONGEST_TIMEOUT: Final = timedelta(seconds=30)
MOST_ROWS: Final = 10_000

NOT_ALLOWED: Final = "this device refuses live questions (setting live_questions)"

_LONGEST_TEXT: Final = 2_000
_ALWAYS: Final = frozenset({"at", "asked_by", "purpose", "sql"})


class AskedQuestions:
    """The last live questions asked of this device, in one small file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def record(self, question: LiveQuestion, at: datetime) -> None:
        """Keeps the question, the oldest making room. Raises OSError."""
        kept = [*self._entries(), _entry(question, at)][-KEPT_QUESTIONS:]
        write_state(self._path, {"asked": kept}, for_everyone=True)

    def settle(self, answer: LiveAnswer) -> None:
        """Keeps how the question ended, beside it. Raises OSError."""
        kept = self._entries()
        for entry in kept:
            if entry["ask_id"] == answer.ask_id:
                entry["status"] = answer.status.value
                entry["rows"] = str(len(answer.rows))
        write_state(self._path, {"asked": kept}, for_everyone=True)

    def all(self) -> tuple[AskedQuestion, ...]:
        """The questions on record, oldest first. Raises OSError when they may not be read."""
        return tuple(
            AskedQuestion(
                entry["at"],
                entry["asked_by"],
                entry["purpose"],
                entry["sql"],
                entry["status"],
                int(entry["rows"]) if entry["rows"].isdecimal() else 0,
            )
            for entry in self._entries()
        )

    def _entries(self) -> list[dict[str, str]]:
        state = read_state(self._path) or {}
        written = state.get("asked")
        return [
            {key: str(entry.get(key, "")) for key in (*_ALWAYS, "ask_id", "status", "rows")}
            for entry in (written if isinstance(written, list) else [])
            if isinstance(entry, dict) and entry.keys() >= _ALWAYS
        ]


@dataclass(frozen=True, slots=True)
class AnswerLive:
    """Callable: the answer to a live question. A question that cannot be recorded is refused.

    So is every question where this device's settings do not allow them.
    """

    ask: Asking
    asked: AskedQuestions
    now: Callable[[], datetime]
    allowed: bool = True

    async def __call__(self, question: LiveQuestion) -> LiveAnswer:
        try:
            self.asked.record(question, self.now())
        except OSError as error:
            detail = f"the question could not be recorded on the device: {error.strerror}"
            return LiveAnswer(question.ask_id, Status.REFUSED, detail)
        answer = await self._answer(question)
        try:
            self.asked.settle(answer)
        except OSError as error:  # the question itself is on record
            log.warning("outcome_not_recorded", ask_id=question.ask_id, error=error.strerror)
        return answer

    async def _answer(self, question: LiveQuestion) -> LiveAnswer:
        if not self.allowed:
            log.info("live_question_refused", ask_id=question.ask_id)
            return LiveAnswer(question.ask_id, Status.REFUSED, NOT_ALLOWED)
        timeout = min(max(question.timeout, timedelta(seconds=1)), LONGEST_TIMEOUT)
        try:
            answer = await self.ask(question.sql, timeout=timeout)
        except EngineLost:
            return LiveAnswer(question.ask_id, Status.ERROR, "the engine went away")
        if isinstance(answer, QueryError):
            log.info("live_question_failed", ask_id=question.ask_id, reason=str(answer.reason))
            return LiveAnswer(question.ask_id, Status(answer.reason), why(answer))
        most = min(question.max_rows or MOST_ROWS, MOST_ROWS)
        columns = answer.columns or (tuple(answer.rows[0]) if answer.rows else ())
        log.info("live_question_answered", ask_id=question.ask_id, row_count=len(answer.rows))
        return LiveAnswer(
            question.ask_id,
            Status.OK,
            f"the first {most} rows of more" if len(answer.rows) > most else "",
            columns,
            tuple(tuple(row.get(name, "") for name in columns) for row in answer.rows[:most]),
        )


def _entry(question: LiveQuestion, at: datetime) -> dict[str, str]:
    return {
        "ask_id": question.ask_id[:_LONGEST_TEXT],
        "at": at.isoformat(timespec="seconds"),
        "asked_by": question.asked_by[:_LONGEST_TEXT],
        "purpose": question.purpose[:_LONGEST_TEXT],
        "sql": question.sql[:_LONGEST_TEXT],
    }
