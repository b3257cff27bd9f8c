"""People: accounts with a password and one-time codes, and the sessions of their browsers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from vigie_server.domain.account_terms import AccountTerms
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.tokens import Role

ROLES: Final = (Role.ADMIN, Role.OPERATOR, Role.AUDITOR, Role.CONTRACTOR)
"""What a person can be; metrics are scraped with tokens."""
LANGUAGES: Final = ("fr", "en")


class Fault(StrEnum):
    """What is wrong with what a person chose at the setup."""

    NAME = "name"
    TAKEN = "taken"
    SHORT = "short"
    LONG = "long"
    COMMON = "common"
    CODE = "code"
    LOCAL = "local"


NAME_FAULTS: Final[Mapping[str, str]] = {
    Fault.NAME: "the name of an account has 2 to 64 characters that can be printed",
    Fault.TAKEN: "there is an account of that name: choose another one, or reset it",
}
"""What programs and the command line are told of a name; pages have words of their own."""


class AccountState(StrEnum):
    """`invited`: waits for its setup code to be used; `locked`: cannot sign in."""

    INVITED = "invited"
    ACTIVE = "active"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Account:
    """A person; `sites` None means every site."""

    id: str
    name: str
    role: Role
    sites: frozenset[str] | None
    language: str
    state: AccountState
    created_at: datetime
    has_password: bool = True
    """False: its person signs in by the identity provider alone."""
    expires_at: datetime | None = None
    """From this instant on nobody signs in; None: it has no end."""

    def ended(self, now: datetime) -> bool:
        """Whether its last day is over."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an account signs in with. `step` is the last one-time code used, by its number."""

    account: Account
    password_hash: str
    totp_secret: str
    step: int
    recovery: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Enrolling:
    """What a person chose on the first page of the setup, until the second one confirms it."""

    name: str
    language: str
    password_hash: str
    totp_secret: str


@dataclass(frozen=True, slots=True)
class AppBegun:
    """Another app on its way: its secret, what its QR code holds, and the form that ends it."""

    secret: str
    uri: str
    form: str


@dataclass(frozen=True, slots=True)
class RenewedApp:
    """Another app, its first code's number, and new recovery codes by their hashes.

    `before` is the secret that it replaces; secrets are as the store keeps them.
    """

    before: str
    totp_secret: str
    step: int
    recovery: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class SetupCode:
    """A code that sets an account up: `account` None makes a new administrator."""

    account: Account | None
    enrolling: Enrolling | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewSession:
    """A browser's session, by the hash of what its cookie holds."""

    secret_hash: bytes
    opened_at: datetime
    expires_at: datetime
    id_token: str | None = None
    """Of the identity provider, for signing out there too."""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that was opened; `secret` is for the cookie alone."""

    account: Account
    secret: str


@dataclass(frozen=True, slots=True)
class HeldSession:
    """A session as the store has it."""

    secret_hash: bytes
    opened_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session as its person sees it; `here`: it is the browser that asks."""

    opened_at: datetime
    used_at: datetime
    here: bool


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a name is tried freely, and its rest then in seconds, doubled to `at_most`."""

    free: int
    rest: float
    at_most: float


class KeepsSecrets(Protocol):
    """Secrets as the store may keep them; `of` says what they are, in and out alike."""

    def sealed(self, secret: str, *, of: str = "app") -> str:
        """Encrypted."""
        ...

    def opened(self, kept: str, *, of: str = "app") -> str:
        """The secret. Raises SecretUnreadable."""
        ...

    def is_own(self, kept: str) -> bool:
        """Whether it is encrypted, under the key at hand."""
        ...


class AccountStore(Protocol):
    """Accounts, by name (in any case). Blocking: call it from a worker thread."""

    def add(self, account: Account, act: Act) -> None:
        """Raises DeclarationRefused where the name is taken."""
        ...

    def account(self, name: str) -> Account:
        """Raises NotFound."""
        ...

    def by_id(self, account_id: str) -> Account:
        """Raises NotFound."""
        ...

    def accounts(self) -> Sequence[Account]:
        """Every account, by name."""
        ...

    def page(self, after: Position | None, limit: int) -> Page[Account]:
        """Some of them, by name."""
        ...

    def by_ids(self, after: Position | None, limit: int) -> Page[Account]:
        """Some of them, in the order of their ids; a place is (id,)."""
        ...

    def change(
        self, name: str, terms: AccountTerms, act: Act, require: Require[Account] = whatever
    ) -> Account:
        """Gives the account these terms; ends its sessions where they differ. Raises NotFound."""
        ...

    def lock(
        self, name: str, act: Act, require: Require[Account] = whatever, *, locked: bool
    ) -> Account:
        """Ends its sessions too. Raises NotFound."""
        ...

    def reset(self, name: str, act: Act, require: Require[Account] = whatever) -> Account:
        """Forgets password, one-time codes and sessions. Raises NotFound."""
        ...


class SetupCodeStore(Protocol):
    """Setup codes, by the hash of each. Blocking: call it from a worker thread."""

    def add_code(
        self, code_hash: bytes, account: str | None, *, expires_at: datetime, act: Act
    ) -> None:
        """A code for the account of this name, or None for a new administrator.

        It replaces the one before.
        """
        ...

    def code(self, code_hash: bytes, *, now: datetime) -> SetupCode:
        """Raises SignInRefused for one that is unknown, used or expired."""
        ...

    def enrol(self, code_hash: bytes, enrolling: Enrolling, *, now: datetime) -> None:
        """Keeps what was chosen. Raises SignInRefused, DeclarationRefused for a name taken."""
        ...

    def complete(
        self,
        code_hash: bytes,
        *,
        account_id: str,
        step: int,
        recovery: Sequence[bytes],
        session: NewSession,
    ) -> Account:
        """Uses the code up: the account is active and signed in. Raises as `enrol`."""
        ...


class SignInStore(Protocol):
    """What signing in reads and writes. Blocking: call it from a worker thread."""

    def reserve(self, name: str, tries: Tries, *, now: datetime) -> None:
        """Counts a try of this name, known or not. Raises RateLimited."""
        ...

    def credentials(self, name: str) -> Credentials | None:
        """What an account that is set up signs in with."""
        ...

    def signed_in(
        self, held: Credentials, session: NewSession, *, step: int | None, recovery: bytes | None
    ) -> bool:
        """Spends the one-time or recovery code and opens the session; False: it was spent."""
        ...

    def refused(self, account: Account | None, *, now: datetime) -> None:
        """Keeps in the audit that a sign-in was refused; of an unknown name, not the name."""
        ...


class SessionStore(Protocol):
    """Sessions of browsers, by the hash of their secret. Blocking."""

    def account_of(self, secret_hash: bytes, *, now: datetime, idle: float) -> Account | None:
        """Whose session this is; None where it ended, or rested for `idle` seconds."""
        ...

    def close(self, secret_hash: bytes, *, now: datetime) -> str | None:
        """Ends a session, if there is one; gives the provider's ID token, if it had one."""
        ...


