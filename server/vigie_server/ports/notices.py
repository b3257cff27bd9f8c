"""Following what other processes commit to the same store."""

from typing import Protocol

from vigie_server.domain.noticed import Noticed


class Notices(Protocol):
    """Tells what changed. Blocking, used by one thread at a time. Raises StoreBusy."""

    def start(self) -> None:
        """Changes are told from here on; what was committed before is visible to who reads now."""
        ...

    def since(self) -> Noticed:
        """What changed since the last look. Nothing is left out; a thing may be told twice."""
        ...


class Heeding(Protocol):
    """A part that has to know. Called on the event loop; must not block."""

    def heed(self, noticed: Noticed) -> None: ...
