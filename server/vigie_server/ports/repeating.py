"""Answers kept for requests that are sent again under the same key."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was given. `body` None: it was too long to keep."""

    status: int
    media_type: str
    body: bytes | None


class AnswersKept(Protocol):
    """Each key of an actor stands for one request. Blocking: call it from a worker thread."""

    def begin(
        self, actor: str, key: str, request_digest: bytes, *, at: datetime
    ) -> KeptAnswer | None:
        """None when the request is new, and the caller's to answer; else what was answered.

        Raises KeyUsedOtherwise for another request under this key, RequestUnderWay for one that has
        no answer yet.
        """
        ...

    def answered(self, actor: str, key: str, answer: KeptAnswer) -> None:
        """Keeps the answer."""
        ...

    def forget(self, actor: str, key: str) -> None:
        """Takes the key back: nothing was done, and the same request may be tried again."""
        ...
