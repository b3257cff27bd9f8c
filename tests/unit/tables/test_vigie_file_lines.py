from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import real_path
from vigie_agent.tables.vigie_file_lines import is_like, tables

UFW = "/etc/ufw/ufw.conf"
COMMON_PASSWORD = "/etc/pam.d/common-password"


def lines_of(host: Host, path: str) -> list[tuple[object, object]]:
    return [(row.get("n"), row.get("line")) for row in asked(host, path)]


def asked(host: Host, path: str) -> list[dict[str, object]]:
    return [dict(row) for row in rows_of(tables(host), "vigie_file_lines", equals={"path": [path]})]


def test_an_allowed_file_shows_its_lines_with_keys_and_values(tmp_path: Path) -> None:
    host = a_device(tmp_path, {UFW: "# comment\nENABLED=yes\n"})

    (row,) = asked(host, UFW)

    assert row == {
        "path": UFW,
        "n": 2,
        "section": "",
        "line": "ENABLED=yes",
        "key": "ENABLED",
        "value": "yes",
        "collected": "yes",
        "why": "",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc/pam.d/../shadow",
        "/etc/pam.d//common-password",
        "/etc/pam.d/sub/common-password",
        "/etc/apt/auth.conf.d/secret.conf",
        "etc/ufw/ufw.conf",
        "/ETC/UFW/UFW.CONF",
        "",
    ],
)
def test_a_path_outside_the_list_is_refused_in_words(tmp_path: Path, path: str) -> None:
    host = a_device(tmp_path, {"/etc/shadow": "root:secret:1::::::", COMMON_PASSWORD: ""})

    (row,) = asked(host, path)

    assert row == {"path": path, "collected": "no", "why": "not in the allow-list"}


def test_a_missing_file_has_no_row_and_an_unreadable_one_says_so(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    closed(host, "/etc/login.defs")

    missing, unreadable = asked(host, UFW), asked(host, "/etc/login.defs")

    assert missing == []
    assert [(row["collected"], row["why"]) for row in unreadable] == [("no", "Is a directory")]


def test_a_link_out_of_the_list_is_refused_and_one_inside_is_followed(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/shadow": "root:secret:1::::::",
            "/etc/authselect/system-auth": "auth required pam_unix.so",
            "/etc/pam.d/other": "",
        },
    )
    (tmp_path / "etc/pam.d/evil").symlink_to("/etc/shadow")
    (tmp_path / "etc/pam.d/system-auth").symlink_to("/etc/authselect/system-auth")

    evil, good = asked(host, "/etc/pam.d/evil"), lines_of(host, "/etc/pam.d/system-auth")

    assert [row["why"] for row in evil] == ["a link to /etc/shadow, not in the allow-list"]
    assert good == [(1, "auth required pam_unix.so")]


def test_like_finds_the_files_that_are_there_and_nothing_outside(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/security/pwquality.conf": "minlen = 8",
            "/etc/security/pwquality.conf.d/10-a.conf": "minlen = 12",
            "/etc/security/pwquality.conf.d/10-a.conf.bak": "minlen = 1",
            "/etc/security/opasswd": "secret",
        },
    )

    rows = rows_of(tables(host), "vigie_file_lines", like={"path": ["/etc/security/%"]})

    assert [(row["path"], row["value"]) for row in rows] == [
        ("/etc/security/pwquality.conf", "8"),
        ("/etc/security/pwquality.conf.d/10-a.conf", "12"),
    ]


def test_secrets_never_leave_the_device(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/clamav/freshclam.conf": "HTTPProxyPassword hunter2\nChecks 24",
            "/etc/apt/apt.conf.d/01proxy": 'Acquire::http::Proxy "http://me:hunter2@proxy:3128";',
            COMMON_PASSWORD: "password required pam_mysql.so user=root passwd=hunter2 verbose",
            "/etc/usbguard/usbguard-daemon.conf": "IPCAllowed=hunter2\nImplicitPolicyTarget=block",
            "/etc/security/pwquality.conf": "# the old password: \nminlen = 14",
        },
    )

    rows = rows_of(tables(host), "vigie_file_lines", like={"path": ["%"]})

    assert "hunter2" not in str(rows)
    assert sorted(str(row["line"]) for row in rows) == [
        'Acquire::http::Proxy "http://***@proxy:3128";',
        "Checks 24",
        "ImplicitPolicyTarget=block",
        "minlen = 14",
        "password required pam_mysql.so user=root passwd=*** verbose",
    ]


def test_a_file_of_any_length_is_bounded(tmp_path: Path) -> None:
    host = a_device(tmp_path, {UFW: "A=1\n" * 6000, "/etc/default/ufw": "x" * 300_000})

    many, long = asked(host, UFW), asked(host, "/etc/default/ufw")

    assert len(many) == 5001
    assert many[-1]["why"] == "lines after the first 5000 are left out"
    assert [(row["collected"], row["why"]) for row in long] == [("no", "longer than 262144 bytes")]


def test_without_a_constraint_nothing_is_read(tmp_path: Path) -> None:
    host = a_device(tmp_path, {UFW: "ENABLED=yes"})

    assert rows_of(tables(host), "vigie_file_lines") == []


def test_links_without_end_are_an_error(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    (tmp_path / "loop").symlink_to("/loop")

    with pytest.raises(OSError, match="links without end"):
        real_path(host, "/loop")


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("/etc/ufw/ufw.conf", "/etc/%", True),
        ("/etc/ufw/ufw.conf", "/ETC/UFW/UFW_CONF", True),
        ("/etc/ufw/ufw.conf", "/etc/ufw", False),
        ("/etc/a.b", "/etc/a*b", False),
    ],
)
def test_like_is_sqlites(path: str, pattern: str, *, expected: bool) -> None:
    assert is_like(path, pattern) is expected
