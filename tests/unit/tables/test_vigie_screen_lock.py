"""When Linux sessions lock: which setting wins, on each desktop."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_screen_lock
from vigie_agent.tables.desktop_locks import (
    KdeFile,
    XfceFile,
    desktop_of,
    kde_lock,
    read_kscreenlockerrc,
    read_xfconf,
    xfce_lock,
)
from vigie_agent.tables.host import Host
from vigie_agent.tables.session_locks import Lock

COMPILED: Final = Path(__file__).parents[2] / "fixtures" / "linux" / "dconf"
PASSWD: Final = (
    "root:x:0:0:root:/root:/bin/bash\n"
    "daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n"
    "marie:x:1001:1001::/home/marie:/bin/bash\n"
)
SCHEMAS: Final = "/usr/share/glib-2.0/schemas/gschemas.compiled"
XFCONF: Final = "xfce4/xfconf/xfce-perchannel-xml/xfce4-screensaver.xml"


def a_desktop(root: Path, session: str, files: Mapping[str, str | bytes] | None = None) -> Host:
    """A device with one desktop and the account marie."""
    return a_device(
        root,
        {
            "/etc/passwd": PASSWD,
            "/home/marie/.profile": "",
            f"/usr/share/xsessions/{session}.desktop": "",
            SCHEMAS: (COMPILED / "gschemas.compiled").read_bytes(),
            **(files or {}),
        },
    )


def locks(host: Host) -> list[TableRow]:
    return rows_of(vigie_screen_lock.tables(host, "linux"), "vigie_screen_lock")


def of_marie(host: Host) -> TableRow:
    (row,) = (row for row in locks(host) if row["username"] == "marie")
    return row


def test_without_a_desktop_there_is_nothing_to_lock(tmp_path: Path) -> None:
    assert locks(a_device(tmp_path, {"/etc/passwd": PASSWD, "/home/marie/.profile": ""})) == []


def test_gnome_locks_by_its_defaults_where_nobody_set_anything(tmp_path: Path) -> None:
    rows = locks(a_desktop(tmp_path, "gnome"))

    assert [(row["part"], row["username"], row["locks"]) for row in rows] == [
        ("machine", "", 1),
        ("users", "marie", 1),
    ]
    assert {row["lock_after_seconds"] for row in rows} == {300}
    assert {row["enforced"] for row in rows} == {0}


def test_an_account_that_never_blanks_its_screen_never_locks(tmp_path: Path) -> None:
    own = (COMPILED / "user-never").read_bytes()
    host = a_desktop(tmp_path, "ubuntu", {"/home/marie/.config/dconf/user": own})

    assert (of_marie(host)["locks"], of_marie(host)["lock_after_seconds"]) == (0, None)


def test_the_delay_of_the_lock_counts_from_the_idle_time(tmp_path: Path) -> None:
    own = (COMPILED / "user-hour").read_bytes()
    host = a_desktop(tmp_path, "gnome", {"/home/marie/.config/dconf/user": own})

    marie = of_marie(host)

    assert (marie["lock_after_seconds"], marie["grace_seconds"]) == (3660, 60)


def test_what_the_administrator_locked_holds_whatever_the_account_set(tmp_path: Path) -> None:
    host = a_desktop(
        tmp_path,
        "gnome",
        {
            "/etc/dconf/profile/user": "user-db:user\nsystem-db:local\n",
            "/etc/dconf/db/local": (COMPILED / "local-locked").read_bytes(),
            "/home/marie/.config/dconf/user": (COMPILED / "user-never").read_bytes(),
        },
    )

    assert (of_marie(host)["lock_after_seconds"], of_marie(host)["enforced"]) == (300, 1)


def test_an_account_whose_database_cannot_be_read_is_not_collected(tmp_path: Path) -> None:
    host = a_desktop(tmp_path, "gnome")
    closed(host, "/home/marie/.config/dconf/user")

    marie = of_marie(host)

    assert marie["collected"] == "no"
    assert marie["why"]
    assert "locks" not in marie


def test_an_encrypted_home_that_is_closed_is_not_an_account_without_settings(
    tmp_path: Path,
) -> None:
    host = a_desktop(tmp_path, "gnome", {"/home/marie/Access-Your-Private-Data.desktop": ""})

    assert of_marie(host)["collected"] == "no"


@pytest.mark.parametrize(("session", "after"), [("cinnamon", 900), ("mate", 300)])
def test_the_relatives_of_gnome_have_their_own_keys_and_units(
    session: str, after: int, tmp_path: Path
) -> None:
    assert of_marie(a_desktop(tmp_path, session))["lock_after_seconds"] == after


def test_an_account_is_judged_on_the_desktop_it_used_last(tmp_path: Path) -> None:
    host = a_desktop(
        tmp_path,
        "gnome",
        {
            "/usr/share/wayland-sessions/plasma.desktop": "",
            "/var/lib/AccountsService/users/marie": "[User]\nSession=plasma\n",
        },
    )

    assert {row["source"] for row in locks(host) if row["part"] == "machine"} == {
        "GNOME",
        "KDE Plasma",
    }
    assert of_marie(host)["source"] == "KDE Plasma"


def test_a_desktop_whose_lock_is_not_known_says_so(tmp_path: Path) -> None:
    host = a_desktop(tmp_path, "i3")

    (machine,) = locks(host)

    assert machine["collected"] == "no"
    assert "i3" in str(machine["why"])


def test_homes_of_a_directory_are_accounts_too(tmp_path: Path) -> None:
    host = a_desktop(tmp_path, "gnome", {"/home/j.petit/.profile": ""})

    assert {row["username"] for row in locks(host)} == {"", "j.petit", "marie"}


def test_plasma_locks_after_its_minutes_and_its_grace(tmp_path: Path) -> None:
    text = "[Daemon]\nTimeout=10\nLockGrace=30\n\n[Greeter]\nTimeout=99\n"
    host = a_desktop(tmp_path, "plasma", {"/home/marie/.config/kscreenlockerrc": text})

    assert of_marie(host)["lock_after_seconds"] == 630


@pytest.mark.parametrize(
    ("own", "locks_itself"),
    [
        ("", True),
        ("[Daemon]\nAutolock=false\n", False),
        ("[Daemon]\nTimeout=0\n", False),
        ("[Daemon]\nLockGrace=-1\n", False),
        ("[Daemon]\nTimeout=soon\n", True),
    ],
)
def test_plasma_locks_unless_it_is_told_not_to(own: str, locks_itself: bool) -> None:
    assert kde_lock(KdeFile(), read_kscreenlockerrc(own)).locks is locks_itself


@pytest.mark.parametrize(
    ("system", "after"),
    [
        ("[Daemon]\nTimeout=5\n", None),
        ("[Daemon]\nTimeout[$i]=5\nAutolock[$i]=true\n", 305),
        ("[Daemon][$i]\nTimeout=5\nAutolock=true\n", 305),
        ("[$i]\n[Daemon]\nTimeout=5\nAutolock=true\n", 305),
    ],
    ids=["default", "keys", "group", "file"],
)
def test_what_plasma_marks_immutable_holds(system: str, after: int | None) -> None:
    own = read_kscreenlockerrc("[Daemon]\nTimeout=0\nAutolock=false\n")

    assert kde_lock(read_kscreenlockerrc(system), own).after_seconds == after


def an_xfconf(idle: str = "", lock: str = "", locked: str = "") -> str:
    mark = f' locked="{locked}"' if locked else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<channel name="xfce4-screensaver" version="1.0">\n'
        '  <property name="saver" type="empty">\n    <property name="idle-activation" type="empty">'
        f'\n      <property name="delay" type="int" value="{idle or 5}"{mark}/>\n    </property>'
        '\n  </property>\n  <property name="lock" type="empty">\n'
        f'    <property name="enabled" type="bool" value="{lock or "true"}"/>\n'
        '    <property name="saver-activation" type="empty">\n'
        '      <property name="delay" type="int" value="2"/>\n    </property>\n  </property>\n'
        "</channel>\n"
    )


def test_xfce_counts_both_delays_in_minutes() -> None:
    assert xfce_lock(XfceFile(), read_xfconf(an_xfconf("10"))) == Lock(720, True, 120)


def test_xfce_without_the_lock_blanks_the_screen_only() -> None:
    lock = xfce_lock(XfceFile(), read_xfconf(an_xfconf("10", "false")))

    assert (lock.locks, lock.asks_password) == (False, False)


def test_what_xfce_locks_for_all_holds() -> None:
    system = read_xfconf(an_xfconf("3", locked="*"))

    assert xfce_lock(system, read_xfconf(an_xfconf("60"))).after_seconds == 300


def test_xfce_without_a_program_that_locks_never_locks(tmp_path: Path) -> None:
    assert of_marie(a_desktop(tmp_path, "xfce"))["locks"] == 0


def test_how_long_light_locker_waits_is_in_no_file(tmp_path: Path) -> None:
    marie = of_marie(a_desktop(tmp_path, "xfce", {"/usr/bin/light-locker": ""}))

    assert (marie["collected"], "light-locker" in str(marie["why"])) == ("no", True)


def test_xfce_reads_the_accounts_own_file(tmp_path: Path) -> None:
    host = a_desktop(
        tmp_path,
        "xfce",
        {
            "/usr/bin/xfce4-screensaver": "",
            f"/home/marie/.config/{XFCONF}": an_xfconf("30"),
            f"/etc/xdg/{XFCONF}": an_xfconf("5"),
        },
    )

    assert of_marie(host)["lock_after_seconds"] == 1920


@pytest.mark.parametrize(
    ("session", "name"),
    [
        ("ubuntu-xorg", "GNOME"),
        ("gnome-classic", "GNOME"),
        ("plasmawayland", "KDE Plasma"),
        ("xubuntu", "Xfce"),
        ("cinnamon2d", "Cinnamon"),
        ("mate", "MATE"),
    ],
)
def test_sessions_are_known_by_the_names_of_their_files(session: str, name: str) -> None:
    desktop = desktop_of(session)

    assert desktop is not None
    assert desktop.name == name
