"""What the agent may ask, and more than a hundred ways around it that do not work."""
# ruff: noqa: S608 (this SQL is what is under test; nothing runs it)

import json
import os
import re
from pathlib import Path

import pytest

from vigie_agent.domain.safety import MAX_LIST_LENGTH, MAX_SQL_LENGTH, Approved, Refused, check
from vigie_agent.domain.safety_places import PLACES
from vigie_agent.domain.safety_tables import ALLOWED_TABLES

HOSTS = "/etc/hosts"
WINLOGON = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"

HONEST_ON_LINUX = [
    "SELECT username, uid FROM users",
    "SELECT * FROM users;",
    "SELECT 1 -- and a comment; with a semicolon",
    "select U.username from USERS as U join user_groups using (uid) join groups using (gid)",
    "SELECT path FROM file WHERE path = '/etc/hosts'",
    "SELECT path FROM 'file' WHERE \"path\" = '/etc/hosts'",
    "SELECT path FROM file f WHERE f.path IN ('/etc/hosts', '/etc/shadow')",
    "SELECT path FROM file WHERE path LIKE '/etc/sudoers.d/%' AND size > 0 AND filename <> 'x'",
    "SELECT path FROM file WHERE path LIKE '/etc/sudoers.d/%' AND (uid = 0 OR size > 5)",
    "SELECT path FROM file WHERE directory = '/etc/sudoers.d'",
    "SELECT p FROM (SELECT path p FROM file WHERE path = '/etc/hosts') WHERE p LIKE '/etc/hosts'",
    """SELECT path FROM file WHERE path = '/etc/hosts'
       UNION ALL SELECT path FROM hash WHERE path LIKE '/etc/pam.d/%'""",
    "SELECT u.username, (SELECT mtime FROM file WHERE path = '/etc/shadow') FROM users u",
    "SELECT u.username, f.mtime FROM users u LEFT JOIN file f ON f.path = '/etc/shadow'",
    "SELECT node FROM augeas WHERE path LIKE '/etc/rsyslog.d/%%' AND label IN ('host', 'port')",
    "SELECT value FROM augeas WHERE node LIKE '/files/etc/apt/apt.conf.d/%/APT/Periodic/%'",
    "SELECT value FROM osquery_flags WHERE name IN ('disable_watchdog', 'config_plugin')",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
    "SELECT value FROM json_each('[1, 2]')",
    "SELECT sha256(group_concat(username, char(10))) FROM users",
    """SELECT f.path, f.mtime, h.sha256 FROM file AS f JOIN hash h ON h.path = f.path
       WHERE f.path LIKE '/etc/pam.d/%'""",
    "SELECT 1 FROM file f LEFT JOIN hash h ON f.path = h.path WHERE f.path = '/etc/hosts'",
    "SELECT 1 FROM file f, hash h WHERE f.path = h.path AND h.path IN ('/etc/hosts', '/etc/fstab')",
    "SELECT (SELECT md5 FROM hash h WHERE h.path = f.path) FROM file f WHERE f.path = '/etc/hosts'",
    """WITH f AS MATERIALIZED (SELECT path, mtime FROM file WHERE path LIKE '/etc/pam.d/%'),
            h AS MATERIALIZED (SELECT path, sha256 FROM hash WHERE path LIKE '/etc/pam.d/%')
       SELECT f.path, mtime, sha256 FROM f JOIN h USING (path)""",
]

