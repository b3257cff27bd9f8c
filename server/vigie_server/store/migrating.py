"""Brings a store to this version's schema, from the migrations shipped in the package."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.store.database import Database
from vigie_server.store.postgres import unlimited

_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtext('vigie: migrations'))")
SCRIPTS: Final = Path(__file__).parent / "migrations"


def migrate(database: Database) -> str:
    """The revision the store is at, once every migration it lacked has run: all of them or none.

    Raises SettingsMalformed for a store of a newer version.
    """
    newest, found = newest_revision(), stored_revision(database)
    if found != newest:  # every command opens the store: one that is up to date is only read
        _require_known(found)
        migrate_to(database, newest)
    return newest


def migrate_to(database: Database, revision: str) -> None:
    """Brings the store to a revision that is not older than its own."""
    config = _config()
    with database.writing() as connection:
        if not database.is_sqlite:
            unlimited(connection)
            connection.execute(_ONE_AT_A_TIME)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


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
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str:
    """The schema revision of this version."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise SettingsMalformed("this installation holds no migrations")
    return head


def _require_known(found: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise SettingsMalformed(
            f"the store is at schema {found}, which this version does not know: a newer version "
            "made it. Run that one, or restore a backup of before"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
