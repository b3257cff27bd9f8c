"""Sessions that open without a password, told by the files of display managers and consoles."""

from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_automatic_login
from vigie_agent.tables.host import Host
from vigie_agent.tables.vigie_automatic_login import console_account

Opened = tuple[object, object, object]

BOOTED = {"/run/systemd/system/.keep": ""}
GETTY = {"/usr/lib/systemd/system/getty@.service": "[Service]\nExecStart=-/sbin/agetty - $TERM\n"}
GDM = {"/usr/sbin/gdm3": ""}
LIGHTDM = {"/usr/sbin/lightdm": ""}
SDDM = {"/usr/bin/sddm": ""}


def rows(root: Path, *files: dict[str, str], chosen: str = "") -> list[TableRow]:
    host = a_device(root, {path: text for each in (BOOTED, *files) for path, text in each.items()})
    if chosen:
        link = host.path("/etc/systemd/system/display-manager.service")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/usr/lib/systemd/system/{chosen}.service")
    return rows_of(vigie_automatic_login.tables(host), "vigie_automatic_login")


def opened(found: list[TableRow]) -> list[Opened]:
    """What is switched on: kind, method and account."""
    return [(row["kind"], row["method"], row["account"]) for row in found if row.get("enabled")]


@pytest.mark.parametrize("path", ["/etc/gdm3/daemon.conf", "/etc/gdm3/custom.conf"])
def test_gdm_opens_the_session_of_the_account_it_names(tmp_path: Path, path: str) -> None:
    text = "[daemon]\n# comment\nAutomaticLoginEnable = True\nAutomaticLogin = accueil\n"

    found = rows(tmp_path, GDM, {path: text})

    assert opened(found) == [("automatic", "gdm", "accueil")]
    assert [row["source"] for row in found if row.get("enabled")] == [path]


@pytest.mark.parametrize(
    "text",
    [
        "[daemon]\nAutomaticLoginEnable=False\nAutomaticLogin=accueil\n",
        "[daemon]\n#AutomaticLoginEnable=True\nAutomaticLogin=accueil\n",
        "[daemon]\nAutomaticLoginEnable=True\n",
        "[greeter]\nAutomaticLoginEnable=True\nAutomaticLogin=accueil\n",
        "",
    ],
)
def test_gdm_asks_unless_both_switch_and_account_are_set(tmp_path: Path, text: str) -> None:
    found = rows(tmp_path, GDM, {"/etc/gdm3/custom.conf": text})

    assert opened(found) == []
    assert [row["account"] for row in found if row["method"] == "gdm"] == [""]


def test_gdms_timed_login_opens_a_session_too(tmp_path: Path) -> None:
    text = "[daemon]\nTimedLoginEnable=true\nTimedLogin=accueil\nTimedLoginDelay=5\n"

    assert opened(rows(tmp_path, GDM, {"/etc/gdm/custom.conf": text})) == [
        ("automatic", "gdm", "accueil")
    ]


def test_of_sddm_the_last_file_decides_and_the_main_one_is_last(tmp_path: Path) -> None:
    on, off = "[Autologin]\nUser=accueil\n", "[Autologin]\nUser=\n"

    def told(vendor: str, drop_in: str, main: str, root: str) -> list[Opened]:
        files = {
            "/usr/lib/sddm/sddm.conf.d/a.conf": vendor,
            "/etc/sddm.conf.d/z.conf": drop_in,
            "/etc/sddm.conf": main,
        }
        return opened(rows(tmp_path / root, SDDM, files))

    assert told(off, on, "", root="1") == [("automatic", "sddm", "accueil")]
    assert told(on, off, "", root="2") == []
    assert told(off, on, off, root="3") == []
    assert told(off, off, on, root="4") == [("automatic", "sddm", "accueil")]
    assert told("[Users]\nUser=accueil\n", "", "", root="5") == []


def test_of_lightdm_the_main_file_overrides_the_drop_ins(tmp_path: Path) -> None:
    drop_in = {"/etc/lightdm/lightdm.conf.d/50.conf": "[Seat:*]\nautologin-user=accueil\n"}
    main = {"/etc/lightdm/lightdm.conf": "[Seat:*]\nautologin-user=\n"}

    assert opened(rows(tmp_path / "1", LIGHTDM, drop_in)) == [("automatic", "lightdm", "accueil")]
    assert opened(rows(tmp_path / "2", LIGHTDM, drop_in, main)) == []