EVASIONS = {
    # more than one statement, or none
    "a second statement": "SELECT 1; SELECT 2",
    "a second statement after a comment": "SELECT 1 /* ; */ ; -- x\n DELETE FROM users",
    "a second statement after an unfinished line": "SELECT 1; -- x\rSELECT 2\n; SELECT 3",
    "a quote left open": "SELECT 'x; SELECT 1",
    "nothing": "",
    "only a comment": "-- SELECT 1",
    "a NUL byte": "SELECT path FROM file WHERE path = '/etc/hosts\0/../shadow'",
    "a lone surrogate": "SELECT '\ud800'",
    # anything but reading
    "attach": "ATTACH '/etc/shadow' AS x",
    "create": "CREATE TABLE x (y)",
    "a temporary view": "CREATE TEMP VIEW v AS SELECT * FROM hash",
    "insert": "INSERT INTO users (uid) VALUES (1)",
    "delete through a CTE": "WITH x AS (SELECT 1) DELETE FROM users",
    "pragma": "PRAGMA writable_schema = 1",
    "a pragma function": "SELECT * FROM pragma_database_list",
    "a pragma function, counted": "SELECT count(*) FROM pragma_function_list()",
    "the schema table": "SELECT sql FROM sqlite_master",
    "the schema table, counted": "SELECT count(*) FROM main.sqlite_schema",
    "the temporary schema table": "SELECT count(*) FROM sqlite_temp_master",
    "explain": "EXPLAIN SELECT * FROM users",
    "explain query plan": "EXPLAIN QUERY PLAN SELECT 1",
    "begin": "BEGIN",
    "vacuum into": "VACUUM INTO '/tmp/x'",
    # functions
    "load_extension": "SELECT load_extension('/tmp/x.so')",
    "load_extension, quoted": "SELECT \"load_extension\"('/tmp/x.so')",
    "memory by the gigabyte": "SELECT length(zeroblob(1000000000))",
    "memory by format": "SELECT length(printf('%.900000000c', 'x'))",
    "an answer that never stays": "SELECT random()",
    # tables that reach out or spy
    "curl": "SELECT result FROM curl WHERE url = 'https://example.org'",
    "curl under an alias": "SELECT u.result FROM curl AS users, users u",
    "curl in brackets": "SELECT * FROM [curl] WHERE url = 'x'",
    "yara by its old name": "SELECT * FROM yara WHERE path = '/etc/hosts'",
    "carves in capitals": "SELECT * FROM `CARVES`",
    "shell history": "SELECT * FROM users JOIN shell_history USING (uid)",
    "process environments behind a comment": "SELECT * FROM/**/process_envs",
    "process environments in a subquery": "SELECT (SELECT value FROM process_envs LIMIT 1)",
    "events": "SELECT * FROM process_events",
    "an IN with a table": "SELECT 1 WHERE 'x' IN process_envs",
    "command lines": "SELECT cmdline FROM processes",
    "directory servers": "SELECT * FROM users WHERE include_remote = 1",
    "another namespace": "SELECT * FROM file WHERE path = '/etc/hosts' AND pid_with_namespace = 1",
    # driven tables, not narrowed
    "no condition": "SELECT * FROM file",
    "a condition on another column": "SELECT * FROM file WHERE filename = 'hosts'",
    "OR widens": f"SELECT * FROM file WHERE path = '{HOSTS}' OR 1",
    "OR with another path": f"SELECT * FROM file WHERE path = '{HOSTS}' OR path = '/root/x'",
    "OR with another column": f"SELECT * FROM file WHERE path = '{HOSTS}' OR directory = '/root'",
    "NOT": f"SELECT * FROM file WHERE NOT path = '{HOSTS}'",
    "not equal": "SELECT * FROM file WHERE path <> ''",
    "a range": "SELECT * FROM file WHERE path BETWEEN '/' AND '/zzzz'",
    "HAVING": f"SELECT path FROM hash GROUP BY md5 HAVING max(path) = '{HOSTS}'",
    "a condition outside an aggregate": "SELECT * FROM (SELECT path, count(*) OVER () FROM hash)"
    f" WHERE path = '{HOSTS}'",
    "the ON of the other side of a LEFT JOIN": "SELECT h.path FROM hash h LEFT JOIN users u"
    f" ON h.path = '{HOSTS}'",
    "the ON of a RIGHT JOIN": f"SELECT f.path FROM users RIGHT JOIN file f ON f.path = '{HOSTS}'",
    "the ON of a FULL JOIN": f"SELECT f.path FROM users FULL JOIN file f ON f.path = '{HOSTS}'",
    "one side of a UNION": f"SELECT path FROM file WHERE path = '{HOSTS}'"
    " UNION SELECT path FROM file",
    "a CTE with the table's name": f"WITH hash AS (SELECT '{HOSTS}' AS path)"
    " SELECT * FROM main.hash",
    # driven tables, pointed at by something else than constants
    "concatenation": "SELECT * FROM file WHERE path = '/etc/' || '../root/x'",
    "a function": "SELECT * FROM file WHERE path = lower('/ETC/HOSTS')",
    "CASE": f"SELECT * FROM file WHERE path = CASE WHEN 1 THEN '/root/x' ELSE '{HOSTS}' END",
    "a subquery as a value": "SELECT * FROM file WHERE path = (SELECT directory FROM users)",
    "a list from a subquery": "SELECT * FROM file WHERE path IN (SELECT directory FROM users)",
    "VALUES": "SELECT * FROM file WHERE path IN (VALUES ('/root/x'), ('/etc/hosts'))",
    "a join with VALUES": "SELECT * FROM (VALUES ('/root/x'), ('/root/y')) v"
    " JOIN file f ON f.path = v.column1",
    "a join with another table": "SELECT * FROM users u JOIN file f ON f.path = u.directory",
    "a join beside a constant": "SELECT * FROM users u JOIN hash h ON h.path = u.directory"
    " WHERE h.path LIKE '/etc/pam.d/%'",
    "a correlated subquery": "SELECT (SELECT md5 FROM hash WHERE path = u.directory) FROM users u",
    "a condition pushed down from outside": "SELECT * FROM (SELECT path AS p FROM hash"
    " WHERE path LIKE '/etc/pam.d/%') WHERE p IN (SELECT directory FROM users)",
    "a constant pushed down from outside": "SELECT * FROM (SELECT path AS p FROM hash"
    " WHERE path LIKE '/etc/pam.d/%') WHERE p = '/root/x'",
    "a list pushed down from outside": "SELECT * FROM (SELECT path AS p FROM hash"
    " WHERE path LIKE '/etc/pam.d/%') WHERE p IN ('/etc/pam.d/x', '/root/x')",
    "row values": "SELECT * FROM file WHERE (path, uid) IN (('/root/x', 0), ('/root/y', 0))",
    "a recursive CTE": "WITH RECURSIVE d(p) AS (SELECT '/root' UNION ALL SELECT f.path FROM d"
    " JOIN file f ON f.directory = d.p) SELECT p FROM d",
    "a parameter": "SELECT * FROM file WHERE path = ?",
    "a named parameter": "SELECT * FROM file WHERE path = :path",
    "a double-quoted string": 'SELECT * FROM file WHERE path = "/root/x"',
    "GLOB": "SELECT * FROM file WHERE path GLOB '/etc/*'",
    "REGEXP": "SELECT * FROM file WHERE path REGEXP '.*'",
    "MATCH": "SELECT * FROM file WHERE path MATCH 'x'",
    "LIKE with ESCAPE": r"SELECT * FROM file WHERE path LIKE '/etc/sudoers.d/\%' ESCAPE '\'",
    "IS": "SELECT * FROM file WHERE path IS '/root/x'",
    # joins of driven tables with each other
    "no constant on either side": "SELECT 1 FROM file f JOIN hash h ON h.path = f.path",
    "a constant on a side that the join does not bind": "SELECT 1 FROM augeas a"
    f" LEFT JOIN augeas b ON b.path = a.path AND b.path = '{HOSTS}'",
    "a constant under OR": "SELECT 1 FROM file f JOIN hash h ON h.path = f.path"
    f" WHERE f.path = '{HOSTS}' OR f.uid = 1",
    "a place that only one side may see": "SELECT 1 FROM file f JOIN hash h ON h.path = f.path"
    " WHERE f.path = '/etc/shadow'",
    "a folder that only one side may see": "SELECT 1 FROM file f JOIN hash h ON h.path = f.path"
    " WHERE f.directory = '/var/log'",
    "another join beside it": "SELECT 1 FROM users u, file f JOIN hash h ON h.path = f.path"
    f" AND h.path = u.directory WHERE f.path = '{HOSTS}'",
    "another comparison hidden in the result": "SELECT h.path = f.path FROM users u, file f"
    f" JOIN hash h ON h.path = u.directory WHERE f.path = '{HOSTS}'",
    "a join under OR": "SELECT 1 FROM file f JOIN hash h ON h.path = f.path OR h.path = '/root/x'"
    f" WHERE f.path = '{HOSTS}'",
    "a join under NOT": "SELECT 1 FROM file f JOIN hash h ON NOT h.path = f.path"
    f" WHERE f.path = '{HOSTS}'",
    "a join in a CASE": "SELECT 1 FROM file f JOIN hash h ON CASE WHEN 1 AND h.path = f.path AND 1"
    f" THEN 1 ELSE 1 END WHERE f.path = '{HOSTS}'",
    "a chain of comparisons": "SELECT 1 FROM users u, file f JOIN hash h ON u.uid = h.path = f.path"
    f" WHERE f.path = '{HOSTS}'",
    "a column that does not drive": "SELECT 1 FROM file f JOIN hash h ON h.path = f.filename"
    f" WHERE f.path = '{HOSTS}'",
    "an alias that means something else inside": "SELECT (SELECT (SELECT md5 FROM hash h"
    " WHERE h.path = f.path) FROM (SELECT '/root/x' AS path) AS f) FROM file f"
    f" WHERE f.path = '{HOSTS}'",
    "an alias in other quotes inside": "SELECT (SELECT (SELECT md5 FROM hash h"
    " WHERE h.path = f.path) FROM (SELECT '/root/x' AS path) 'F') FROM file f"
    f" WHERE f.path = '{HOSTS}'",
    "an alias that is a CTE": "WITH f AS (SELECT '/root/x' AS path) SELECT (SELECT md5 FROM hash h"
    f" WHERE h.path = f.path) FROM f UNION SELECT 1 FROM file f WHERE f.path = '{HOSTS}'",
    "a full join": "SELECT 1 FROM file f FULL JOIN hash h ON h.path = f.path"
    f" WHERE f.path = '{HOSTS}' OR f.path IS NULL",
    "a right join": "SELECT 1 FROM file f RIGHT JOIN hash h ON h.path = f.path"
    f" AND f.path = '{HOSTS}'",
    # places outside the allow-list
    "an element of a list": f"SELECT * FROM file WHERE path IN ('{HOSTS}', '/root/x')",
    "the last of many": f"SELECT * FROM file WHERE path IN ('{HOSTS}', '{HOSTS}', '/root/x')",
    "a list inside a comment": f"SELECT * FROM file WHERE path IN /* ('{HOSTS}') */ ('/r', '/y')",
    "a quoted quote": "SELECT * FROM file WHERE path IN ('/etc/hosts'', ''x', '/etc/hosts')",
    "two dots": "SELECT * FROM file WHERE path = '/etc/pam.d/../../root/x'",
    "one dot": "SELECT * FROM file WHERE path = '/etc/pam.d/./x'",
    "two slashes": "SELECT * FROM file WHERE path = '/etc//hosts'",
    "a last slash": "SELECT * FROM file WHERE path = '/etc/pam.d/'",
    "two dots by a wildcard": "SELECT * FROM file"
    " WHERE path LIKE '/home/.%/.config/kscreenlockerrc'",
    "braces": "SELECT * FROM file WHERE path LIKE '/etc/pam.d/{x,../../root/y}'",
    "a star": "SELECT * FROM file WHERE path LIKE '/etc/pam.d/*'",
    "brackets": "SELECT * FROM file WHERE path LIKE '/etc/pam.d/[.][.]'",
    "the root": "SELECT * FROM file WHERE path LIKE '/%'",
    "everything below the root": "SELECT * FROM file WHERE path LIKE '/%%'",
    "a wider wildcard": "SELECT * FROM file WHERE path LIKE '/etc/%'",
    "everything below": "SELECT * FROM file WHERE path LIKE '/etc/pam.d/%%'",
    "a wildcard where the place has a name": "SELECT * FROM file WHERE path LIKE '/home/%/%/x'",
    "another case": "SELECT * FROM file WHERE path = '/ETC/HOSTS'",
    "a letter that only looks the same": "SELECT * FROM file WHERE path = '/etc/h\u043ests'",
    "a place of another table": "SELECT * FROM hash WHERE path = '/etc/shadow'",
    "the folder of a place": "SELECT * FROM file WHERE directory = '/root'",
    "a relative path": "SELECT * FROM file WHERE path = 'etc/hosts'",
    "XPath": "SELECT * FROM augeas WHERE path = '/etc/hosts | /files/etc/shadow'",
    "XPath in a node": "SELECT * FROM augeas WHERE node = '/files/etc/hosts/*[1]'",
    "a node of another file": "SELECT * FROM augeas WHERE node LIKE '/files/etc/shadow/%'",
    "every node": "SELECT * FROM augeas WHERE node LIKE '/files/%%'",
    "a flag that carries a key": "SELECT value FROM osquery_flags"
    " WHERE name = 'aws_secret_access_key'",
    "flags by a wildcard": "SELECT value FROM osquery_flags WHERE name LIKE '%'",
}

