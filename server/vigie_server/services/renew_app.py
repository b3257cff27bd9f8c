"""A person gives their account another app for one-time codes, or a new telephone.

The present password is asked; the session was opened by a second factor. What is begun is kept in
the person's own form, sealed, for this session and for a while: nothing waits in the store, and the
app in use goes on until the new one has shown that it works.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from vigie_server.domain.errors import DeclarationRefused, SecretUnreadable, SignInRefused
from vigie_server.ports.people import (
    Account,
    AppBegun,
    Fault,
    KeepsSecrets,
    OwnAccountStore,
    RenewedApp,
    SignInStore,
    Tries,
)
from vigie_server.services import one_time
from vigie_server.services.enrol import hashed
from vigie_server.services.passwords import Passwords

_BEGUN: Final = "app begun"
_LONGEST_CODE: Final = 64

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RenewApp:
    """Blocking: call it from a worker thread. `within`: how long what is begun can be finished."""

    store: OwnAccountStore
    sign_ins: SignInStore
    passwords: Passwords
    tries: Tries
    secrets: KeepsSecrets
    within: timedelta
    now: Callable[[], datetime]

    def begin(self, account: Account, present: str, *, secret: str) -> AppBegun:
        """A new secret for the app. `secret` is of the session.

        A wrong password counts as a try of the name. Raises SignInRefused, RateLimited.
        """
        now = self.now()
        self.sign_ins.reserve(account.name, self.tries, now=now)
        held = self.sign_ins.credentials(account.name)
        right = self.passwords.matches(present, None if held is None else held.password_hash)
        if held is None or not right:
            self.store.change_refused(account, "app of one-time codes", now=now)
            log.warning("app_renewal_refused", account=account.id)
            raise SignInRefused("the present password is not right")
        app_secret = one_time.new_secret()
        begun = {
            "account": account.id,
            "session": hashed(secret.encode()).hex(),
            "before": held.totp_secret,
            "secret": app_secret,
            "until": (now + self.within).timestamp(),
        }
        return self._begun(account, app_secret, self.secrets.sealed(json.dumps(begun), of=_BEGUN))

    def begun(self, account: Account, form: str, *, secret: str) -> AppBegun:
        """What was begun, as its form has it. Raises SignInRefused: it is over, or another's."""
        return self._begun(account, self._opened(account, form, secret)["secret"], form)

    def complete(self, account: Account, form: str, app_code: str, *, secret: str) -> Sequence[str]:
        """The new app is in force, other sessions end; gives new recovery codes, shown once.

        Raises SignInRefused, and DeclarationRefused (`Fault.CODE`) for a wrong code.
        """
        now = self.now()
        begun = self._opened(account, form, secret)
        step = one_time.step_of(begun["secret"], app_code[:_LONGEST_CODE], now=now)
        if step is None:
            raise DeclarationRefused(Fault.CODE)
        codes = one_time.new_recovery_codes()
        renewed = RenewedApp(
            before=begun["before"],
            totp_secret=self.secrets.sealed(begun["secret"]),
            step=step,
            recovery=[hashed(one_time.plain(code)) for code in codes],
        )
        keeping = hashed(secret.encode())
        if not self.store.renew_app(account, renewed, keeping=keeping, now=now):
            raise SignInRefused("the account was changed meanwhile")
        log.info("app_renewed", account=account.id)
        return codes

    def _begun(self, account: Account, app_secret: str, form: str) -> AppBegun:
        return AppBegun(app_secret, one_time.provisioning_uri(app_secret, account.name), form)

    def _opened(self, account: Account, form: str, secret: str) -> dict[str, str]:
        if not self.secrets.is_own(form):
            raise SignInRefused("nothing was begun")
        try:
            begun: dict[str, str] = json.loads(self.secrets.opened(form, of=_BEGUN))
        except SecretUnreadable:
            raise SignInRefused("nothing was begun") from None
        own = (begun["account"], begun["session"]) == (
            account.id,
            hashed(secret.encode()).hex(),
        )
        if not own or self.now().timestamp() >= float(begun["until"]):
            raise SignInRefused("what was begun is over, or is another session's")
        return begun
