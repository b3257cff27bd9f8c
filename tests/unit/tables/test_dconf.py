"""dconf's databases and GLib's schemas, as the real programs compiled them, and damaged."""

from pathlib import Path
from typing import Final

import pytest

from fake_host import a_device
from vigie_agent.tables.dconf import Database, InForce, Key, system_layers, user_layer
from vigie_agent.tables.gvdb import DamagedDatabase, read_gvdb, scalar

COMPILED: Final = Path(__file__).parents[2] / "fixtures" / "linux" / "dconf"
IDLE: Final = Key("org.gnome.desktop.session", "idle-delay")
LOCK: Final = Key("org.gnome.desktop.screensaver", "lock-enabled")
PROFILE: Final = "user-db:user\nsystem-db:local\n"


def compiled(name: str) -> bytes:
    return (COMPILED / name).read_bytes()


def test_only_the_values_asked_for_are_decoded() -> None:
    values = read_gvdb(compiled("user-never")).values([IDLE.path, LOCK.path, "/org/absent"])

    assert values == {IDLE.path: 0, LOCK.path: True}


def test_locks_are_a_table_inside_the_table() -> None:
    locks = read_gvdb(compiled("local-locked")).table(".locks")

    assert locks is not None
    assert IDLE.path in locks.names()
    assert read_gvdb(compiled("local-default")).table(".locks") is None


def test_the_default_of_a_schema_is_the_first_child_of_its_key() -> None:
    schemas = read_gvdb(compiled("gschemas.compiled"))

    session, mate = schemas.table("org.gnome.desktop.session"), schemas.table("org.mate.session")

    assert session is not None
    assert session.values(["idle-delay"]) == {"idle-delay": 300}
    assert mate is not None
    assert mate.values(["idle-delay"]) == {"idle-delay": 5}  # a key with a range beside it


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"GVariant",
        b"raVGtnai" + bytes(40),
        b"PK\x03\x04" + bytes(60),
        compiled("user-never")[:120],
        compiled("user-never")[:16] + b"\xff" * 8 + compiled("user-never")[24:],
        compiled("user-never").replace(b"\xff\xff\xff\xff", b"\x7f\x7f\x00\x00"),
    ],
    ids=["empty", "cut", "swapped", "other", "torn", "outside", "parents"],
)
def test_a_damaged_database_is_told_from_an_empty_one(damaged: bytes) -> None:
    with pytest.raises(DamagedDatabase):
        read_gvdb(damaged)


def test_items_that_are_each_others_parents_do_not_loop() -> None:
    looping = compiled("user-never").replace(b"\xff\xff\xff\xff", b"\x00\x00\x00\x00")

    with pytest.raises(DamagedDatabase):
        read_gvdb(looping)


@pytest.mark.parametrize(
    ("child", "type_string", "value"),
    [
        (b"\x01", "b", True),
        (b"\x2c\x01\x00\x00", "u", 300),
        (b"\xff\xff\xff\xff", "i", -1),
        (b"off\0", "s", "off"),
        (b"\x2c\x01", "u", None),
        (b"\x00", "as", None),
    ],
)
def test_a_simple_value_is_decoded_by_its_type(
    child: bytes, type_string: str, value: object
) -> None:
    assert scalar(child, type_string) == value


def test_an_accounts_own_value_beats_the_systems_default(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/dconf/profile/user": PROFILE,
            "/etc/dconf/db/local": compiled("local-default"),
            "/home/marie/.config/dconf/user": compiled("user-never"),
        },
    )

    layers, own = system_layers(host, (IDLE,)), user_layer(host, "/home/marie", (IDLE,))

    assert layers.in_force(IDLE, own) == InForce(0, "user", locked=False)
    assert layers.in_force(IDLE, Database("user")) == InForce(300, "local", locked=False)


def test_a_lock_cuts_off_what_an_account_set(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/dconf/profile/user": PROFILE,
            "/etc/dconf/db/local": compiled("local-locked"),
            "/home/marie/.config/dconf/user": compiled("user-never"),
        },
    )

    own = user_layer(host, "/home/marie", (IDLE,))

    assert system_layers(host, (IDLE,)).in_force(IDLE, own) == InForce(300, "local", locked=True)


def test_a_system_database_that_no_profile_names_has_no_effect(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/dconf/db/local": compiled("local-locked"),
            "/usr/share/glib-2.0/schemas/gschemas.compiled": compiled("gschemas.compiled"),
        },
    )

    found = system_layers(host, (IDLE,)).in_force(IDLE, Database("user"))

    assert found == InForce(300, "default", locked=False)


def test_a_text_that_nobody_compiled_has_no_effect(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/dconf/profile/user": PROFILE,
            "/etc/dconf/db/local.d/00-lock": "[org/gnome/desktop/session]\nidle-delay=uint32 60\n",
            "/usr/share/glib-2.0/schemas/gschemas.compiled": compiled("gschemas.compiled"),
        },
    )

    found = system_layers(host, (IDLE,)).in_force(IDLE, Database("user"))

    assert found == InForce(300, "default", locked=False)


def test_a_damaged_database_of_an_account_is_no_default(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/home/marie/.config/dconf/user": b"GVariant and more"})

    own = user_layer(host, "/home/marie", (IDLE,))

    found = system_layers(host, (IDLE,)).in_force(IDLE, own)
    assert isinstance(found, str)
    assert "marie" not in found


def test_without_schemas_a_default_is_not_made_up(tmp_path: Path) -> None:
    found = system_layers(a_device(tmp_path), (IDLE,)).in_force(IDLE, Database("user"))

    assert found == "the default of org.gnome.desktop.session could not be read"