WINDOWS_EVASIONS = {
    "the accounts database": r"SELECT * FROM registry WHERE key LIKE 'HKEY_LOCAL_MACHINE\SAM\%'",
    "its secrets": r"SELECT * FROM registry WHERE key = 'HKEY_LOCAL_MACHINE\SECURITY\x'",
    "by path": rf"SELECT * FROM registry WHERE path = '{WINLOGON}\DefaultPassword'",
    "a name that binds only the other side of a LEFT JOIN": "SELECT r.data FROM registry r"
    f" LEFT JOIN users u ON r.name = 'AutoAdminLogon' WHERE r.key = '{WINLOGON}'",
    "a name by LIKE": f"SELECT * FROM registry WHERE key = '{WINLOGON}' AND name LIKE 'Default%'",
    "a name from elsewhere": f"SELECT data FROM registry r JOIN users u ON r.name = u.username"
    f" WHERE r.key = '{WINLOGON}'",
    "a password by a join": "SELECT b.data FROM registry a JOIN registry b ON b.key = a.key AND"
    f" b.name = 'DefaultPassword' WHERE a.key = '{WINLOGON}' AND a.name = 'AutoAdminLogon'",
    "all values": f"SELECT * FROM registry WHERE key = '{WINLOGON}'",
    "a password": f"SELECT * FROM registry WHERE key = '{WINLOGON}' AND name = 'DefaultPassword'",
    "its first letter": f"SELECT count(*) FROM registry WHERE key = '{WINLOGON}'"
    " AND name = 'DefaultPassword' AND data LIKE 'a%'",
    "its order": f"SELECT name FROM registry WHERE key = '{WINLOGON}'"
    " AND name IN ('DefaultPassword', 'DefaultUserName') ORDER BY data",
    "a pair hidden in two lists": rf"SELECT data FROM registry WHERE key IN ('{WINLOGON}',"
    r" 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Lsa')"
    " AND name IN ('AutoAdminLogon', 'DefaultPassword')",
    "the product key": "SELECT data FROM registry WHERE key = 'HKEY_LOCAL_MACHINE\\SOFTWARE\\"
    "Microsoft\\Windows NT\\CurrentVersion' AND name = 'DigitalProductId'",
    "a wildcard over the root": r"SELECT * FROM registry WHERE key LIKE 'HKEY_LOCAL_MACHINE\%%'",
    "a path with slashes": "SELECT * FROM file WHERE path = 'C:/Windows/System32/config/SAM'",
    "dots": r"SELECT * FROM file WHERE path = 'C:\Users\x\..\..\Windows\System32\config\SAM'",
    "a device": r"SELECT * FROM file WHERE path = '\\?\C:\Windows\System32\drivers\etc\hosts'",
    "another stream": r"SELECT * FROM file WHERE path = 'C:\Windows\System32\drivers\etc\hosts:x'",
    "a share": r"SELECT * FROM file WHERE path = '\\server\share\x'",
    "the security log": "SELECT * FROM windows_eventlog WHERE channel = 'Security'",
    "a log by query": "SELECT 1 FROM windows_eventlog WHERE channel = 'Microsoft-Windows-Backup'"
    " AND xpath = '<QueryList/>'",
    "a table of another platform": "SELECT * FROM shadow",
}


