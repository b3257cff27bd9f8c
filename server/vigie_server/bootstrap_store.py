"""The data folder and what is in it: authorities, store, tokens, and the rules in force."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vigie_server import clock
from vigie_server.bundled import bundled_catalogue
from vigie_server.ca import authority
from vigie_server.ca.authority import CertificateAuthority
from vigie_server.domain.errors import SettingsMalformed, VigieError
from vigie_server.domain.rules import Catalogue
from vigie_server.services.tokens import MakeTokens
from vigie_server.settings import ServerSettings, advertised, port_of
from vigie_server.store import epoch, migrating
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.postgres import Terms, require_fit
from vigie_server.store.tokens import Tokens


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """What the command line needs for tokens."""

    store: Tokens
    make: MakeTokens
    enrolment_endpoints: tuple[str, ...]
    ca_sha256: bytes


def authorities(settings: ServerSettings) -> Path:
    """The folder of the server's authorities."""
    return settings.data / "ca"


def catalogue_in_force(settings: ServerSettings) -> Catalogue:
    """The rules of the release and the site's own. Raises RulesMalformed, SettingsMalformed."""
    return bundled_catalogue(settings.own_references, settings.own_rules)


def open_store(settings: ServerSettings) -> Database:
    """The store, at this version's schema: a SQLite one is brought to it, another one must be.

    Raises SettingsMalformed, StoreBusy.
    """
    if settings.store.url:
        database = server_store(settings)
        migrating.require_migrated(database)
    else:
        if not settings.data.is_dir():
            raise SettingsMalformed(f"there is no folder {settings.data}: run `vigie-server init`")
        database = Database(sqlite_url(settings.data / "vigie.db"))
        migrating.migrate(database)
    epoch.prepare(database)
    return database


def server_store(settings: ServerSettings) -> Database:
    """The PostgreSQL that the settings name, at whatever schema it is.

    Raises SettingsMalformed, StoreBusy.
    """
    given = settings.store
    database = Database(
        given.url,
        Terms(
            connections=given.connections,
            connect_within=given.connect_within,
            statement_within=given.statement_within,
            lock_within=given.lock_within,
            silent_within=given.silent_within,
            retries=given.retries,
        ),
    )
    try:
        with database.reading() as connection:
            require_fit(connection)
    except VigieError:
        database.close()
        raise
    return database


def initialise(settings: ServerSettings, *, now: datetime) -> CertificateAuthority:
    """Makes the data folder, the authorities and the store; what is there stays."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority.create(authorities(settings), authority.DEVICES, now=now)
    authority.create(authorities(settings), authority.HTTPS, names_only=settings.own_names, now=now)
    if settings.store.url:
        with closing(server_store(settings)) as database:
            migrating.migrate(database)
    open_store(settings).close()
    return authority.load(authorities(settings), authority.DEVICES)


def tokens_of(settings: ServerSettings, database: Database, *, actor: str) -> TokenDesk:
    """Where tokens are made, listed and revoked. Raises SettingsMalformed."""
    endpoints = advertised(
        settings,
        telemetry_port=port_of(settings.listen.telemetry),
        enrolment_port=port_of(settings.listen.enrolment),
    )
    devices_authority = authority.load(authorities(settings), authority.DEVICES)
    return TokenDesk(
        store=Tokens(database),
        make=MakeTokens(Tokens(database), clock.utc_now, actor),
        enrolment_endpoints=endpoints.enrolment,
        ca_sha256=devices_authority.sha256,
    )
