"""The Linux packs on the machine that the tests run on, by the embedded engine.

Asked as the user who runs the tests, and once more as a user without any right: whatever that one
may not read says so in a row, and nothing ends in an error.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Final

import pytest

from simulated_machines import PACKS
from vigie_agent.domain.answers import QueryError
from vigie_agent.domain.packs import Query
from vigie_agent.domain.snapshot import Snapshot, Status
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host

NOBODY: Final = 65534
PATIENCE: Final = timedelta(seconds=30)
LINUX_QUERIES: Final[Mapping[str, Query]] = {
    query.name: query
    for pack in PACKS.values()
    for query in pack.queries
    if "linux" in query.platforms
}

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux", reason="the embedded engine is for Linux"
)


@pytest.fixture(scope="module")
def engine() -> EmbeddedEngine:
    return EmbeddedEngine(all_tables(Host()))


@pytest.mark.parametrize("query", LINUX_QUERIES.values(), ids=list(LINUX_QUERIES))
def test_a_query_answers_twice_with_one_digest(query: Query, engine: EmbeddedEngine) -> None:
    # Others use this machine too: what a query sees may change once, not at every look.
    answers = [_asked(engine, query) for _ in range(3)]

    assert [answer.message for answer in answers if answer.status is not Status.OK] == []
    assert any(first.digest == second.digest for first, second in pairwise(answers))
    for row in answers[0].rows:
        values = dict(zip(answers[0].columns, row, strict=True))
        assert values["part"] == query.part
        assert (values["collected"], bool(values["why"])) in {("yes", False), ("no", True)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_without_rights_nothing_fails_and_what_is_closed_says_so() -> None:
    answers, failures = _answers_of_nobody()

    assert failures == {}
    assert set(answers) == set(LINUX_QUERIES)
    for name in CLOSED_TO_NOBODY:
        assert any(row["collected"] == "no" and row["why"] for row in answers[name]), name


CLOSED_TO_NOBODY: Final = (
    "accounts_linux_local",
    "accounts_linux_passwords",
    "firewall_linux_inbound",
    "firewall_linux_iptables",
    "inventory_linux_hardware",
)
"""What no Linux machine shows to a user without rights."""


def _asked(engine: EmbeddedEngine, query: Query) -> Snapshot:
    answer = engine.query(query.sql, timeout=PATIENCE)
    if isinstance(answer, QueryError):
        return Snapshot.of(
            topic=query.topic,
            topic_version=query.topic_version,
            status=Status(answer.reason.value),
            message=answer.detail,
            columns=(),
            rows=(),
        )
    return Snapshot.of(
        topic=query.topic,
        topic_version=query.topic_version,
        status=Status.OK,
        columns=answer.columns,
        rows=[[row[column] for column in answer.columns] for row in answer.rows],
    )


def _answers_of_nobody() -> tuple[Mapping[str, list[Mapping[str, str]]], Mapping[str, str]]:
    """The rows by query as a process of nobody gets them, and the errors."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK_AS_NOBODY, str(NOBODY)],
        input=json.dumps({name: query.sql for name, query in LINUX_QUERIES.items()}),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers, failures = json.loads(done.stdout)
    return answers, failures


_ASK_AS_NOBODY: Final = """
import json, os, sys
from datetime import timedelta
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host

engine = EmbeddedEngine(all_tables(Host()))
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
answers, failures = {}, {}
for name, sql in json.load(sys.stdin).items():
    answer = engine.query(sql, timeout=timedelta(seconds=30))
    if isinstance(answer, QueryError) and answer.reason is Reason.NO_PERMISSION:
        answers[name] = [{"collected": "no", "why": answer.detail}]  # as the agent writes it
    elif isinstance(answer, QueryError):
        failures[name] = f"{answer.reason}: {answer.detail}"
    else:
        answers[name] = [dict(row) for row in answer.rows]
json.dump((answers, failures), sys.stdout)
"""
"""Imports come first: the folders that hold the code may be closed to nobody."""