@pytest.mark.parametrize("sql", HONEST_ON_LINUX)
def test_an_honest_question_is_approved(sql: str) -> None:
    verdict = check(sql, platform="linux")

    assert isinstance(verdict, Approved), verdict
    assert sql.startswith(verdict.sql)


@pytest.mark.parametrize("way", EVASIONS)
def test_no_way_around_the_allow_list_works_on_linux(way: str) -> None:
    assert isinstance(check(EVASIONS[way], platform="linux"), Refused)


@pytest.mark.parametrize("way", WINDOWS_EVASIONS)
def test_no_way_around_the_allow_list_works_on_windows(way: str) -> None:
    assert isinstance(check(WINDOWS_EVASIONS[way], platform="windows"), Refused)


def test_that_a_stored_password_is_there_may_be_told() -> None:
    sql = f"SELECT count(*) FROM registry WHERE key = '{WINLOGON}' AND name = 'DefaultPassword'"

    assert isinstance(check(sql, platform="windows"), Approved)


def test_named_values_may_be_read_where_secrets_lie_beside_them() -> None:
    names = "('AutoAdminLogon', 'DefaultUserName')"
    sql = f"SELECT name, data FROM registry WHERE key = '{WINLOGON}' AND name IN {names}"

    assert isinstance(check(sql, platform="windows"), Approved)


