"""The data folder and what is in it: authorities, store, tokens, and the rules in force."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vigie_server import clock
from vigie_server.backups.placing import require_finished
from vigie_server.bundled import bundled_catalogue
from vigie_server.ca import authority
from vigie_server.ca.authority import CertificateAuthority
from vigie_server.domain.errors import SettingsMalformed, VigieError
from vigie_server.domain.rules import Catalogue
from vigie_server.services.tokens import MakeTokens
from vigie_server.settings import ServerSettings, advertised, port_of
from vigie_server.store import epoch, migrating
from vigie_server.store.authority_known import (
    forget_authorities,
    forget_authority,
    known_authorities,
    require_authority,
)
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.left_behind import require_moved
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
    require_finished(settings.data)
    if settings.store.url:
        database = server_store(settings)
        try:
            migrating.require_migrated(database)
            require_moved(_sqlite_file(settings), database)
        except VigieError:
            database.close()
            raise
    else:
        if not settings.data.is_dir():
            raise SettingsMalformed(f"there is no folder {settings.data}: run `vigie-server init`")
        database = Database(
            sqlite_url(_sqlite_file(settings)), cache=int(settings.store.sqlite_cache)
        )
        migrating.migrate(database)
    epoch.prepare(database)
    return database


def _sqlite_file(settings: ServerSettings) -> Path:
    return settings.data / "vigie.db"


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
        if database.is_sqlite:
            raise SettingsMalformed(
                "the store's URL is one of SQLite; a SQLite store needs none: it is vigie.db in "
                "the data folder. PostgreSQL: postgresql+psycopg://account@host/database"
            )
        with database.reading() as connection:
            require_fit(connection)
    except VigieError:
        database.close()
        raise
    return database


def initialise(
    settings: ServerSettings,
    *,
    now: datetime,
    new_authority: bool = False,
    new_https: bool = False,
) -> CertificateAuthority:
    """Makes the data folder, the authorities and the store; what is there stays.

    A store that knows its authority is served with that one: another folder's is not made beside
    it, unless `new_authority` has the store take those of this folder. With `new_https` the
    authority of console and API is made anew, for the names of now; that of devices stays.

    Raises SettingsMalformed.
    """
    require_finished(settings.data)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.store.url:
        with closing(server_store(settings)) as database:
            migrating.migrate(database)
            if new_authority:
                forget_authorities(database)
            elif known_authorities(database):
                _require_own(settings)
    if new_https:
        authority.remove(authorities(settings), authority.HTTPS)
    _make_authorities(settings, now)
    with closing(open_store(settings)) as database:
        if new_authority:
            forget_authorities(database)
        elif new_https:
            forget_authority(database, authority.HTTPS)
        own_authority(settings, database, authority.HTTPS)
        return own_authority(settings, database, authority.DEVICES)


def own_authority(settings: ServerSettings, database: Database, name: str) -> CertificateAuthority:
    """The authority in the data folder, which is the store's too. Raises SettingsMalformed."""
    found = authority.load(authorities(settings), name)
    require_authority(database, name, found.sha256)
    return found


def _require_own(settings: ServerSettings) -> None:
    if not (authorities(settings) / f"{authority.DEVICES}.key").exists():
        raise SettingsMalformed(
            f"another server made the authority of this store: put its folder `ca` in "
            f"{settings.data} first. If it is lost for good, `vigie-server init --new-authority` "
            "makes another one, and devices enrol again"
        )


def _make_authorities(settings: ServerSettings, now: datetime) -> None:
    folder = authorities(settings)
    authority.create(folder, authority.DEVICES, now=now)
    authority.create(folder, authority.HTTPS, names_only=settings.own_names, now=now)


def tokens_of(settings: ServerSettings, database: Database, *, actor: str) -> TokenDesk:
    """Where tokens are made, listed and revoked. Raises SettingsMalformed."""
    endpoints = advertised(
        settings,
        telemetry_port=port_of(settings.listen.telemetry),
        enrolment_port=port_of(settings.listen.enrolment),
    )
    devices_authority = own_authority(settings, database, authority.DEVICES)
    return TokenDesk(
        store=Tokens(database),
        make=MakeTokens(Tokens(database), clock.utc_now, actor),
        enrolment_endpoints=endpoints.enrolment,
        ca_sha256=devices_authority.sha256,
    )
