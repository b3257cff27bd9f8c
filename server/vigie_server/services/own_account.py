"""What people do with their own account: see where they are signed in, change the password."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from vigie_server.domain.errors import DeclarationRefused, SignInRefused
from vigie_server.domain.passwords import weakness
from vigie_server.ports.people import (
    Account,
    OwnAccountStore,
    OwnSession,
    SignInStore,
    Tries,
)
from vigie_server.services.enrol import hashed
from vigie_server.services.passwords import Passwords
from vigie_server.services.sign_in import SessionTimes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """A person's own account. Blocking: call it from a worker thread."""

    store: OwnAccountStore
    sign_ins: SignInStore
    passwords: Passwords
    tries: Tries
    times: SessionTimes
    now: Callable[[], datetime]

    def sessions(self, account: Account, *, secret: str) -> Sequence[OwnSession]:
        """Where the person is signed in, the last used first; `secret` is of this browser."""
        here = hashed(secret.encode())
        held = self.store.sessions(account, now=self.now(), idle=self.times.idle.total_seconds())
        return [OwnSession(one.opened_at, one.used_at, one.secret_hash == here) for one in held]

    def close_others(self, account: Account, *, secret: str) -> None:
        """Ends every session but this browser's."""
        self.store.close_others(account, keeping=hashed(secret.encode()), now=self.now())

    def change_password(self, account: Account, present: str, new: str, *, secret: str) -> None:
        """Changes the password and ends every session but this browser's.

        A wrong present password counts as a try of the name: who finds a browser open guesses no
        faster here than at the sign-in page. Raises SignInRefused, RateLimited, and
        DeclarationRefused, whose text is one of `Fault`, for a new one that is too weak.
        """
        now = self.now()
        weak = weakness(new, account=account.name)
        if weak is not None:
            raise DeclarationRefused(weak)
        self.sign_ins.reserve(account.name, self.tries, now=now)
        held = self.sign_ins.credentials(account.name)
        right = self.passwords.matches(present, None if held is None else held.password_hash)
        if (
            held is None
            or not right
            or not self.store.change_password(
                held, self.passwords.hash(new), keeping=hashed(secret.encode()), now=now
            )
        ):
            self.store.change_refused(account, "password", now=now)
            log.warning("password_change_refused", account=account.id)
            raise SignInRefused("the present password is not right")
        log.info("password_changed", account=account.id)
