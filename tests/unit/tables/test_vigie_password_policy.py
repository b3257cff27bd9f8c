from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.host import Host
from vigie_agent.tables.pam import service_reader, stack
from vigie_agent.tables.vigie_password_policy import tables

DEBIAN = {
    "/etc/pam.d/passwd": "@include common-password\n",
    "/etc/pam.d/login": "@include common-auth\n@include common-account\n",
    "/etc/pam.d/common-auth": "auth [success=1 default=ignore] pam_unix.so nullok\n",
    "/etc/pam.d/common-account": "account required pam_unix.so\n",
    "/etc/pam.d/common-password": (
        "password requisite pam_pwquality.so retry=3\n"
        "password [success=1 default=ignore] pam_unix.so obscure use_authtok yescrypt\n"
    ),
    "/etc/login.defs": "PASS_MAX_DAYS 99999\nPASS_MIN_DAYS 0\n",
}
FEDORA = {
    "/etc/pam.d/passwd": "password substack system-auth\n",
    "/etc/pam.d/login": "auth substack system-auth\naccount include system-auth\n",
    "/etc/pam.d/system-auth": (
        "auth required pam_faillock.so preauth silent\n"
        "auth sufficient pam_unix.so nullok\n"
        "auth required pam_faillock.so authfail\n"
        "account required pam_faillock.so\n"
        "password requisite pam_pwquality.so local_users_only\n"
        "password requisite pam_pwhistory.so use_authtok\n"
        "password sufficient pam_unix.so sha512 shadow use_authtok\n"
    ),
    "/etc/login.defs": "PASS_MAX_DAYS\t365\nPASS_MIN_DAYS\t1\n",
}


def part(host: Host, name: str) -> list[TableRow]:
    return [row for row in rows_of(tables(host), "vigie_password_policy") if row["part"] == name]


def quality(host: Host, module: str) -> TableRow:
    (row,) = [one for one in part(host, "quality") if str(one["source"]).startswith(module)]
    return row


def test_a_module_in_the_stack_enforces_its_defaults(tmp_path: Path) -> None:
    host = a_device(tmp_path, DEBIAN)

    row = quality(host, "pam_pwquality")

    assert row == {
        "part": "quality",
        "source": "pam_pwquality (/etc/pam.d/common-password)",
        "enforced": 1,
        "min_length": 8,
        "min_classes": 0,
        "upper_required": 0,
        "lower_required": 0,
        "digit_required": 0,
        "special_required": 0,
        "applies_to_root": 0,
        "collected": "yes",
        "why": "",
    }


def test_the_file_sets_the_length_and_the_modules_arguments_override_it(tmp_path: Path) -> None:
    settings = (
        "minlen = 14\nucredit = -1\nlcredit = -1\ndcredit = -1\nocredit = -1\nenforce_for_root"
    )
    host = a_device(tmp_path, {**DEBIAN, "/etc/security/pwquality.conf": settings})

    by_file = quality(host, "pam_pwquality")
    host.path("/etc/pam.d/common-password").write_text(
        "password requisite pam_pwquality.so minlen=10 dcredit=0\n"
    )
    by_argument = quality(host, "pam_pwquality")

    assert (by_file["min_length"], by_file["min_classes"], by_file["applies_to_root"]) == (14, 4, 1)
    assert (by_argument["min_length"], by_argument["min_classes"]) == (10, 3)
    assert by_argument["digit_required"] == 0


def test_credits_shorten_the_password_that_passes_but_never_below_six(tmp_path: Path) -> None:
    host = a_device(tmp_path, {**DEBIAN, "/etc/security/pwquality.conf": "minlen=12\ndcredit=2"})

    shortened = quality(host, "pam_pwquality")["min_length"]
    host.path("/etc/security/pwquality.conf").write_text("minlen = 1")
    shortest = quality(host, "pam_pwquality")["min_length"]

    assert (shortened, shortest) == (10, 6)


def test_a_file_that_no_module_reads_is_told_and_not_enforced(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            **DEBIAN,
            "/etc/pam.d/common-password": "password required pam_unix.so\n",
            "/etc/security/pwquality.conf": "minlen = 14\n",
        },
    )

    rows = part(host, "quality")

    assert [(row["source"], row["enforced"], row["min_length"]) for row in rows] == [
        ("pam_unix (/etc/pam.d/common-password)", 1, 6),
        ("/etc/security/pwquality.conf (no PAM module reads it)", 0, 14),
    ]


@pytest.mark.parametrize(
    ("line", "enforced", "min_length", "min_classes"),
    [
        ("password required pam_unix.so minlen=12", 1, 12, 0),
        ("password required pam_cracklib.so minlen=12", 1, 8, 0),
        ("password required pam_cracklib.so minlen=12 dcredit=-1", 1, 9, 1),
        ("password required pam_passwdqc.so", 1, 7, 1),
        ("password required pam_passwdqc.so min=disabled,disabled,disabled,14,12", 1, 12, 3),
        ("password required pam_passwdqc.so enforce=none", 0, 7, 1),
        ("password optional pam_pwquality.so", 0, 8, 0),
        ("password requisite pam_pwquality.so enforcing=0", 0, 8, 0),
        ("password requisite pam_pwquality.so minlen=many", 1, 8, 0),
        ("-password requisite /usr/lib/security/pam_pwquality.so minlen=9", 1, 9, 0),
    ],
)
def test_each_module_is_read_in_its_own_way(
    tmp_path: Path, line: str, enforced: int, min_length: int, min_classes: int
) -> None:
    host = a_device(tmp_path, {**DEBIAN, "/etc/pam.d/common-password": line})

    (row,) = part(host, "quality")

    assert (row["enforced"], row["min_length"], row["min_classes"]) == (
        enforced,
        min_length,
        min_classes,
    )


