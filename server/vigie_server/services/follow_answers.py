"""Follows a question until nothing more will come: each device's answer once, as it is stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from vigie_server.ports.asking import AskedQuestion, DeviceAnswer, QuestionStore
from vigie_server.ports.declaring import Sites

OVERLAP: Final = timedelta(minutes=1)
"""Answers become visible out of order, by servers whose clocks differ: so far back is looked."""


@dataclass(slots=True)
class FollowAnswers:
    """The `Following` of one reader. Blocking, used by one thread at a time."""

    store: QuestionStore
    question_id: str
    within: Sites
    now: Callable[[], datetime]
    _told: set[str] = field(default_factory=set)
    _since: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def look(self) -> tuple[AskedQuestion, Sequence[DeviceAnswer]]:
        # Read in this order: where it is done, its last answer is among those read after.
        asked = self.store.question(self.question_id, self.within, now=self.now())
        came = self.store.answers_since(self.question_id, self.within, self._since)
        new = [answer for answer in came if answer.device not in self._told]
        self._told.update(answer.device for answer in new)
        times = [answer.answered_at for answer in new if answer.answered_at is not None]
        if times:
            self._since = max(self._since, max(times) - OVERLAP)
        return asked, new
