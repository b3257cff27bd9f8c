import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

import pytest

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.table import (
    Column,
    ColumnType,
    LibraryMissing,
    PermissionNeeded,
    Request,
    Table,
    TableError,
    TableRow,
)
from vigie_agent.engines.embedded import EmbeddedEngine

BUDGET = timedelta(seconds=20)


class Recorder:
    """A table of files that remembers what it was asked."""

    def __init__(self, name: str = "papers") -> None:
        self.requests: list[Request] = []
        self.table = Table(
            name,
            (
                Column("path", required=True, index=True),
                Column("folder", required=True),
                Column("size", ColumnType.BIGINT),
                Column("owner", ColumnType.INTEGER, additional=True),
                Column("inside", hidden=True),
            ),
            self._generate,
        )

    def _generate(self, request: Request) -> Iterable[TableRow]:
        self.requests.append(request)
        for path in (*request.equals("path"), *request.likes("path")):
            yield {"path": path, "folder": "/", "size": str(len(path)), "owner": 7, "inside": "x"}


def a_table(name: str, generate: Callable[[Request], Iterable[TableRow]]) -> Table:
    return Table(name, (Column("number", ColumnType.BIGINT), Column("word")), generate)


def numbers(count: int) -> Table:
    return a_table("numbers", lambda _request: ({"number": n, "word": ""} for n in range(count)))


def ask(sql: str, *tables: Table, max_rows: int = 1000) -> Rows | QueryError:
    engine = EmbeddedEngine(tables, max_rows=max_rows)
    try:
        return engine.query(sql, timeout=BUDGET)
    finally:
        engine.close()


def rows(sql: str, *tables: Table) -> list[dict[str, str]]:
    answer = ask(sql, *tables)
    assert isinstance(answer, Rows), answer
    return [dict(row) for row in answer.rows]


def test_a_required_column_must_be_constrained() -> None:
    answer = ask("SELECT * FROM papers", Recorder().table)

    assert answer == QueryError(
        Reason.ERROR, "Table papers was queried without a required column in the WHERE clause"
    )


def test_one_of_several_required_columns_is_enough() -> None:
    answer = ask("SELECT * FROM papers WHERE folder = '/srv'", Recorder().table)

    assert isinstance(answer, Rows)


def test_a_condition_under_or_with_another_column_does_not_count() -> None:
    answer = ask("SELECT * FROM papers WHERE path = '/a' OR size = 3", Recorder().table)

    assert isinstance(answer, QueryError)


def test_conditions_reach_the_table_with_their_operators() -> None:
    papers = Recorder()

    rows("SELECT size FROM papers WHERE path LIKE '/srv/%' AND owner = 7", papers.table)

    (request,) = papers.requests
    assert request.likes("path") == ("/srv/%",)
    assert request.equals("owner") == ("7",)


def test_in_reads_the_table_once_for_each_value() -> None:
    papers = Recorder()

    found = rows("SELECT path FROM papers WHERE path IN ('/a', '/b')", papers.table)

    assert found == [{"path": "/a"}, {"path": "/b"}]
    assert [request.equals("path") for request in papers.requests] == [("/a",), ("/b",)]


def test_a_condition_on_a_column_that_narrows_nothing_stays_with_sqlite() -> None:
    papers = Recorder()

    found = rows("SELECT path FROM papers WHERE path = '/a' AND size IN (1, 2)", papers.table)

    assert found == [{"path": "/a"}]
    assert papers.requests[0].constraints.keys() == {"path"}


def test_an_empty_value_satisfies_the_rule_but_constrains_nothing() -> None:
    papers = Recorder()

    found = rows("SELECT path FROM papers WHERE path = ''", papers.table)

    assert found == []
    assert papers.requests[0].constraints == {}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT path FROM papers WHERE path = '/a' AND owner = 7",
        "SELECT path FROM papers WHERE path = '/a' AND owner = '07'",
        "SELECT path FROM papers WHERE path = '/a' AND owner = 7.0",
    ],
)
def test_equality_with_a_whole_number_arrives_in_plain_decimal(sql: str) -> None:
    papers = Recorder()

    found = rows(sql, papers.table)

    assert found == [{"path": "/a"}]
    assert papers.requests[0].equals("owner") == ("7",)


def test_rows_that_do_not_match_are_dropped_whatever_the_table_gives() -> None:
    found = rows("SELECT number FROM numbers WHERE number > 7", numbers(10))

    assert found == [{"number": "8"}, {"number": "9"}]


def test_the_table_hears_which_columns_are_read() -> None:
    papers = Recorder()

    rows("SELECT size FROM papers WHERE path = '/a'", papers.table)

    assert papers.requests[0].uses("size")
    assert not papers.requests[0].uses("folder")


