import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.domain.table import Constraint, Operator, Request
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.tables import file, file_hash
from vigie_agent.tables.host import Host
from vigie_agent.tables.path_patterns import parent_and_name

BUDGET = timedelta(seconds=20)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A device with a few files, a folder in a folder, hidden names and links."""
    for folder in ("etc/apt/sources.list.d", "etc/Fonts", "etc/.git", "home/ada/.cache"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("etc/passwd", "etc/group", "etc/pass_d", "etc/.pwd.lock", "etc/a*b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "etc/apt/sources.list").write_text("deb")
    (tmp_path / "etc/apt/sources.list.d/debian.sources").write_text("Types: deb")
    (tmp_path / "home/ada/.cache/state").write_text("1")
    (tmp_path / "etc/mtab").symlink_to("passwd")
    (tmp_path / "etc/loop").symlink_to(".")
    (tmp_path / "etc/broken").symlink_to("nowhere")
    (tmp_path / "etc/circle").symlink_to("circle")
    return tmp_path


@pytest.fixture
def engine(device: Path) -> Iterator[EmbeddedEngine]:
    host = Host(root=device)
    engine = EmbeddedEngine((*file.tables(host), *file_hash.tables(host)))
    yield engine
    engine.close()


def asked(engine: EmbeddedEngine, sql: str) -> list[dict[str, str]]:
    answer = engine.query(sql, timeout=BUDGET)
    assert isinstance(answer, Rows), answer
    return [dict(row) for row in answer.rows]


def paths(engine: EmbeddedEngine, pattern: str) -> list[str]:
    written = pattern.replace("\0", "' || char(0) || '")
    rows = asked(engine, f"SELECT path FROM file WHERE path LIKE '{written}'")  # noqa: S608 (a test's own)
    return [row["path"] for row in rows]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/etc/pass%", ["/etc/pass_d", "/etc/passwd"]),
        ("/etc/%s%wd", ["/etc/passwd"]),
        ("/etc/%/sources.list", ["/etc/apt/sources.list"]),
        ("/etc/%/sources.list.d/", ["/etc/apt/sources.list.d/"]),
        ("/etc/group", ["/etc/group"]),
        ("/home/%/.cache/%", ["/home/ada/.cache/state"]),
        ("/etc/.%", ["/etc/.git/", "/etc/.pwd.lock"]),
    ],
)
def test_a_wildcard_stands_for_one_level(
    pattern: str, found: list[str], engine: EmbeddedEngine
) -> None:
    assert paths(engine, pattern) == found


def test_a_final_double_wildcard_goes_all_the_way_down(engine: EmbeddedEngine) -> None:
    assert paths(engine, "/etc/apt/%%") == [
        "/etc/apt/sources.list",
        "/etc/apt/sources.list.d/",
        "/etc/apt/sources.list.d/debian.sources",
    ]


def test_a_loop_of_links_is_not_walked(engine: EmbeddedEngine) -> None:
    found = paths(engine, "/etc/%%")

    assert "/etc/loop/" in found
    assert not [path for path in found if path.startswith("/etc/loop/p")]


@pytest.mark.parametrize(
    "pattern",
    [
        "/etc/%%.list",
        "/etc/%%/debian.sources",
        "/etc/pass_d%x",
        "/etc/passw_",
        "/etc/PASSWD%",
        "/etc/fonts/",
        "/etc/*",
        "/etc/passw[d]",
        "/etc/{passwd,group}",
        "etc/%",
        "%",
        "/etc/a\0%",
    ],
)
def test_nothing_else_is_a_wildcard(pattern: str, engine: EmbeddedEngine) -> None:
    assert paths(engine, pattern) == []


def test_a_star_in_a_name_is_a_star(engine: EmbeddedEngine) -> None:
    assert paths(engine, "/etc/a*%") == ["/etc/a*b"]


def test_a_file_is_described(engine: EmbeddedEngine, device: Path) -> None:
    (device / "etc/passwd").chmod(0o640)
    os.utime(device / "etc/passwd", (1_700_000_001, 1_700_000_002))

    (row,) = asked(engine, "SELECT * FROM file WHERE path = '/etc/passwd'")

    assert row["directory"] == "/etc"
    assert row["filename"] == "passwd"
    assert row["mode"] == "0640"
    assert row["size"] == "10"
    assert (row["atime"], row["mtime"], row["btime"]) == ("1700000001", "1700000002", "0")
    assert (row["type"], row["symlink"], row["symlink_target_path"]) == ("regular", "0", "")
    assert row["uid"] == str(os.getuid())


def test_a_link_is_described_by_where_it_leads(engine: EmbeddedEngine) -> None:
    sql = "SELECT type, symlink, symlink_target_path FROM file WHERE path = '/etc/mtab'"

    assert asked(engine, sql) == [
        {"type": "regular", "symlink": "1", "symlink_target_path": "/etc/passwd"}
    ]


@pytest.mark.parametrize("name", ["broken", "circle"])
def test_a_link_that_leads_nowhere_is_there_all_the_same(name: str, engine: EmbeddedEngine) -> None:
    sql = f"SELECT filename, type, symlink FROM file WHERE path = '/etc/{name}'"  # noqa: S608 (a test's own)

    assert asked(engine, sql) == [{"filename": name, "type": "unknown", "symlink": "1"}]


def test_a_folder_condition_lists_what_is_in_it(engine: EmbeddedEngine) -> None:
    sql = "SELECT path, directory FROM file WHERE directory = '/etc/apt/' ORDER BY path"

    assert asked(engine, sql) == [
        {"path": "/etc/apt/sources.list", "directory": "/etc/apt/"},
        {"path": "/etc/apt/sources.list.d", "directory": "/etc/apt/"},
    ]


@pytest.mark.parametrize("path", ["/etc/nothing", "etc/passwd", "/etc/passwd/", "/etc/a\0b"])
def test_what_is_not_there_has_no_row(path: str, device: Path) -> None:
    (table,) = file.tables(Host(root=device))
    request = Request({"path": (Constraint(Operator.EQUALS, path),)})

    assert list(table.generate(request)) == []


def test_digests_of_a_file(engine: EmbeddedEngine) -> None:
    sql = "SELECT md5, sha1, sha256 FROM hash WHERE path = '/etc/apt/sources.list'"

    assert asked(engine, sql) == [
        {
            "md5": "38db7ce1861ee11b6a231c764662b68a",
            "sha1": "a1008d558888eeb62b8a6795fdda462db0b50df0",
            "sha256": "9cfa1468c93fc18652e34a000f0c6614b0fa18f6f4887477ad9b0d36ca6a7eaa",
        }
    ]


def test_only_regular_files_have_digests(engine: EmbeddedEngine, device: Path) -> None:
    os.mkfifo(device / "etc/apt/trap")

    found = asked(engine, "SELECT path FROM hash WHERE directory = '/etc/apt'")

    assert found == [{"path": "/etc/apt/sources.list"}]


def test_digests_are_joined_to_files(engine: EmbeddedEngine) -> None:
    sql = (
        "SELECT f.filename, h.md5 FROM file f LEFT JOIN hash h USING (path) "
        "WHERE f.directory = '/etc/apt' ORDER BY f.filename"
    )

    assert asked(engine, sql) == [
        {"filename": "sources.list", "md5": "38db7ce1861ee11b6a231c764662b68a"},
        {"filename": "sources.list.d", "md5": ""},
    ]


def test_a_digest_hears_the_deadline(device: Path) -> None:
    class LateError(Exception):
        pass

    def late() -> None:
        raise LateError

    (table,) = file_hash.tables(Host(root=device))
    request = Request({"path": (Constraint(Operator.EQUALS, "/etc/passwd"),)}, check_time=late)

    with pytest.raises(LateError):
        list(table.generate(request))


def test_a_query_without_a_path_is_refused(engine: EmbeddedEngine) -> None:
    answer = engine.query("SELECT * FROM hash", timeout=BUDGET)

    assert isinstance(answer, QueryError)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/", ("", "/")),
        ("/etc", ("/", "etc")),
        ("/etc/", ("/etc", ".")),
        ("/etc/../passwd", ("/etc/..", "passwd")),
    ],
)
def test_a_path_is_cut_as_osquery_cuts_it(path: str, parts: tuple[str, str]) -> None:
    assert parent_and_name(path) == parts
