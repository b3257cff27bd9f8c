"""A running agent tells how it does, in a file that costs nothing when it is lost."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from collecting import START, Hands
from vigie_agent.domain.snapshot import Cost, Snapshot, Status
from vigie_agent.services.status import WRITE_EVERY, StatusBoard, is_alive, read_status

FANS = Snapshot.of(
    topic="fans",
    topic_version=1,
    status=Status.OK,
    columns=("speed",),
    rows=[("1",)],
    cost=Cost(wall=timedelta(milliseconds=12)),
)


def a_board(path: Path, hands: Hands) -> StatusBoard:
    return StatusBoard(path, started=hands.now(), pid=os.getpid())


def test_what_was_told_can_be_read_by_another_command(tmp_path: Path) -> None:
    hands, path = Hands(), tmp_path / "status.json"
    board = a_board(path, hands)
    board.tell(pending=3, last_contact_at=START)
    board.collected(FANS, hands.now())

    board.waiting({"fans": timedelta(minutes=5), "pumps": timedelta()}, hands.now())

    status = read_status(path)
    assert status is not None
    assert status["pending"] == 3
    assert status["last_contact_at"] == "2026-03-02T08:00:00+00:00"
    assert status["topics"] == {
        "fans": {
            "collected_at": "2026-03-02T08:00:00+00:00",
            "status": "ok",
            "message": "",
            "rows": 1,
            "milliseconds": 12,
            "due_in_seconds": 300,
        },
        "pumps": {"due_in_seconds": 0},
    }


def test_the_file_is_written_at_most_every_ten_seconds(tmp_path: Path) -> None:
    hands, path = Hands(), tmp_path / "status.json"
    board = a_board(path, hands)
    board.waiting({}, hands.now())
    first = path.stat().st_mtime_ns
    board.tell(pending=1)

    board.waiting({}, hands.now())
    soon = path.stat().st_mtime_ns
    hands.advance(WRITE_EVERY)
    board.waiting({}, hands.now())

    assert soon == first
    assert (read_status(path) or {})["pending"] == 1


def test_a_topic_that_is_collected_no_more_disappears(tmp_path: Path) -> None:
    hands, path = Hands(), tmp_path / "status.json"
    board = a_board(path, hands)
    board.waiting({"fans": timedelta()}, hands.now())

    hands.advance(WRITE_EVERY)
    board.waiting({}, hands.now())

    assert (read_status(path) or {})["topics"] == {}


def test_a_disk_that_refuses_costs_only_the_view(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    hands = Hands()

    a_board(tmp_path / "data" / "status.json", hands).waiting({}, hands.now())

    assert (tmp_path / "data").is_file()


def test_an_agent_is_alive_while_its_own_process_runs() -> None:
    born = datetime.fromtimestamp(psutil.Process().create_time(), tz=START.tzinfo)
    mine = {"pid": os.getpid(), "started_at": born.isoformat()}
    reused = {"pid": os.getpid(), "started_at": (born - timedelta(days=1)).isoformat()}

    assert is_alive(mine)
    assert not is_alive(reused)
    assert not is_alive({})
