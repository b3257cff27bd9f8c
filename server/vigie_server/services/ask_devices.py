"""Puts live questions to devices: at once to those that are connected, to others as they come.

What waits is in the store, and a copy of it here: a device that greets while nothing waits for it
costs nothing. Of the connected devices only so many work on one question at a time, so that a
question to a large fleet is no wave. A device that goes away before it has answered is asked again
when it comes back, within the question's time.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from vigie_server.domain.asking import SUBJECT, Limits, Outcome, Question
from vigie_server.domain.errors import MalformedRequest, StoreBusy
from vigie_server.domain.noticed import Noticed
from vigie_server.domain.orders import Ask
from vigie_server.ports.asking import AnswerPiece, AskStore, Conversing, GivenAnswer
from vigie_server.services.gathered import Gathered
from vigie_server.services.workers import Workers

log = structlog.get_logger()

GRACE: Final = timedelta(seconds=30)
"""Beyond the time that a query may take: the way there and back, and the engine's own queue."""
AGAIN_AFTER: Final = 1.0
"""Seconds until the store is asked again that could not answer."""
LONGEST_MESSAGE: Final = 500
MOST_COLUMNS: Final = 200


@dataclass(slots=True)
class _Open:
    """A question that waits. `to_try`: devices not looked for yet; `busy`: until when each may."""

    question: Question
    waiting: set[int]
    to_try: deque[int]
    busy: dict[int, datetime] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)


class AskDevices:
    """One part of the server: `run` it beside the sessions, which tell it who greets."""

    def __init__(
        self, store: AskStore, workers: Workers, limits: Limits, now: Callable[[], datetime]
    ) -> None:
        self.limits: Final = limits
        self.now: Final = now
        self._store = store
        self._workers = workers
        self._keep = Gathered(workers.write, store.answer)
        self._open: dict[str, _Open] = {}
        self._changed = True
        self._wake = asyncio.Event()

    async def run(self, stop: asyncio.Event, held: Callable[[int], Conversing | None]) -> None:
        """Asks until stopped. `held` gives the session of a device that stays connected."""
        stopping = asyncio.ensure_future(self._wake_when(stop))
        try:
            while not stop.is_set():
                self._wake.clear()
                again: float | None = AGAIN_AFTER
                try:
                    if self._changed:
                        await self._read()
                    again = self._ask_some(held)
                except StoreBusy as error:
                    log.warning("questions_not_read", error=str(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), again)
        finally:
            stopping.cancel()

    def heed(self, noticed: Noticed) -> None:
        """Has the questions read again where one was asked or cancelled."""
        if noticed.missed or any(subject.startswith(SUBJECT) for subject in noticed.subjects):
            self._changed = True
            self._wake.set()

    async def greeted(self, key: int, platform: str) -> tuple[Ask, ...]:
        """What to ask a device that greets. Raises StoreBusy."""
        now = self.now()
        likely = [
            opened
            for opened in self._open.values()
            if key in opened.waiting
            and platform in opened.question.sql
            and now < opened.question.until
        ]
        if not likely:
            return ()
        ids = [opened.question.id for opened in likely]
        still = await self._workers.read(partial(self._store.waiting, key, ids))
        asked = []
        for opened in likely:
            if opened.question.id in still:
                opened.busy[key] = now + opened.question.timeout + GRACE
                asked.append(order_of(opened.question, platform))
        return tuple(asked)

    async def keep(self, given: GivenAnswer) -> None:
        """Keeps an answer. Raises StoreBusy."""
        await self._keep(given)
        opened = self._open.get(given.question_id)
        if opened is not None:
            opened.waiting.discard(given.key)
            opened.answered.add(given.key)
        self.let_go(given.key, given.question_id)

    def let_go(self, key: int, question_id: str) -> None:
        """The device does not work on the question any more."""
        opened = self._open.get(question_id)
        if opened is not None and opened.busy.pop(key, None) is not None:
            self._wake.set()

    async def _wake_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _read(self) -> None:
        self._changed = False
        try:
            found = await self._workers.read(partial(self._store.open, now=self.now()))
        except StoreBusy:
            self._changed = True
            raise
        before, self._open = self._open, {}
        for one in found:
            known = before.get(one.question.id)
            answered = set() if known is None else known.answered
            busy = {} if known is None else known.busy
            waiting = set(one.waiting) - answered
            to_try = deque(waiting) if known is None else known.to_try
            self._open[one.question.id] = _Open(one.question, waiting, to_try, busy, answered)

    def _ask_some(self, held: Callable[[int], Conversing | None]) -> float | None:
        """Asks as many as may be busy; seconds until it may go on by itself, None: when woken."""
        now = self.now()
        self._open = {
            name: opened for name, opened in self._open.items() if now < opened.question.until
        }
        nexts: list[datetime] = []
        for opened in self._open.values():
            opened.busy = {key: until for key, until in opened.busy.items() if now < until}
            while opened.to_try and len(opened.busy) < self.limits.at_once:
                key = opened.to_try.popleft()
                if key not in opened.waiting or key in opened.busy:
                    continue
                session = held(key)
                if (
                    session is not None and session.platform in opened.question.sql
                ):  # the others are asked when they greet
                    opened.busy[key] = now + opened.question.timeout + GRACE
                    session.ask(order_of(opened.question, session.platform))
            if opened.to_try:
                nexts.append(min(opened.busy.values()))
            nexts.append(opened.question.until)
        return max(0.0, (min(nexts) - now).total_seconds()) if nexts else None