def test_hidden_columns_are_given_only_when_named() -> None:
    papers = Recorder()

    (all_columns,) = rows("SELECT * FROM papers WHERE path = '/a'", papers.table)
    (named,) = rows("SELECT inside FROM papers WHERE path = '/a'", papers.table)

    assert "inside" not in all_columns
    assert named == {"inside": "x"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT p.path, c.size FROM papers p JOIN copies c USING (path) WHERE p.path = '/ab'",
        "SELECT p.path, c.size FROM papers p LEFT JOIN copies c USING (path) WHERE p.path = '/ab'",
        "SELECT p.path, c.size FROM copies c JOIN papers p ON p.path = c.path WHERE p.path = '/ab'",
        "SELECT path, size FROM copies WHERE path = (SELECT path FROM papers WHERE path = '/ab')",
        "SELECT path, size FROM copies WHERE path IN (SELECT path FROM papers WHERE path = '/ab')",
        (
            "WITH p AS (SELECT path FROM papers WHERE path = '/ab') SELECT path, c.size FROM p "
            "JOIN copies c USING (path)"
        ),
    ],
)
def test_a_join_gives_the_inner_table_what_it_requires(sql: str) -> None:
    copies = Recorder("copies")

    found = rows(sql, Recorder().table, copies.table)

    assert found == [{"path": "/ab", "size": "3"}]
    assert copies.requests[0].equals("path") == ("/ab",)


def test_a_table_that_another_can_narrow_is_read_second_whatever_the_order() -> None:
    papers = Recorder()
    named = a_table("named", lambda _request: [{"number": 1, "word": "/a"}])

    found = rows(
        "SELECT size FROM papers JOIN named ON papers.path = named.word", papers.table, named
    )

    assert found == [{"size": "2"}]


def test_a_join_asks_a_table_once_for_the_same_thing() -> None:
    asked: list[Request] = []

    def generate(request: Request) -> Iterable[TableRow]:
        asked.append(request)
        yield {"number": 1}

    found = rows(
        "SELECT count(*) AS pairs FROM numbers a CROSS JOIN once b",
        numbers(100),
        a_table("once", generate),
    )

    assert found == [{"pairs": "100"}]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (PermissionNeeded("needs root"), QueryError(Reason.NO_PERMISSION, "needs root")),
        (LibraryMissing("install it"), QueryError(Reason.MISSING_TABLE, "install it")),
        (TableError("no list"), QueryError(Reason.ERROR, "no list")),
        (KeyError("pid 17"), QueryError(Reason.ERROR, "table sick failed: KeyError")),
        (RecursionError(), QueryError(Reason.ERROR, "table sick failed: RecursionError")),
    ],
)
def test_what_a_table_raises_is_an_answer(error: Exception, answer: QueryError) -> None:
    def generate(_request: Request) -> Iterator[TableRow]:
        yield {"number": 1}
        raise error

    assert ask("SELECT * FROM sick", a_table("sick", generate)) == answer


def test_the_engine_goes_on_after_a_table_failed() -> None:
    def generate(_request: Request) -> Iterable[TableRow]:
        raise ValueError

    engine = EmbeddedEngine([a_table("sick", generate), numbers(1)])
    engine.query("SELECT * FROM sick", timeout=BUDGET)

    answer = engine.query("SELECT number FROM numbers", timeout=BUDGET)

    assert isinstance(answer, Rows)
    assert answer.rows == ({"number": "0"},)
    engine.close()


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
        "SELECT count(*) FROM endless",
        "SELECT 1 FROM numbers a, numbers b, numbers c WHERE a.number + b.number + c.number < 0",
    ],
)
def test_a_query_over_its_time_budget_is_stopped(sql: str) -> None:
    def endless(request: Request) -> Iterator[TableRow]:
        while True:
            request.check_time()
        yield {}

    engine = EmbeddedEngine([numbers(500), a_table("endless", endless)])

    answer = engine.query(sql, timeout=timedelta(seconds=0.2))

    assert answer == QueryError(Reason.TIMEOUT, "took longer than its time budget")
    engine.close()


def test_a_table_that_blocks_for_ever_does_not_take_the_engine_with_it() -> None:
    released = threading.Event()

    def blocked(_request: Request) -> Iterable[TableRow]:
        released.wait()
        return []

    engine = EmbeddedEngine([a_table("mount", blocked), numbers(1)], grace=timedelta(seconds=0.1))

    stuck = engine.query("SELECT * FROM mount", timeout=timedelta(seconds=0.3))
    after = engine.query("SELECT number FROM numbers", timeout=BUDGET)

    assert stuck == QueryError(Reason.TIMEOUT, "took longer than its time budget")
    assert isinstance(after, Rows)
    released.set()
    engine.close()


