"""How a session locks by itself, whatever the system. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lock:
    """How a session locks. `after_seconds`: idle time until a password is asked; None: never."""

    after_seconds: int | None
    asks_password: bool
    grace_seconds: int = 0
    enforced: bool = False

    @property
    def locks(self) -> bool:
        """Whether it locks by itself at all."""
        return self.after_seconds is not None and self.asks_password


Answer = Lock | str
"""How it locks, or why that is not known."""
