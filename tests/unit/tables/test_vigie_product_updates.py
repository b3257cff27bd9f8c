"""Which browsers and office suites update themselves on Linux."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_product_updates
from vigie_agent.tables.config_text import apt_lists
from vigie_agent.tables.host import CommandResult
from vigie_agent.tables.vigie_product_updates import takes_from

ON: Final = {
    "/etc/apt/apt.conf.d/20auto-upgrades": (
        'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n'
    ),
    "/etc/apt/apt.conf.d/50unattended-upgrades": (
        "Unattended-Upgrade::Allowed-Origins {\n"
        '  "${distro_id}:${distro_codename}-security";\n'
        '//  "Google LLC:stable";\n};\n'
    ),
}
STATUS: Final = "/var/lib/dpkg/status"


def a_package(
    name: str, version: str = "140.5.0", maintainer: str = "Debian", state: str = ""
) -> str:
    return (
        f"Package: {name}\nStatus: {state or 'install ok installed'}\nMaintainer: {maintainer}\n"
        f"Architecture: amd64\nVersion: {version}\n\n"
    )


def products(
    root: Path,
    files: Mapping[str, str],
    programs: Mapping[str, CommandResult | str] | None = None,
) -> dict[object, TableRow]:
    host = a_device(root, files, programs=programs)
    rows = rows_of(vigie_product_updates.tables(host, "linux"), "vigie_product_updates")
    return {row.get("product"): row for row in rows}


def test_without_a_browser_or_an_office_suite_there_is_no_row(tmp_path: Path) -> None:
    assert products(tmp_path, ON | {STATUS: a_package("bash")}) == {}


def test_a_package_of_the_distribution_follows_its_automatic_updates(tmp_path: Path) -> None:
    status = a_package("firefox-esr") + a_package("libreoffice-core")

    with_updates = products(tmp_path / "on", ON | {STATUS: status})
    without = products(tmp_path / "off", {STATUS: status})

    assert {row["enabled"] for row in with_updates.values()} == {1}
    assert set(with_updates) == {"Mozilla Firefox (apt)", "LibreOffice (apt)"}
    assert {(row["enabled"], row["downloads"]) for row in without.values()} == {(0, 0)}


def test_a_vendors_repository_is_left_out_unless_it_is_an_origin(tmp_path: Path) -> None:
    status = {STATUS: a_package("google-chrome-stable", "142.0", "Chrome Linux Team")}
    more = {
        "/etc/apt/apt.conf.d/51more": 'Unattended-Upgrade::Allowed-Origins:: "Google LLC:stable";'
    }

    left_out = products(tmp_path / "left", ON | status)
    taken = products(tmp_path / "taken", ON | status | more)

    assert left_out["Google Chrome (apt)"]["enabled"] == 0
    assert left_out["Google Chrome (apt)"]["downloads"] == 1
    assert taken["Google Chrome (apt)"]["enabled"] == 1


def test_mozillas_own_package_is_a_vendors(tmp_path: Path) -> None:
    status = a_package("firefox", maintainer="Mozilla <release@mozilla.com>")

    assert products(tmp_path, ON | {STATUS: status})["Mozilla Firefox (apt)"]["enabled"] == 0


def test_a_libreoffice_that_was_downloaded_follows_nothing(tmp_path: Path) -> None:
    status = a_package("libreoffice25.8") + a_package("libreoffice25.8-ure")

    assert products(tmp_path, ON | {STATUS: status})["LibreOffice (apt)"]["enabled"] == 0


def test_ubuntus_empty_package_of_a_snap_is_no_browser(tmp_path: Path) -> None:
    files = ON | {STATUS: a_package("firefox", "1:1snap1-0ubuntu5"), "/proc/9/comm": "snapd\n"}

    found = products(tmp_path, files | {"/snap/firefox/current/meta/snap.yaml": ""})

    assert set(found) == {"Mozilla Firefox (snap)"}
    assert found["Mozilla Firefox (snap)"]["enabled"] == 1


def test_snaps_are_not_updated_while_their_daemon_does_not_run(tmp_path: Path) -> None:
    found = products(tmp_path, {"/snap/firefox/current/meta/snap.yaml": ""})

    assert found["Mozilla Firefox (snap)"]["enabled"] == 0


def test_what_updates_flatpaks_is_not_known(tmp_path: Path) -> None:
    found = products(tmp_path, {"/var/lib/flatpak/app/org.mozilla.firefox/current": ""})

    assert found["Mozilla Firefox (flatpak)"]["collected"] == "no"


def test_a_removed_package_is_not_installed(tmp_path: Path) -> None:
    status = a_package("firefox-esr", state="deinstall ok config-files")

    assert products(tmp_path, ON | {STATUS: status}) == {}


def test_settings_of_apt_that_cannot_be_read_are_not_off(tmp_path: Path) -> None:
    files = {STATUS: a_package("firefox-esr"), "/etc/apt/apt.conf": "x" * (256 * 1024 + 1)}

    assert products(tmp_path, files)["Mozilla Firefox (apt)"]["collected"] == "no"


@pytest.mark.parametrize(
    ("upgrade_type", "firefox", "chrome"), [("default", 1, 1), ("security", 1, 0)]
)
def test_security_updates_of_dnf_leave_vendors_out(
    upgrade_type: str, firefox: int, chrome: int, tmp_path: Path
) -> None:
    files = {
        "/usr/lib/sysimage/rpm/rpmdb.sqlite": "",
        "/etc/dnf/automatic.conf": (
            f"[commands]\napply_updates = yes\nupgrade_type = {upgrade_type}\n"
        ),
    }

    found = products(tmp_path, files, {"rpm": "firefox\ngoogle-chrome-stable\n"})

    assert found["Mozilla Firefox (dnf)"]["enabled"] == firefox
    assert found["Google Chrome (dnf)"]["enabled"] == chrome


def test_an_rpm_database_that_cannot_be_asked_says_so(tmp_path: Path) -> None:
    files = {"/var/lib/rpm/rpmdb.sqlite": ""}

    (row,) = products(tmp_path, files, {"rpm": failed("error: rpmdb open failed")}).values()

    assert row["collected"] == "no"


@pytest.mark.parametrize(
    ("vendor", "origins", "taken"),
    [
        ("", ("Debian:bookworm-security",), True),
        ("", (), False),
        ("google", ("origin=Google LLC,suite=stable",), True),
        ("google", ("origin=*",), True),
        ("google", ("origin=Debian,label=*",), False),
        ("-", ("*:*",), False),
    ],
)
def test_an_origin_is_known_by_its_vendors_name(
    vendor: str, origins: tuple[str, ...], taken: bool
) -> None:
    assert takes_from(vendor, origins) is taken


def test_lists_of_apt_are_read_in_order_and_cleared() -> None:
    text = (
        'A::B { "one"; "two"; };\nA { B:: "three"; C "scalar"; };\nA::B:: "four";\n#clear A::B;\n'
        'A::B "no list";\n'
    )

    assert [(item.key, item.value) for item in apt_lists(text)] == [
        ("A::B", "one"),
        ("A::B", "two"),
        ("A::B", "three"),
        ("A::B", "four"),
        ("A::B", ""),
    ]