def test_registry_keys_and_windows_paths_are_read_in_any_case() -> None:
    sql = f"SELECT data FROM registry WHERE key = '{WINLOGON.upper()}' AND name = 'AutoAdminLogon'"

    assert isinstance(check(sql, platform="windows"), Approved)


def test_preferences_of_another_domain_are_refused() -> None:
    sql = "SELECT value FROM users JOIN preferences p USING (username) WHERE p.domain = '{}'"

    assert isinstance(check(sql.format("com.apple.screensaver"), platform="darwin"), Approved)
    assert isinstance(check(sql.format("com.apple.Safari"), platform="darwin"), Refused)


@pytest.mark.parametrize(
    ("sql", "platform", "reason"),
    [
        ("SELECT * FROM curl", "linux", "curl is not a table that this agent reads"),
        ("SELECT * FROM shadow", "windows", "shadow is not a table of windows"),
        ("SELECT 1; SELECT 2", "linux", "it is more than one statement"),
        ("SELECT load_extension('x')", "linux", "load_extension is not one that this agent calls"),
        ("SELECT * FROM file", "linux", "file needs a condition on path or directory"),
        ("SELECT * FROM file WHERE path = '/root/x'", "linux", "'/root/x' is not a place"),
        ("DROP TABLE users", "linux", "is not reading"),
        ("SELECT nosuch FROM users", "linux", "no such column: nosuch"),
    ],
)
def test_a_refusal_says_what_to_change(sql: str, platform: str, reason: str) -> None:
    verdict = check(sql, platform=platform)

    assert isinstance(verdict, Refused)
    assert reason in verdict.reason


