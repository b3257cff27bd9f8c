"""Which authorities the store belongs to: servers over one store must hold the same."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import delete, select, text

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.store.database import Database
from vigie_server.store.models import Meta
from vigie_server.store.tables import table

META: Final = table(Meta)
_NAMED: Final = "authority:"
_ADD: Final = text(
    "INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING"
)


def known_authorities(database: Database) -> Mapping[str, str]:
    """By name, the SHA-256 in hexadecimal of each authority of this store."""
    with database.reading() as connection:
        rows = connection.execute(select(META).where(META.c.name.startswith(_NAMED))).all()
    return {row.name.removeprefix(_NAMED): row.value for row in rows}


def require_authority(database: Database, name: str, sha256: bytes) -> None:
    """Makes the authority the store's if it has none. Raises SettingsMalformed for another one."""
    if known_authorities(database).get(name) is None:
        with database.writing() as connection:
            connection.execute(_ADD, {"name": _NAMED + name, "value": sha256.hex()})
    known = known_authorities(database)[name]
    if known != sha256.hex():
        raise SettingsMalformed(
            f"the authority in ca/{name}.crt (SHA-256 {sha256.hex()[:16]}...) is not the one of "
            f"this store ({known[:16]}...): put there the folder `ca` of the server that made it. "
            "If that one is lost for good, `vigie-server init --new-authority` has the store take "
            "this one: devices enrol again"
        )


def forget_authorities(database: Database) -> None:
    """The next authorities that are shown to the store are its own."""
    with database.writing() as connection:
        connection.execute(delete(META).where(META.c.name.startswith(_NAMED)))


def forget_authority(database: Database, name: str) -> None:
    """The same for one of them."""
    with database.writing() as connection:
        connection.execute(delete(META).where(META.c.name == _NAMED + name))
