"""Where administrators make and change accounts, through pages and the API. All block."""

from typing import Protocol

from vigie_server.domain.account_terms import AccountTerms
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.people import Account


class AccountDesk(Protocol):
    """Accounts and the codes that set them up. A code is given once, when it is made."""

    @property
    def address(self) -> str:
        """Where a setup code is used; empty: below the address that the visitor came by."""
        ...

    @property
    def code_minutes(self) -> int:
        """How long a setup code is good."""
        ...

    def by_ids(self, after: Position | None, limit: int) -> Page[Account]:
        """Some accounts, in the order of their ids; a place is (id,)."""
        ...

    def page(self, after: Position | None, limit: int) -> Page[Account]:
        """Some accounts, in the order of their names."""
        ...

    def account(self, account_id: str) -> Account:
        """Raises NotFound."""
        ...

    def make(self, name: str, terms: AccountTerms, language: str, act: Act) -> Account:
        """Raises DeclarationRefused: the terms, or one of `Fault`."""
        ...

    def code(self, account: Account, act: Act) -> str:
        """A new setup code, which replaces the one before."""
        ...

    def change(
        self,
        account: Account,
        terms: AccountTerms,
        act: Act,
        require: Require[Account] = whatever,
    ) -> Account:
        """The account as it is then. Raises DeclarationRefused."""
        ...

    def lock(
        self, account: Account, act: Act, require: Require[Account] = whatever, *, locked: bool
    ) -> Account:
        """The account as it is then. Ends its sessions too."""
        ...

    def reset(self, account: Account, act: Act, require: Require[Account] = whatever) -> str:
        """Forgets password, app and sessions; gives a setup code."""
        ...