def test_lightdms_guests_need_the_program_that_makes_their_account(tmp_path: Path) -> None:
    program = {"/usr/sbin/guest-account": ""}
    refused = {"/usr/share/lightdm/lightdm.conf.d/50-no.conf": "[Seat:*]\nallow-guest=false\n"}
    allowed = {"/etc/lightdm/lightdm.conf.d/90-yes.conf": "[Seat:*]\nallow-guest=true\n"}

    assert opened(rows(tmp_path / "1", LIGHTDM)) == []
    assert opened(rows(tmp_path / "2", LIGHTDM, program)) == [("guest", "lightdm", "")]
    assert opened(rows(tmp_path / "3", LIGHTDM, program, refused)) == []
    assert opened(rows(tmp_path / "4", LIGHTDM, program, refused, allowed)) == [
        ("guest", "lightdm", "")
    ]


def test_what_another_display_manager_left_behind_opens_nothing(tmp_path: Path) -> None:
    left = {"/etc/lightdm/lightdm.conf": "[Seat:*]\nautologin-user=accueil\n"}

    found = rows(tmp_path, GDM, LIGHTDM, left, chosen="gdm3")

    assert opened(found) == []
    assert {row["method"] for row in found} == {"getty", "gdm", "lightdm"}
    assert not any(row.get("account") for row in found)


def test_files_of_a_display_manager_that_is_gone_are_none_of_its_business(tmp_path: Path) -> None:
    left = {"/etc/sddm.conf": "[Autologin]\nUser=accueil\n"}

    assert [row["method"] for row in rows(tmp_path, left, GDM, chosen="gdm")] == ["getty", "gdm"]


def test_greetds_first_session_opens_and_its_greeter_does_not(tmp_path: Path) -> None:
    def told(root: str, section: str) -> list[Opened]:
        text = f'[{section}]\ncommand = "sway"\nuser = "accueil"\n'
        files = {"/usr/bin/greetd": "", "/etc/greetd/config.toml": text}
        return opened(rows(tmp_path / root, files))

    assert told("1", "initial_session") == [("automatic", "greetd", "accueil")]
    assert told("2", "default_session") == []


def test_a_console_logs_in_by_itself_where_a_drop_in_says_so(tmp_path: Path) -> None:
    drop_in = {
        "/etc/systemd/system/getty@tty1.service.d/autologin.conf": "[Service]\nExecStart=\n"
        "ExecStart=-/sbin/agetty --autologin accueil --noclear %I $TERM\n"
    }

    assert opened(rows(tmp_path / "1", GETTY)) == []
    assert opened(rows(tmp_path / "2", GETTY, drop_in)) == [("automatic", "getty", "accueil")]


def test_accounts_that_the_display_manager_asks_nothing_of_are_told(tmp_path: Path) -> None:
    group = {"/etc/group": "nopasswdlogin:x:118:marie,luc\n"}
    heeds = {
        "/etc/pam.d/gdm-password": "auth sufficient pam_succeed_if.so user ingroup nopasswdlogin\n"
    }
    ignores = {"/etc/pam.d/gdm-password": "@include common-auth\n"}

    assert opened(rows(tmp_path / "1", GDM, group, heeds)) == [
        ("without_password", "gdm", "luc"),
        ("without_password", "gdm", "marie"),
    ]
    assert opened(rows(tmp_path / "2", GDM, group, ignores)) == []
    assert opened(rows(tmp_path / "3", GDM, heeds, {"/etc/group": "nopasswdlogin:x:118:\n"})) == []


def test_settings_that_cannot_be_read_are_not_an_absence(tmp_path: Path) -> None:
    host = a_device(tmp_path, BOOTED | SDDM | {"/etc/sddm.conf": "[Autologin]\nUser=accueil\n"})
    closed(host, "/etc/sddm.conf.d/site.conf")

    found = rows_of(vigie_automatic_login.tables(host), "vigie_automatic_login")

    (sddm,) = [row for row in found if row["method"] == "sddm"]
    assert sddm["collected"] == "no"
    assert str(sddm["why"]).startswith("/etc/sddm.conf.d/site.conf: ")


def test_without_systemd_the_consoles_are_not_known(tmp_path: Path) -> None:
    host: Host = a_device(tmp_path)

    (row,) = rows_of(vigie_automatic_login.tables(host), "vigie_automatic_login")

    assert (row["method"], row["collected"]) == ("getty", "no")


@pytest.mark.parametrize(
    ("command", "account"),
    [
        ("-/sbin/agetty -o '-p -- \\\\u' --noclear - $TERM", ""),
        ("-/sbin/agetty --autologin marie tty1", "marie"),
        ("-/sbin/agetty --autologin=marie tty1", "marie"),
        ("-/sbin/agetty -a marie tty1", "marie"),
        ("-/sbin/agetty -amarie tty1", "marie"),
        ("-/sbin/agetty --autologin", ""),
        ("-/sbin/agetty 'unclosed -a marie", "marie"),
        ("", ""),
    ],
)
def test_agettys_command_line_names_the_account_it_logs_in(command: str, account: str) -> None:
    assert console_account(command) == account
