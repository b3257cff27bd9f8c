"""What dconf holds for an account: its own database below the system's, locks, schema defaults.

The compiled databases count, not the text files beside them: a text that nobody compiled with
`dconf update`, or a database that the profile does not name, has no effect.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.gvdb import DamagedDatabase, GvdbTable, Scalar, read_gvdb
from vigie_agent.tables.host import Host

_PROFILES: Final = (
    "/etc/dconf/profile/user",
    "/usr/local/share/dconf/profile/user",
    "/usr/share/dconf/profile/user",
)
_SCHEMAS: Final = "/usr/share/glib-2.0/schemas/gschemas.compiled"
_USER_DATABASE: Final = ".config/dconf/user"
_MAX_BYTES: Final = 8 * 1024 * 1024


class Key(NamedTuple):
    """A setting: its schema, which is its path too, and its name."""

    schema: str
    name: str

    @property
    def path(self) -> str:
        """As dconf names it: /org/gnome/desktop/session/idle-delay."""
        return f"/{self.schema.replace('.', '/')}/{self.name}"


class InForce(NamedTuple):
    """A value, who set it, and whether the person may change it."""

    value: Scalar
    origin: str
    locked: bool


@dataclass(frozen=True, slots=True)
class Database:
    """One layer: the values asked for that it holds, and the paths it locks."""

    name: str
    values: Mapping[str, Scalar] = field(default_factory=dict)
    locks: frozenset[str] = frozenset()
    unread: str = ""


@dataclass(frozen=True, slots=True)
class SystemLayers:
    """What holds for every account: the profile's system databases, the defaults of schemas."""

    databases: tuple[Database, ...]
    defaults: Mapping[Key, Scalar]

    def in_force(self, key: Key, own: Database) -> InForce | str:
        """The value for the account whose database is `own`; why it is not known, in words.

        A lock in a lower layer cuts off all layers above it.
        """
        layers = (own, *self.databases)
        start = max((n for n, one in enumerate(layers) if key.path in one.locks and n), default=0)
        for layer in layers[start:]:
            if layer.unread:
                return layer.unread
            if key.path in layer.values:
                return InForce(layer.values[key.path], layer.name, start > 0)
        if key in self.defaults:
            return InForce(self.defaults[key], "default", start > 0)
        return f"the default of {key.schema} could not be read"


def system_layers(host: Host, keys: tuple[Key, ...]) -> SystemLayers:
    """What the device's profile and schemas say of `keys`."""
    return SystemLayers(
        tuple(
            _database(host, path, keys, name=path.rpartition("/")[2])
            for path in _system_databases(host)
        ),
        _defaults(host, keys),
    )


def user_layer(host: Host, directory: str, keys: tuple[Key, ...]) -> Database:
    """What the account whose home is `directory` set itself; nothing when it never set any."""
    return _database(host, f"{directory}/{_USER_DATABASE}", keys, name="user")


def _system_databases(host: Host) -> list[str]:
    """The profile's databases below the person's own, in its order; without a profile, none."""
    for path in _PROFILES:
        text = host.text_or_empty(path)
        if text:
            lines = [line.partition("#")[0].strip() for line in text.splitlines()]
            pairs = [line.partition(":")[::2] for line in lines if ":" in line]
            return [
                name if kind == "file-db" else f"/etc/dconf/db/{name}"
                for kind, name in pairs
                if kind in {"system-db", "file-db"} and "/.." not in name
            ]
    return []


def _database(host: Host, path: str, keys: tuple[Key, ...], *, name: str) -> Database:
    try:
        root = read_gvdb(host.read_bytes(path, max_bytes=_MAX_BYTES))
        locks = root.table(".locks")
    except FileNotFoundError:
        return Database(name)
    except DamagedDatabase as error:
        return Database(name, unread=f"{_told(path)}: {error}")
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            return Database(name)
        return Database(name, unread=f"{_told(path)}: {reason(error)}")
    return Database(
        name,
        root.values([key.path for key in keys]),
        locks.names() if locks else frozenset(),
    )


def _told(path: str) -> str:
    """The database in words that name nobody: the account has a column of its own."""
    return "the account's dconf database" if path.endswith(_USER_DATABASE) else path


def _defaults(host: Host, keys: tuple[Key, ...]) -> Mapping[Key, Scalar]:
    try:
        root = read_gvdb(host.read_bytes(_SCHEMAS, max_bytes=_MAX_BYTES))
        return {key: value for key in keys for value in _in_schema(root, key)}
    except (OSError, DamagedDatabase):
        return {}


def _in_schema(root: GvdbTable, key: Key) -> tuple[Scalar, ...]:
    schema = root.table(key.schema)
    return tuple(schema.values([key.name]).values()) if schema else ()