def test_a_refusal_of_a_join_says_how_to_write_it() -> None:
    sql = "SELECT h.sha256 FROM file f JOIN hash h USING (path) WHERE f.path = '/etc/hosts'"

    verdict = check(sql, platform="linux")

    assert isinstance(verdict, Refused)
    assert "ON a.path = b.path" in verdict.reason


def test_a_statement_that_is_too_long_is_refused_unread() -> None:
    assert isinstance(check("SELECT 1 " + " " * MAX_SQL_LENGTH, platform="linux"), Refused)


def test_a_list_that_is_too_long_is_refused() -> None:
    values = ", ".join(["'/etc/hosts'"] * (MAX_LIST_LENGTH + 1))

    verdict = check(f"SELECT * FROM file WHERE path IN ({values})", platform="linux")

    assert verdict == Refused(f"a list in it is longer than {MAX_LIST_LENGTH}")


def test_what_runs_is_the_statement_without_what_follows_it() -> None:
    verdict = check("SELECT uid FROM users ; -- thank you", platform="linux")

    assert verdict == Approved("SELECT uid FROM users", frozenset({"users"}))


def test_every_driven_table_is_an_allowed_table_with_those_columns() -> None:
    for platform, tables in PLACES.items():
        for table, columns in tables.items():
            allowed = ALLOWED_TABLES[table]
            names = {column.name for column in allowed.columns}

            assert platform in allowed.platforms
            assert set(columns) <= names


