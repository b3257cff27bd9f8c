"""An idle machine has one digest a topic: nothing that is told changes merely because time passes.

All topics are collected on this machine, each time by a process of its own (another order of
hashing, other process numbers), and every other time with a clock that is forty days ahead.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from ports import OF_TESTS
from vigie_agent import bundled

ROUNDS: Final = 5
"""Others use this machine too: what it tells may change once or twice, not at every look."""

_PORTS: Final = frozenset(map(str, OF_TESTS))

pytestmark = [
    pytest.mark.skipif(platform.system() != "Linux", reason="the embedded engine is for Linux"),
    pytest.mark.slow,
]

Answer = Mapping[str, Any]


def test_two_collections_of_an_idle_machine_have_one_digest_for_each_topic(tmp_path: Path) -> None:
    topics = bundled.read_topics(bundled.folder("topics"))
    waiting = {name for name, topic in topics.items() if topic.parts_on("linux")}
    changed: dict[str, list[str]] = {}

    for before, after in pairwise(_collections(tmp_path)):
        assert before.keys() == after.keys() >= waiting
        changed = {name: _difference(before[name], after[name]) for name in waiting}
        waiting = {
            name
            for name in waiting
            if before[name]["digest"] != after[name]["digest"] and not _of_tests(changed[name])
        }
        if not waiting:
            break

    assert {name: changed[name] for name in waiting} == {}


def test_what_follows_the_clock_would_be_found(tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    packs.mkdir()
    clock = {"query": "SELECT unix_time / 86400 AS day FROM time"}
    (packs / "site.json").write_text(json.dumps({"queries": {"clock": clock}}))

    collections = _collections(tmp_path / "data", VIGIE_AGENT_PACKS_DIR=str(packs))
    digests = [answers["pack.site.clock"]["digest"] for answers in collections]

    assert all(before != after for before, after in pairwise(digests))


def _collections(folder: Path, **environment: str) -> Iterator[Mapping[str, Answer]]:
    for number in range(ROUNDS):
        answers = _checked(folder, 40 * (number % 2), environment)
        yield {answer["topic"]: answer for answer in answers}


def _checked(folder: Path, days_ahead: int, environment: Mapping[str, str]) -> list[Answer]:
    done = subprocess.run(
        [sys.executable, "-c", _AHEAD, str(days_ahead), "check", "--json"],
        env={
            "PATH": os.environ["PATH"],
            "VIGIE_AGENT_DATA_DIR": str(folder),
            "VIGIE_AGENT_ENGINE__KIND": "embedded",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode in {0, 4}, done.stderr  # 4: a topic could not be collected, and says why
    answers: list[Answer] = json.loads(done.stdout)
    return answers


def _difference(before: Answer, after: Answer) -> list[str]:
    """The rows that only one of both has, for whoever must find the volatile column."""
    rows = [
        {json.dumps(row, sort_keys=True) for row in answer["rows"]} for answer in (before, after)
    ]
    return sorted(rows[0] ^ rows[1])


def _of_tests(rows: Sequence[str]) -> bool:
    """Whether only listeners of programs differ that other tests have running meanwhile."""
    return bool(rows) and all(json.loads(row).get("port") in _PORTS for row in rows)


_AHEAD: Final = """
import sys, time
from datetime import timedelta
from vigie_agent import clock

days = int(sys.argv.pop(1))
wall, now = time.time, clock.utc_now
time.time = lambda: wall() + days * 86400
clock.utc_now = lambda: now() + timedelta(days=days)
from vigie_agent.cli.main import main
main(prog_name="vigie-agent")
"""
"""The clock is moved before any table is imported."""
