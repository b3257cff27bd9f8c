"""A device in a folder, asked with the packs' own SQL: rows follow what its backups do.

On it are done what an administrator and restic do: a timer is enabled and masked, a snapshot is
saved, a script ends and touches the marker. Between changes the digest stays.
"""

import os
import platform
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from fake_host import a_device
from simulated_machines import PACKS
from vigie_agent.domain.answers import QueryError
from vigie_agent.domain.snapshot import Snapshot, Status
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.tables.catalogue import all_tables

UNITS: Final = "usr/lib/systemd/system"
SNAPSHOTS: Final = f"root/.cache/restic/{'ab' * 32}/snapshots"
MARKER: Final = "var/lib/vigie/last-backup"

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux", reason="the embedded engine is for Linux"
)

Row = Mapping[str, str]


class Machine:
    """A device with restic and a timer that nobody has enabled yet."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.host = a_device(
            root,
            {
                f"/{UNITS}/timers.target": "[Unit]\nDescription=Timer Units\n",
                f"/{UNITS}/nightly.timer": "[Timer]\nOnCalendar=daily\nPersistent=true\n",
                f"/{UNITS}/nightly.service": "[Service]\nExecStart=/usr/bin/restic backup /home\n",
                "/root/.bashrc": "",
            },
        )
        self._engine = EmbeddedEngine(all_tables(self.host))

    def ask(self, part: str) -> list[Row]:
        """The rows of a part, asked twice: an idle machine has one digest."""
        (query,) = (
            query for query in PACKS["backups"].queries if query.name == f"backups_linux_{part}"
        )
        first, second = (self._rows(query.sql) for _ in range(2))
        assert _digest(first) == _digest(second)
        return first

    def write(self, path: str, content: str = "", *, time: int) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        os.utime(place, (time, time))

    def link(self, path: str, target: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def _rows(self, sql: str) -> list[Row]:
        answer = self._engine.query(sql, timeout=timedelta(seconds=20))
        assert not isinstance(answer, QueryError), answer
        return [dict(row) for row in answer.rows]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_schedule_is_told_from_the_moment_it_is_enabled_until_it_is_masked(
    machine: Machine,
) -> None:
    installed = machine.ask("schedules")

    machine.link("etc/systemd/system/timers.target.wants/nightly.timer", f"/{UNITS}/nightly.timer")
    enabled = machine.ask("schedules")
    machine.write("var/lib/systemd/timers/stamp-nightly.timer", time=1_795_054_500)
    went_off = machine.ask("schedules")
    machine.link("etc/systemd/system/nightly.timer", "/dev/null")
    masked = machine.ask("schedules")

    assert installed == masked == []
    assert [(row["mechanism"], row["last_run_time"]) for row in enabled] == [("restic", "")]
    assert [row["last_run_time"] for row in went_off] == ["1795054500"]


def test_the_last_success_moves_with_each_snapshot_that_restic_saves(machine: Machine) -> None:
    before = machine.ask("repositories")

    machine.write(f"{SNAPSHOTS}/0a/0a11", time=1_794_968_100)
    first = machine.ask("repositories")
    machine.write(f"{SNAPSHOTS}/d4/d477", time=1_795_054_500)
    second = machine.ask("repositories")

    assert before == []
    assert [row["last_success_time"] for row in first] == ["1794968100"]
    assert [row["last_success_time"] for row in second] == ["1795054500"]


def test_a_script_that_touches_the_marker_is_told_until_somebody_may_forge_it(
    machine: Machine,
) -> None:
    before = machine.ask("marker")

    machine.write(MARKER, time=1_795_054_500)
    touched = machine.ask("marker")
    (machine.root / MARKER).chmod(0o666)
    open_to_all = machine.ask("marker")

    assert before == []
    assert [row["last_success_time"] for row in touched] == ["1795054500"]
    assert [(row["collected"], row["last_success_time"]) for row in open_to_all] == [("no", "")]


def _digest(rows: list[Row]) -> str:
    columns = sorted(rows[0]) if rows else []
    snapshot = Snapshot.of(
        topic="backups",
        topic_version=1,
        status=Status.OK,
        columns=columns,
        rows=[[row[column] for column in columns] for row in rows],
    )
    return snapshot.digest.hex()
