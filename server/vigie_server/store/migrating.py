"""Brings a store to this version's schema, from the migrations shipped in the package.

Every command opens a store, and next to none has to migrate it: which schemas there are is known by
the names of the migrations' files, and Alembic loads when one of them has to run.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.store.database import Database
from vigie_server.store.postgres import unlimited

_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtext('vigie: migrations'))")
_STORED: Final = text("SELECT version_num FROM alembic_version")
_TABLES: Final = text(
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') "
    "AND relnamespace = current_schema()::regnamespace AND NOT EXISTS ("
    "SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid "
    "AND deptype = 'e')"
)
"""Names of tables where a store's would be, but for those of extensions."""
_NAMED: Final = 3
SCRIPTS: Final = Path(__file__).parent / "migrations"


def migrate(database: Database) -> str:
    """The revision the store is at, once every migration it lacked has run: all of them or none.

    Raises SettingsMalformed for a store of a newer version, and where somebody else's tables are.
    """
    newest, found = newest_revision(), stored_revision(database)
    if found != newest:
        _require_known(found)
        migrate_to(database, newest)
    return newest


def migrate_to(database: Database, revision: str) -> None:
    """Brings the store to a revision that is not older than its own."""
    from alembic import command  # noqa: PLC0415 (see above)
    from alembic.config import Config  # noqa: PLC0415 (see above)

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    with database.writing() as connection:
        if not database.is_sqlite:
            unlimited(connection)
            connection.execute(_ONE_AT_A_TIME)
        _require_own(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _require_own(connection: Connection) -> None:
    """Raises SettingsMalformed where there are tables and none of them says that it is a store."""
    if connection.dialect.name == "sqlite":
        tables = set(inspect(connection).get_table_names())
    else:
        tables = set(connection.execute(_TABLES).scalars())
    if tables and "alembic_version" not in tables:
        named = ", ".join(sorted(tables)[:_NAMED])
        raise SettingsMalformed(
            f"this is no store of Vigie, and not empty: it holds {len(tables)} table(s) of "
            f"somebody else's ({named}). Name an empty database"
        )


def require_migrated(database: Database) -> None:
    """Raises SettingsMalformed when the store is not at this version's schema."""
    found = stored_revision(database)
    _require_known(found)
    if found != newest_revision():
        raise SettingsMalformed(
            f"the store is at schema {found or 'none'}, this version needs {newest_revision()}: "
            "run `vigie-server migrate`"
        )


def stored_revision(database: Database) -> str | None:
    """The schema revision of the store; None for an empty one."""
    with database.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(_STORED).scalar()


def newest_revision() -> str:
    """The schema revision of this version."""
    return max(revisions())


def revisions() -> frozenset[str]:
    """The schemas that this version knows. Raises SettingsMalformed where there is none."""
    files = (SCRIPTS / "versions").glob("r[0-9]*_*.py")
    found = frozenset(file.stem[1:].partition("_")[0] for file in files)
    if not found:
        raise SettingsMalformed("this installation holds no migrations")
    return found


def _require_known(found: str | None) -> None:
    if found is not None and found not in revisions():
        raise SettingsMalformed(
            f"the store is at schema {found}, which this version does not know: a newer version "
            "made it. Run that one, or restore a backup of before"
        )
