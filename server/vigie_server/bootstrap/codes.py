"""Setup codes: who makes them, where they are used, and the desk that does both for pages."""

from vigie_server.services.account_desk import AccountDesk
from vigie_server.services.sign_in import Invite
from vigie_server.settings import ServerSettings
from vigie_server.store.accounts import Accounts
from vigie_server.store.database import Database


def invite(settings: ServerSettings, database: Database) -> Invite:
    """Makes setup codes."""
    return Invite(Accounts(database), settings.sign_in.setup_code)


def setup_address(settings: ServerSettings) -> str:
    """Where a setup code is used."""
    if settings.http.origin:
        return f"{settings.http.origin}/setup"
    host, _, port = settings.listen.http.rpartition(":")
    if host.strip("[]") in {"", "0.0.0.0", "::"}:  # noqa: S104 (looked at, not listened on)
        host = settings.own_names[0]
    return f"{'http' if settings.http.plain else 'https'}://{host}:{port}/setup"


def account_desk(settings: ServerSettings, database: Database) -> AccountDesk:
    """Where administrators make and change accounts through pages."""
    address = setup_address(settings) if settings.http.origin else ""
    return AccountDesk(Accounts(database), invite(settings, database), address)