class OwnAccountStore(Protocol):
    """What people change of their own account. Blocking: call it from a worker thread."""

    def sessions(self, account: Account, *, now: datetime, idle: float) -> Sequence[HeldSession]:
        """Its sessions that did not end nor rest for `idle` seconds, the last used first."""
        ...

    def close_others(self, account: Account, *, keeping: bytes, now: datetime) -> None:
        """Ends every session but the one of this hash."""
        ...

    def change_password(
        self, held: Credentials, password_hash: str, *, keeping: bytes, now: datetime
    ) -> bool:
        """Keeps the new password, and of the sessions the one of this hash alone.

        False: the account or the session changed since `held` was read, and nothing was kept.
        """
        ...

    def renew_app(
        self, account: Account, renewed: RenewedApp, *, keeping: bytes, now: datetime
    ) -> bool:
        """Keeps the new app and its recovery codes, and of the sessions the one of this hash alone.

        False: the account, its app or the session changed meanwhile, and nothing was kept.
        """
        ...

    def change_refused(self, account: Account, what: str, *, now: datetime) -> None:
        """Keeps in the audit that the present password was not right, for a change of `what`."""
        ...


class ChangesOwnAccount(Protocol):
    """A person's own account. `secret`: of the session that asks. Blocking."""

    def sessions(self, account: Account, *, secret: str) -> Sequence[OwnSession]:
        """Where the person is signed in, the last used first."""
        ...

    def close_others(self, account: Account, *, secret: str) -> None:
        """Ends every session but this one."""
        ...

    def change_password(self, account: Account, present: str, new: str, *, secret: str) -> None:
        """Changes the password and ends every session but this one.

        Raises SignInRefused, RateLimited, and DeclarationRefused, whose text is one of `Fault`.
        """
        ...


class RenewsApp(Protocol):
    """Another app for one-time codes. `secret`: of the session that asks. Blocking."""

    def begin(self, account: Account, present: str, *, secret: str) -> AppBegun:
        """A new secret, by the present password. Raises SignInRefused, RateLimited."""
        ...

    def begun(self, account: Account, form: str, *, secret: str) -> AppBegun:
        """What was begun. Raises SignInRefused: over, or not of this session."""
        ...

    def complete(self, account: Account, form: str, app_code: str, *, secret: str) -> Sequence[str]:
        """The new app is in force; gives new recovery codes, which are shown once.

        Raises SignInRefused, and DeclarationRefused (`Fault.CODE`) for a wrong code.
        """
        ...


class SignsIn(Protocol):
    """Lets people in. Blocking: call it from a worker thread."""

    def __call__(self, name: str, password: str, code: str, *, address: str) -> OpenedSession:
        """`code`: of the app, or one of recovery. Raises SignInRefused, RateLimited, StoreBusy."""
        ...


class SetsUp(Protocol):
    """Sets an account up by its one-time code. Blocking: call it from a worker thread."""

    def looked_at(self, code: str, *, address: str) -> SetupCode:
        """What the code is for. Raises SignInRefused, RateLimited."""
        ...

    def begin(self, code: str, name: str, password: str, language: str) -> Enrolling:
        """Keeps the password, and gives the app's new secret.

        Raises SignInRefused, and DeclarationRefused, whose text is one of `Fault`.
        """
        ...

    def uri(self, chosen: Enrolling) -> str:
        """What the QR code of the app holds."""
        ...

    def complete(self, code: str, app_code: str) -> tuple[OpenedSession, Sequence[str]]:
        """The account is set up and signed in; gives its recovery codes, which are shown once.

        Raises SignInRefused, and DeclarationRefused (`Fault.CODE`, `Fault.TAKEN`).
        """
        ...


class KnowsSessions(Protocol):
    """Whose session a cookie is. Blocking: call it from a worker thread."""

    def account_of(self, secret: str, *, now: datetime) -> Account | None:
        """None where there is no such session any more."""
        ...

    def close(self, secret: str, *, now: datetime) -> str | None:
        """Ends the session; gives the provider's ID token, if it had one."""
        ...
