"""Signs people in and sets their accounts up.

A refusal says neither what was wrong nor whether the name is known, and takes as long either way:
password and code are checked whatever the other came to, against decoys where there is no account.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from vigie_server.domain.account_terms import AccountTerms
from vigie_server.domain.attempts import Attempts
from vigie_server.domain.errors import (
    AccountEnded,
    DeclarationRefused,
    SecretUnreadable,
    SignInRefused,
)
from vigie_server.domain.passwords import weakness
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import (
    Account,
    AccountState,
    AccountStore,
    Credentials,
    Enrolling,
    Fault,
    KeepsSecrets,
    NewSession,
    OpenedSession,
    SessionStore,
    SetupCode,
    SetupCodeStore,
    SignInStore,
    Tries,
)
from vigie_server.services import one_time
from vigie_server.services.enrol import hashed
from vigie_server.services.passwords import Passwords

log = structlog.get_logger()

_LONGEST_NAME = 64
_LONGEST_CODE = 64
_DECOY = one_time.new_secret()


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """How long a session lasts at most, and how long while nothing is asked."""

    most: timedelta
    idle: timedelta


def _everybody(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class SignIn:
    """Lets people in. Blocking: call it from a worker thread."""

    store: SignInStore
    passwords: Passwords
    addresses: Attempts
    tries: Tries
    times: SessionTimes
    secrets: KeepsSecrets
    now: Callable[[], datetime]
    may: Callable[[str], bool] = _everybody
    """Who may sign in by a password, by name."""

    def __call__(self, name: str, password: str, code: str, *, address: str) -> OpenedSession:
        """`code`: of the app, or one of recovery. Raises SignInRefused, RateLimited, StoreBusy.

        AccountEnded is for who has proved who they are, and for nobody else.
        """
        self.addresses.take(address)
        name, code = name[:_LONGEST_NAME], code[:_LONGEST_CODE]
        now = self.now()
        self.store.reserve(name, self.tries, now=now)
        held = self.store.credentials(name)
        right = self.passwords.matches(password, None if held is None else held.password_hash)
        step = one_time.step_of(self._app_secret(held), code, now=now)
        recovery = hashed(one_time.plain(code))
        session, secret = new_session(self.times, now)
        if (
            held is not None
            and self.may(held.account.name)
            and held.account.state is AccountState.ACTIVE
            and right
            and (step is not None or recovery in held.recovery)
        ):
            if held.account.ended(now):
                self.store.refused(held.account, now=now)
                log.warning("sign_in_of_an_ended_account", account=held.account.id)
                raise AccountEnded("the account's last day is over")
            spent = recovery if step is None else None
            if self.store.signed_in(held, session, step=step, recovery=spent):
                log.info("signed_in", account=held.account.id)
                return OpenedSession(held.account, secret)
        self.store.refused(None if held is None else held.account, now=now)
        log.warning("sign_in_refused", account=None if held is None else held.account.id)
        raise SignInRefused("name, password or code are not right")

    def _app_secret(self, held: Credentials | None) -> str:
        """The secret of the app; one that nobody has where there is none, or none is readable.

        A recovery code still signs in then.
        """
        if held is None:
            return _DECOY
        try:
            return self.secrets.opened(held.totp_secret)
        except SecretUnreadable as error:
            log.error("app_secret_unreadable", account=held.account.id, error=str(error))
            return one_time.new_secret()


@dataclass(frozen=True, slots=True)
class Sessions:
    """Whose session a cookie is. Blocking: call it from a worker thread."""

    store: SessionStore
    times: SessionTimes

    def account_of(self, secret: str, *, now: datetime) -> Account | None:
        """None where there is no such session any more."""
        idle = self.times.idle.total_seconds()
        return self.store.account_of(hashed(secret.encode()), now=now, idle=idle)

    def close(self, secret: str, *, now: datetime) -> str | None:
        """Ends the session; gives the provider's ID token, if it had one."""
        return self.store.close(hashed(secret.encode()), now=now)


