from collections.abc import Mapping
from pathlib import Path

import pytest

from vigie_agent.domain.table import Constraint, Operator, Request, Table, Value
from vigie_agent.tables import accounts
from vigie_agent.tables.host import Host

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
# a remark
ada:x:1000:1000:Ada,,,:/home/ada:/bin/bash
nobody:x:4294967294:65534:nobody:/nonexistent:/usr/sbin/nologin
broken line
+::::::
"""
GROUP = """\
root:x:0:
sudo:x:27:ada,root
ada:x:1000:
"""
SHADOW = """\
root:!:20000:0:99999:7:::
ada:$y$j9T$salt$digest:20228:0:99999:7:30:20500:
empty::20228:0:99999:7:::
unset:!!:20228::::::
old:aXhGq2WmAYc0k:20228:0:99999:7:::
"""


@pytest.fixture
def tables(tmp_path: Path) -> Mapping[str, Table]:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/group").write_text(GROUP)
    (tmp_path / "etc/shadow").write_text(SHADOW)
    return {table.name: table for table in accounts.tables(Host(root=tmp_path))}


def equals(column: str, value: str) -> Request:
    return Request({column: (Constraint(Operator.EQUALS, value),)})


def column(table: Table, name: str, request: Request | None = None) -> list[Value]:
    return [row[name] for row in table.generate(request or Request())]


def test_accounts_are_those_of_the_machines_own_file(tables: Mapping[str, Table]) -> None:
    rows = list(tables["users"].generate(Request()))

    assert [row["username"] for row in rows] == ["root", "ada", "nobody"]
    assert rows[1] == {
        "uid": 1000,
        "gid": 1000,
        "uid_signed": 1000,
        "gid_signed": 1000,
        "username": "ada",
        "description": "Ada,,,",
        "directory": "/home/ada",
        "shell": "/bin/bash",
        "uuid": "",
        "pid_with_namespace": 0,
        "include_remote": 0,
    }
    assert rows[2]["uid_signed"] == -2


def test_an_account_is_found_by_number_and_by_name(tables: Mapping[str, Table]) -> None:
    assert column(tables["users"], "username", equals("uid", "1000")) == ["ada"]
    assert column(tables["users"], "uid", equals("username", "root")) == [0]


def test_groups_are_told_and_found_by_number(tables: Mapping[str, Table]) -> None:
    assert column(tables["groups"], "groupname") == ["root", "sudo", "ada"]
    assert column(tables["groups"], "groupname", equals("gid", "27")) == ["sudo"]


def test_an_accounts_own_group_comes_first_and_each_group_once(
    tables: Mapping[str, Table],
) -> None:
    assert column(tables["user_groups"], "gid", equals("uid", "0")) == [0, 27]
    assert column(tables["user_groups"], "gid", equals("uid", "1000")) == [1000, 27]


def test_the_state_of_passwords_is_told_and_never_a_password(tables: Mapping[str, Table]) -> None:
    rows = list(tables["shadow"].generate(Request()))

    assert {row["username"]: (row["password_status"], row["hash_alg"]) for row in rows} == {
        "root": ("locked", ""),
        "ada": ("active", "y"),
        "empty": ("empty", ""),
        "unset": ("not_set", ""),
        "old": ("active", ""),
    }
    assert "digest" not in str(rows)
    assert "aXhGq2WmAYc0k" not in str(rows)


def test_a_limit_that_is_not_set_is_minus_one(tables: Mapping[str, Table]) -> None:
    (ada,) = tables["shadow"].generate(equals("username", "ada"))
    (unset,) = tables["shadow"].generate(equals("username", "unset"))

    assert (ada["inactive"], ada["expire"], ada["flag"]) == ("30", "20500", None)
    assert (unset["min"], unset["max"], unset["warning"]) == (-1, -1, -1)


def test_without_the_right_to_read_it_the_password_file_is_empty(tmp_path: Path) -> None:
    shadow = accounts.tables(Host(root=tmp_path))[-1]

    assert list(shadow.generate(Request())) == []