def order_of(question: Question, platform: str) -> Ask:
    """The question as a device of this platform is asked it."""
    return Ask(
        ask_id=question.id,
        sql=question.sql[platform],
        timeout=question.timeout,
        max_rows=question.rows,
        asked_by=question.told_asker,
        purpose=question.told_purpose,
    )


@dataclass(slots=True)
class _Gathered:
    """The pieces of an answer so far."""

    most_rows: int
    most_bytes: int
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    message: str = ""
    size: int = 0
    over: str = ""

    def add(self, piece: AnswerPiece) -> None:
        """Raises MalformedRequest where the values are not rows of the columns."""
        if not self.message:
            self.message = piece.message
        self.columns = self.columns or piece.columns
        width = len(self.columns)
        if piece.columns not in {(), self.columns} or width > MOST_COLUMNS:
            raise MalformedRequest("answer: its columns are too many, or change")
        if piece.values and (not width or len(piece.values) % width):
            raise MalformedRequest("answer: its values are not rows of its columns")
        self.size += sum(map(len, piece.values)) + sum(map(len, piece.columns))
        if self.size > self.most_bytes:
            self.over = f"the answer is over {self.most_bytes} characters"
        count = len(piece.values) // width if width else 0
        if len(self.rows) + count > self.most_rows:
            self.over = f"the answer has more than the {self.most_rows} rows that were asked for"
        if self.over:
            self.rows.clear()
            return
        values = piece.values
        self.rows += [values[start : start + width] for start in range(0, len(values), width or 1)]


class QuestionsOfSession:
    """What one session was asked, and has answered so far."""

    def __init__(self, key: int, asking: AskDevices) -> None:
        self._key = key
        self._asking = asking
        self._to_ask: deque[Ask] = deque()
        self._gathered: dict[str, _Gathered] = {}
        self._settled: set[str] = set()

    def told(self, asks: Iterable[Ask]) -> None:
        """These went with the welcome."""
        for order in asks:
            self._begin(order)

    def add(self, order: Ask) -> bool:
        """Has it asked; False where this session was asked it before."""
        if order.ask_id in self._gathered or order.ask_id in self._settled:
            return False
        self._begin(order)
        self._to_ask.append(order)
        return True

    def next(self) -> Ask | None:
        """What to ask next."""
        return self._to_ask.popleft() if self._to_ask else None

    async def take(self, piece: AnswerPiece) -> None:
        """Raises MalformedRequest, StoreBusy."""
        gathered = self._gathered.get(piece.ask_id)
        if gathered is None:
            raise MalformedRequest("an answer to a question that was not asked")
        gathered.add(piece)
        if not piece.done:
            return
        given = GivenAnswer(
            question_id=piece.ask_id,
            key=self._key,
            outcome=piece.outcome,
            message=gathered.message.replace("\0", "")[:LONGEST_MESSAGE],
            columns=gathered.columns,
            rows=tuple(gathered.rows),
            at=self._asking.now(),
        )
        if gathered.over:
            given = replace(given, outcome=Outcome.TOO_LARGE, message=gathered.over, rows=())
        await self._asking.keep(given)
        del self._gathered[piece.ask_id]
        self._settled.add(piece.ask_id)

    def close(self) -> None:
        """The session is over; what it did not answer, another one may."""
        for ask_id in self._gathered:
            self._asking.let_go(self._key, ask_id)

    def _begin(self, order: Ask) -> None:
        limits = self._asking.limits
        self._gathered[order.ask_id] = _Gathered(order.max_rows, limits.answer_bytes)