@dataclass(frozen=True, slots=True)
class SetUp:
    """Sets an account up by its one-time code: a password first, then the app's first code."""

    store: SetupCodeStore
    passwords: Passwords
    addresses: Attempts
    times: SessionTimes
    secrets: KeepsSecrets
    now: Callable[[], datetime]
    may: Callable[[str], bool] = _everybody
    """Who may have a password, by name."""

    def looked_at(self, code: str, *, address: str) -> SetupCode:
        """What the code is for. Raises SignInRefused, RateLimited."""
        self.addresses.take(address)
        return self._found(code)

    def begin(self, code: str, name: str, password: str, language: str) -> Enrolling:
        """Keeps the password, and gives the app's new secret.

        Raises SignInRefused, and DeclarationRefused, whose text is one of `Fault`.
        """
        found = self.store.code(_hash_of(code), now=self.now())
        if found.account is None:
            name = account_name(name)
        else:
            name, language = found.account.name, found.account.language
        if not self.may(name):
            raise DeclarationRefused(Fault.LOCAL)
        weak = weakness(password, account=name)
        if weak is not None:
            raise DeclarationRefused(weak)
        chosen = Enrolling(name, language, self.passwords.hash(password), one_time.new_secret())
        kept = replace(chosen, totp_secret=self.secrets.sealed(chosen.totp_secret))
        self.store.enrol(_hash_of(code), kept, now=self.now())
        return chosen

    def uri(self, chosen: Enrolling) -> str:
        """What the QR code of the app holds."""
        return one_time.provisioning_uri(chosen.totp_secret, chosen.name)

    def complete(self, code: str, app_code: str) -> tuple[OpenedSession, Sequence[str]]:
        """The account is set up and signed in; gives its recovery codes, which are shown once.

        Raises SignInRefused, and DeclarationRefused (`Fault.CODE`, `Fault.TAKEN`) for a wrong code.
        """
        now = self.now()
        chosen = self._found(code).enrolling
        step = None
        if chosen is not None and self.may(chosen.name):
            step = one_time.step_of(chosen.totp_secret, app_code[:_LONGEST_CODE], now=now)
        if step is None:
            raise DeclarationRefused(Fault.CODE)
        codes = one_time.new_recovery_codes()
        session, secret = new_session(self.times, now)
        account = self.store.complete(
            _hash_of(code),
            account_id=secrets.token_hex(8),
            step=step,
            recovery=[hashed(one_time.plain(one)) for one in codes],
            session=session,
        )
        log.info("account_set_up", account=account.id)
        return OpenedSession(account, secret), codes

    def _found(self, code: str) -> SetupCode:
        """The code, with the app's secret as it is; not begun where that cannot be read.

        Raises SignInRefused.
        """
        found = self.store.code(_hash_of(code), now=self.now())
        if found.enrolling is None:
            return found
        try:
            app_secret = self.secrets.opened(found.enrolling.totp_secret)
        except SecretUnreadable:
            return replace(found, enrolling=None)
        return replace(found, enrolling=replace(found.enrolling, totp_secret=app_secret))


@dataclass(frozen=True, slots=True)
class Invite:
    """Makes setup codes: for a new administrator, or for an account."""

    store: SetupCodeStore
    valid_for: timedelta

    def __call__(self, account: str | None, act: Act) -> str:
        """The code, which is shown once. Raises NotFound."""
        code = one_time.new_setup_code()
        self.store.add_code(_hash_of(code), account, expires_at=act.at + self.valid_for, act=act)
        return code


def new_account(store: AccountStore, account: Account, act: Act) -> None:
    """Raises DeclarationRefused for a name that cannot be one, or is taken, and for its terms."""
    account_name(account.name)
    AccountTerms(account.role.value, account.sites, account.expires_at).require(now=act.at)
    store.add(account, act)


def account_name(name: str) -> str:
    """The name of an account as it is kept. Raises DeclarationRefused (`Fault.NAME`)."""
    kept = name.strip()
    if not 2 <= len(kept) <= _LONGEST_NAME or not kept.isprintable():  # noqa: PLR2004
        raise DeclarationRefused(Fault.NAME)
    return kept


def new_session(
    times: SessionTimes, now: datetime, *, id_token: str | None = None
) -> tuple[NewSession, str]:
    """A session and the secret of its cookie."""
    secret = secrets.token_urlsafe(32)
    return NewSession(hashed(secret.encode()), now, now + times.most, id_token), secret


def _hash_of(code: str) -> bytes:
    return hashed(one_time.plain(code[:_LONGEST_CODE]))