@pytest.mark.skipif(
    "VIGIE_OSQUERY_SCHEMA" not in os.environ, reason="VIGIE_OSQUERY_SCHEMA names no schema"
)
def test_every_allowed_table_and_column_is_osquerys_or_ours() -> None:
    schema = json.loads(Path(os.environ["VIGIE_OSQUERY_SCHEMA"]).read_text())["tables"]
    of_osquery = {name: table for name, table in ALLOWED_TABLES.items() if name in schema}

    assert all(name.startswith("vigie_") for name in set(ALLOWED_TABLES) - set(of_osquery))
    for name, table in of_osquery.items():
        assert table.platforms == frozenset(schema[name]["platforms"])
        assert {column.name for column in table.columns} <= set(schema[name]["columns"])


@pytest.mark.skipif(
    "VIGIE_OSQUERY_SCHEMA" not in os.environ, reason="VIGIE_OSQUERY_SCHEMA names no schema"
)
def test_every_table_that_wants_a_path_or_key_is_driven_or_not_allowed() -> None:
    schema = json.loads(Path(os.environ["VIGIE_OSQUERY_SCHEMA"]).read_text())["tables"]

    for name, table in schema.items():
        wants = any(column["required"] for column in table["columns"].values())
        for platform in table["platforms"] if wants and name in ALLOWED_TABLES else ():
            assert name in PLACES[platform]


WRITTEN_ANOTHER_WAY = {
    "win.remote_tools": "reads command lines",
    "win.uac_autologon": "reads a stored password to tell that it is there",
}


@pytest.mark.skipif(
    "VIGIE_OSQUERY_EVIDENCE" not in os.environ, reason="VIGIE_OSQUERY_EVIDENCE names no file"
)
def test_the_evidence_map_can_be_asked() -> None:
    text = Path(os.environ["VIGIE_OSQUERY_EVIDENCE"]).read_text()
    refused: dict[str, str] = {}
    for sql in re.findall(r"```sql\n(.*?)```", text, re.DOTALL):
        identifier = re.search(r"-- id: (\S+)", sql)
        platforms = re.search(r"-- platform: (.*)", sql)
        assert identifier
        assert platforms
        if re.search(r"\b(yara_file|curl)\b", sql):
            continue
        for platform in platforms[1].split(", "):
            verdict = check(sql, platform=platform)
            if isinstance(verdict, Refused):
                refused[identifier[1]] = verdict.reason

    assert set(refused) == set(WRITTEN_ANOTHER_WAY), refused