def test_a_stack_that_checks_nothing_is_a_fact(tmp_path: Path) -> None:
    host = a_device(
        tmp_path, {**DEBIAN, "/etc/pam.d/common-password": "password required pam_x.so"}
    )

    (row,) = part(host, "quality")

    assert (row["collected"], row["enforced"], row.get("min_length")) == ("yes", 0, None)


def test_a_device_without_pam_says_that_nothing_is_known(tmp_path: Path) -> None:
    host = a_device(tmp_path)

    rows = rows_of(tables(host), "vigie_password_policy")

    assert [(row["part"], row["collected"]) for row in rows] == [
        ("quality", "no"),
        ("lockout", "no"),
        ("ageing", "yes"),
    ]


def test_a_file_that_cannot_be_read_makes_its_part_unknown(tmp_path: Path) -> None:
    host = a_device(tmp_path, DEBIAN)
    closed(host, "/etc/pam.d/common-password")

    (row,) = part(host, "quality")

    assert (row["collected"], row.get("enforced")) == ("no", None)
    assert row["why"] == "/etc/pam.d/common-password: Is a directory"


def test_no_lockout_where_no_module_counts_failures(tmp_path: Path) -> None:
    (row,) = part(a_device(tmp_path, DEBIAN), "lockout")

    assert (row["enforced"], row["lockout_threshold"]) == (0, 0)
    assert row["source"] == "PAM (login): nothing locks"


def test_faillock_locks_by_its_file_else_its_defaults(tmp_path: Path) -> None:
    host = a_device(tmp_path, FEDORA)

    (by_default,) = part(host, "lockout")
    a_device(
        tmp_path, {"/etc/security/faillock.conf": "deny = 5\nunlock_time = never\neven_deny_root"}
    )
    (by_file,) = part(host, "lockout")

    assert (by_default["lockout_threshold"], by_default["lockout_seconds"]) == (3, 600)
    assert (by_file["lockout_threshold"], by_file["lockout_seconds"]) == (5, 0)
    assert (by_default["applies_to_root"], by_file["applies_to_root"]) == (0, 1)


def test_counting_failures_that_nothing_looks_at_locks_nobody(tmp_path: Path) -> None:
    auth = "auth sufficient pam_unix.so\nauth required pam_faillock.so authfail\n"
    host = a_device(tmp_path, {"/etc/pam.d/login": auth})

    (row,) = part(host, "lockout")

    assert row["enforced"] == 0


def test_the_service_that_is_guarded_least_decides(tmp_path: Path) -> None:
    host = a_device(
        tmp_path, {**FEDORA, "/etc/pam.d/gdm-password": "auth required pam_unix.so nullok\n"}
    )

    (row,) = part(host, "lockout")

    assert (row["enforced"], row["source"]) == (0, "PAM (gdm-password): nothing locks")


def test_faillocks_settings_elsewhere_than_in_the_list_are_not_read(tmp_path: Path) -> None:
    auth = FEDORA["/etc/pam.d/system-auth"].replace("authfail", "authfail conf=/etc/shadow")
    host = a_device(tmp_path, {**FEDORA, "/etc/pam.d/system-auth": auth})

    (row,) = part(host, "lockout")

    assert (row["collected"], row["why"]) == ("no", "/etc/shadow: not in the allow-list")


def test_an_older_tally_counts_too(tmp_path: Path) -> None:
    host = a_device(
        tmp_path, {"/etc/pam.d/login": "auth required pam_tally2.so deny=4 unlock_time=1200\n"}
    )

    (row,) = part(host, "lockout")

    assert (row["enforced"], row["lockout_threshold"], row["lockout_seconds"]) == (1, 4, 1200)


@pytest.mark.parametrize(
    ("files", "enforced", "max_age", "min_age", "history"),
    [(DEBIAN, 0, -1, 0, 0), (FEDORA, 1, 365, 1, 10)],
    ids=["debian", "fedora"],
)
def test_ageing_is_that_of_new_accounts(
    tmp_path: Path,
    files: dict[str, str],
    enforced: int,
    max_age: int,
    min_age: int,
    history: int,
) -> None:
    (row,) = part(a_device(tmp_path, files), "ageing")

    assert (row["enforced"], row["max_age_days"], row["min_age_days"], row["history"]) == (
        enforced,
        max_age,
        min_age,
        history,
    )


def test_includes_in_a_circle_end(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/pam.d/a": "auth include b\nauth required pam_x.so\n",
            "/etc/pam.d/b": "auth include a\n",
        },
    )

    modules = stack("a", "auth", service_reader(host))

    assert {module.name for module in modules} == {"pam_x"}


def test_a_service_without_a_file_has_the_stack_of_other(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/usr/lib/pam.d/other": "auth required pam_deny.so\n"})

    modules = stack("unheard-of", "auth", service_reader(host))

    assert [(module.name, module.source) for module in modules] == [
        ("pam_deny", "/usr/lib/pam.d/other")
    ]
