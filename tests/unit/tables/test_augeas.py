import ctypes
from pathlib import Path
from typing import Never

import pytest

from vigie_agent.domain.table import Constraint, LibraryMissing, Operator, Request, TableRow
from vigie_agent.tables import augeas
from vigie_agent.tables.augeas import path_expressions
from vigie_agent.tables.host import Host

LOGIN_DEFS = "# how long\nPASS_MAX_DAYS 90\nUMASK 027\n"


def equals(column: str, *values: str) -> Request:
    return Request({column: tuple(Constraint(Operator.EQUALS, value) for value in values)})


def like(column: str, pattern: str) -> Request:
    return Request({column: (Constraint(Operator.LIKE, pattern),)})


@pytest.fixture
def device(tmp_path: Path) -> Path:
    try:
        ctypes.CDLL("libaugeas.so.0")
    except OSError:
        pytest.skip("libaugeas0 is not installed")
    (tmp_path / "etc/pam.d").mkdir(parents=True)
    (tmp_path / "etc/login.defs").write_text(LOGIN_DEFS)
    (tmp_path / "etc/pam.d/login").write_text("auth required pam_unix.so\n")
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (tmp_path / "etc/fstab").write_text("this is no fstab at all\n")
    return tmp_path


def rows(device: Path, request: Request) -> list[TableRow]:
    (table,) = augeas.tables(Host(root=device))
    return list(table.generate(request))


def test_a_files_whole_tree_is_told(device: Path) -> None:
    assert rows(device, equals("path", "/etc/login.defs")) == [
        {
            "node": "/files/etc/login.defs/#comment",
            "value": "how long",
            "label": "#comment",
            "path": "/etc/login.defs",
        },
        {
            "node": "/files/etc/login.defs/PASS_MAX_DAYS",
            "value": "90",
            "label": "PASS_MAX_DAYS",
            "path": "/etc/login.defs",
        },
        {
            "node": "/files/etc/login.defs/UMASK",
            "value": "027",
            "label": "UMASK",
            "path": "/etc/login.defs",
        },
        {
            "node": "/files/etc/login.defs",
            "value": "",
            "label": "login.defs",
            "path": "/etc/login.defs",
        },
    ]


def test_a_node_is_found_by_its_place(device: Path) -> None:
    (row,) = rows(device, equals("node", "/files/etc/hosts/1/ipaddr"))

    assert (row["value"], row["path"]) == ("127.0.0.1", "/etc/hosts")


def test_a_pattern_of_one_level_gives_each_files_top(device: Path) -> None:
    found = rows(device, like("path", "/etc/pam.d/%"))

    assert [row["node"] for row in found] == ["/files/etc/pam.d/login"]


def test_a_double_wildcard_descends(device: Path) -> None:
    found = rows(device, like("path", "/etc/pam.d/%%"))

    assert "/files/etc/pam.d/login/1/module" in {row["node"] for row in found}


def test_why_a_file_could_not_be_parsed_is_told(device: Path) -> None:
    (row,) = rows(device, equals("node", "/augeas/files/etc/fstab/error"))

    assert row["value"] == "parse_failed"


def test_without_conditions_every_file_is_read(device: Path) -> None:
    found = {row["path"] for row in rows(device, Request())}

    assert {"/etc/hosts", "/etc/login.defs", "/etc/pam.d/login"} <= found


@pytest.mark.parametrize(
    "request_",
    [
        equals("path", "/etc/nothing"),
        equals("node", "/files/etc/hosts/["),
        equals("node", "/files/etc/hosts/9/ipaddr"),
        like("path", "/etc/nowhere/%"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_has_no_rows(request_: Request, device: Path) -> None:
    assert rows(device, request_) == []


def test_a_machine_without_the_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_found(_name: str) -> Never:
        raise OSError("libaugeas.so.0: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", not_found)

    with pytest.raises(LibraryMissing, match="install libaugeas0"):
        rows(tmp_path, Request())


def test_conditions_become_path_expressions() -> None:
    request = Request(
        {
            "node": (Constraint(Operator.LIKE, "/augeas/files/etc/fstab/error/%"),),
            "path": (Constraint(Operator.LIKE, "/etc/%.d/%%"),),
        }
    )

    assert path_expressions(request) == ["/augeas/files/etc/fstab/error/*", "/files/etc/*//*"]
