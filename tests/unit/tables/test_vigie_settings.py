from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.tables.host import Host
from vigie_agent.tables.vigie_settings import read_family, tables


def in_force(host: Host, family: str) -> dict[str, tuple[str, str]]:
    settings = read_family(host, family).settings.values()
    return {one.key: (one.value, one.source.rpartition("/")[2]) for one in settings}


def test_the_main_pwquality_file_overrides_its_drop_ins(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/security/pwquality.conf": "minlen = 9",
            "/etc/security/pwquality.conf.d/10-a.conf": "minlen = 12\ndcredit = -1",
            "/etc/security/pwquality.conf.d/20-b.conf": "dcredit = -2",
        },
    )

    settings = in_force(host, "pwquality")

    assert settings == {"minlen": ("9", "pwquality.conf"), "dcredit": ("-2", "20-b.conf")}


def test_a_systemd_drop_in_of_the_administrator_hides_the_vendors(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/systemd/journald.conf": "[Journal]\nStorage=auto\nSystemMaxUse=1G",
            "/usr/lib/systemd/journald.conf": "[Journal]\nStorage=none",
            "/usr/lib/systemd/journald.conf.d/50-a.conf": "[Journal]\nStorage=volatile",
            "/etc/systemd/journald.conf.d/50-a.conf": "[Journal]\nStorage=persistent",
            "/usr/lib/systemd/journald.conf.d/90-z.conf": "[Journal]\nSeal=no",
        },
    )

    settings = in_force(host, "journald")

    assert settings == {
        "Storage": ("persistent", "50-a.conf"),
        "SystemMaxUse": ("1G", "journald.conf"),
        "Seal": ("no", "90-z.conf"),
    }


def test_apts_last_file_wins_whatever_the_case_of_its_keys(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/apt/apt.conf.d/20auto-upgrades": 'APT::Periodic::Unattended-Upgrade "1";',
            "/etc/apt/apt.conf.d/99local": 'apt::periodic::unattended-upgrade "0"; Dir "/x";',
            "/etc/apt/apt.conf.d/99local.dpkg-old": 'APT::Periodic::Unattended-Upgrade "7";',
        },
    )

    settings = in_force(host, "apt")

    assert settings == {"APT::Periodic::Unattended-Upgrade": ("0", "99local")}


@pytest.mark.parametrize(
    ("family", "path", "text", "expected"),
    [
        ("ufw", "/etc/ufw/ufw.conf", "ENABLED=yes", ("ENABLED", "yes")),
        ("ufw_default", "/etc/default/ufw", 'DEFAULT_INPUT_POLICY="DROP"', None),
        ("login_defs", "/usr/etc/login.defs", "PASS_MAX_DAYS 90", ("PASS_MAX_DAYS", "90")),
        ("faillock", "/etc/security/faillock.conf", "even_deny_root", ("even_deny_root", "")),
        ("dnf_automatic", "/etc/dnf/automatic.conf", "[commands]\napply_updates = yes", None),
        ("freshclam", "/etc/freshclam.conf", "Checks 24", ("Checks", "24")),
    ],
)
def test_each_family_reads_its_own_file(
    tmp_path: Path, family: str, path: str, text: str, expected: tuple[str, str] | None
) -> None:
    host = a_device(tmp_path, {path: text})

    rows = rows_of(tables(host), "vigie_settings")

    (row,) = rows
    assert (row["family"], row["source"], row["collected"]) == (family, path, "yes")
    if expected is not None:
        assert (row["key"], row["value"]) == expected


def test_addresses_of_people_in_dnfs_settings_are_not_shown(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {"/etc/dnf/automatic.conf": "[email]\nemail_to = director@example.org\nreboot = never"},
    )

    assert set(in_force(host, "dnf_automatic")) == {"reboot"}


def test_a_file_that_cannot_be_read_is_a_row(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/shadow": "secret"})
    closed(host, "/etc/security/faillock.conf")
    (tmp_path / "etc/security/pwhistory.conf").symlink_to("/etc/shadow")

    rows = rows_of(
        tables(host),
        "vigie_settings",
        equals={"family": ["faillock", "pwhistory", "unheard-of"]},
    )

    assert [(row["family"], row["collected"], row["why"]) for row in rows] == [
        ("faillock", "no", "Is a directory"),
        ("pwhistory", "no", "a link to /etc/shadow, not in the allow-list"),
    ]


@pytest.mark.parametrize(
    ("family", "folder"),
    [
        ("apt", "/etc/apt/apt.conf.d"),
        ("pwquality", "/etc/security/pwquality.conf.d"),
        ("journald", "/etc/systemd/journald.conf.d"),
    ],
)
def test_a_folder_that_may_not_be_listed_is_a_row_and_not_an_absence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, folder: str
) -> None:
    host = a_device(tmp_path, {f"{folder}/10-a": ""})

    def refused(listed: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(listed))

    monkeypatch.setattr(Path, "iterdir", refused)
    rows = rows_of(tables(host), "vigie_settings", equals={"family": [family]})

    assert (rows[0]["source"], rows[0]["collected"]) == (folder, "no")
