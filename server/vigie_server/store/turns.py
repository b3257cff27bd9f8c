"""Turns of threads that want the same thing, in the order in which they asked."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Turns:
    """One thread at a time; who asked first is next, however soon others ask again.

    Unlike a lock, which whoever runs just then takes: a thread that lets go and asks again at once
    would have it before those who have to be waked.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()

    @property
    def waiting(self) -> int:
        """How many threads wait."""
        return len(self._waiting)

    @contextmanager
    def one(self, *, within: float) -> Iterator[None]:
        """The caller's turn. Raises TimeoutError when it has not come in so many seconds."""
        self._take(within)
        try:
            yield
        finally:
            self._pass_on()

    def _take(self, within: float) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            came = mine.acquire(timeout=within)
        except BaseException:
            self._leave(mine)
            raise
        if not came:
            self._leave(mine)
            raise TimeoutError

    def _leave(self, mine: Lock) -> None:
        """Waits no longer; a turn that came at the last moment goes on to the next."""
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return
        self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
