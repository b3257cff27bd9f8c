"""Where administrators make and change accounts, through pages and the API. The `AccountDesk`."""

import secrets
from dataclasses import dataclass

from vigie_server.domain.account_terms import AccountTerms
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.people import Account, AccountState, AccountStore
from vigie_server.ports.tokens import Role
from vigie_server.services.sign_in import Invite, account_name, new_account


@dataclass(frozen=True, slots=True)
class AccountDesk:
    """`address` is where a setup code is used; empty: below the address that a visitor came by."""

    store: AccountStore
    invite: Invite
    address: str

    @property
    def code_minutes(self) -> int:
        return round(self.invite.valid_for.total_seconds() / 60)

    def by_ids(self, after: Position | None, limit: int) -> Page[Account]:
        return self.store.by_ids(after, limit)

    def account(self, account_id: str) -> Account:
        return self.store.by_id(account_id)

    def page(self, after: Position | None, limit: int) -> Page[Account]:
        return self.store.page(after, limit)

    def make(self, name: str, terms: AccountTerms, language: str, act: Act) -> Account:
        made = Account(
            id=secrets.token_hex(8),
            name=account_name(name),
            role=Role(terms.role),
            sites=terms.sites,
            language=language,
            state=AccountState.INVITED,
            created_at=act.at,
            has_password=False,
            expires_at=terms.expires_at,
        )
        new_account(self.store, made, act)
        return made

    def code(self, account: Account, act: Act) -> str:
        return self.invite(account.name, act)

    def change(
        self,
        account: Account,
        terms: AccountTerms,
        act: Act,
        require: Require[Account] = whatever,
    ) -> Account:
        terms.require(now=act.at)
        return self.store.change(account.name, terms, act, require)

    def lock(
        self, account: Account, act: Act, require: Require[Account] = whatever, *, locked: bool
    ) -> Account:
        return self.store.lock(account.name, act, require, locked=locked)

    def reset(self, account: Account, act: Act, require: Require[Account] = whatever) -> str:
        return self.invite(self.store.reset(account.name, act, require).name, act)