def test_only_so_many_blocked_queries_are_left_behind() -> None:
    released, blocked = threading.Event(), list[Request]()

    def mount(request: Request) -> Iterable[TableRow]:
        blocked.append(request)
        return [{}] if released.wait() else []

    engine = EmbeddedEngine([a_table("mount", mount), numbers(1)], grace=timedelta(seconds=0.1))
    while len(blocked) < 4:  # the time of one may be over before it asks the table
        engine.query("SELECT * FROM mount", timeout=timedelta(seconds=0.3))

    refused = engine.query("SELECT number FROM numbers", timeout=BUDGET)
    released.set()
    for thread in [t for t in threading.enumerate() if t.name == "embedded-query"]:
        thread.join()
    answered = engine.query("SELECT number FROM numbers", timeout=BUDGET)

    assert refused == QueryError(Reason.TIMEOUT, "earlier queries are still blocked")
    assert isinstance(answered, Rows)
    engine.close()


def test_waiting_for_another_query_counts_as_time() -> None:
    entered, released = threading.Event(), threading.Event()

    def slow(_request: Request) -> Iterable[TableRow]:
        entered.set()
        released.wait()
        return []

    engine = EmbeddedEngine([a_table("slow", slow), numbers(1)])
    first = threading.Thread(
        target=engine.query, args=("SELECT * FROM slow",), kwargs={"timeout": BUDGET}
    )
    first.start()
    entered.wait()

    answer = engine.query("SELECT number FROM numbers", timeout=timedelta(seconds=0.05))

    assert answer == QueryError(Reason.TIMEOUT, "another query took all of its time")
    released.set()
    first.join()
    engine.close()


def test_a_query_reads_and_gives_a_bounded_number_of_rows() -> None:
    too_large = QueryError(Reason.TOO_LARGE, "reads more rows than one query may")

    assert ask("SELECT count(*) FROM numbers", numbers(11), max_rows=10) == too_large
    assert ask("SELECT 1 FROM numbers a, numbers b LIMIT 11", numbers(9), max_rows=10) == too_large
    assert isinstance(ask("SELECT number FROM numbers", numbers(10), max_rows=10), Rows)


@pytest.mark.parametrize(
    "sql",
    [
        # a sorter of 400 MB, an answer of 100 MB, one value of 2 GB
        (
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) "
            "SELECT count(*) FROM (SELECT hex(zeroblob(200)) AS y FROM c ORDER BY y LIMIT 999999)"
        ),
        (
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100) "
            "SELECT hex(zeroblob(500000)) FROM c"
        ),
        "SELECT printf('%.*c', 2000000000, 'x')",
    ],
)
def test_a_query_uses_a_bounded_amount_of_memory(sql: str) -> None:
    answer = ask(sql)

    assert answer == QueryError(Reason.TOO_LARGE, "needs more memory than one query may")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t(a)",
        "ATTACH '/tmp/other.db' AS other",
        "PRAGMA user_version",
        "SELECT * FROM pragma_database_list",
        "SELECT load_extension('x')",
        "DROP TABLE numbers",
        "BEGIN",
        "VACUUM INTO '/tmp/copy.db'",
    ],
)
def test_nothing_but_reading_is_authorised(sql: str) -> None:
    answer = ask(sql, numbers(1))

    assert isinstance(answer, QueryError)
    assert answer.detail in {"not authorized", "authorization denied"}


@pytest.mark.parametrize(
    "sql", ["INSERT INTO numbers VALUES (1, 'x')", "UPDATE numbers SET number = 1"]
)
def test_a_table_cannot_be_modified(sql: str) -> None:
    answer = ask(sql, numbers(1))

    assert answer == QueryError(Reason.ERROR, "table numbers may not be modified")


def test_closing_ends_the_query_under_way() -> None:
    entered = threading.Event()

    def endless(request: Request) -> Iterator[TableRow]:
        while True:
            entered.set()
            request.check_time()
        yield {}

    engine = EmbeddedEngine([a_table("endless", endless)])
    answers: list[Rows | QueryError] = []
    asking = threading.Thread(
        target=lambda: answers.append(engine.query("SELECT * FROM endless", timeout=BUDGET))
    )
    asking.start()
    entered.wait()

    engine.close()
    asking.join()

    assert answers == [QueryError(Reason.TIMEOUT, "took longer than its time budget")]


def test_a_closed_engine_is_lost() -> None:
    engine = EmbeddedEngine([numbers(1)])
    engine.close()

    with pytest.raises(EngineLost):
        engine.query("SELECT 1", timeout=BUDGET)


def test_a_name_that_is_not_utf8_does_not_break_the_answer() -> None:
    odd = a_table(
        "odd",
        lambda _request: [{"number": 1, "word": b"caf\xe9".decode("utf-8", "surrogateescape")}],
    )

    assert rows("SELECT word FROM odd", odd) == [{"word": "caf�"}]
