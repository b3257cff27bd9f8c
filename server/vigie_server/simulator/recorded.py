"""Recorded devices: what a device of some platform in some state answered, topic by topic.

A recording is a folder `<platform>/<scenario>/` of `<topic>.json` files, each a list of rows as
osqueryd gives them, and a `scenario.json` that says when it was recorded. Times in it are moved so
that the recording is always as old as on the day it was made.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from vigie_server.domain.errors import NotFound
from vigie_server.domain.topics import Topic

Row = Mapping[str, str]
Rows = Sequence[Row]

RECORDED: Final = Path(__file__).parents[3] / "tests" / "fixtures"
"""The recorded devices of a checkout of Vigie."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded device."""

    platform: str
    scenario: str
    recorded_at: datetime
    topics: Mapping[str, Rows]

    def moved_to(self, now: datetime, declared: Mapping[str, Topic]) -> Mapping[str, Rows]:
        """The rows, with every timestamp as far from `now` as it was from the recording."""
        shift = int((now - self.recorded_at).total_seconds())
        return {
            name: [_moved(row, _timestamps(declared[name]), shift) for row in rows]
            for name, rows in self.topics.items()
        }


def recordings(folder: Path) -> Sequence[Recording]:
    """Every recording below `folder`, platforms in turn for a small fleet. Raises NotFound."""
    places = sorted(folder.glob("*/*/scenario.json"), key=lambda path: path.parts[-2:-4:-1])
    found = [_read(path) for path in places]
    if not found:
        raise NotFound(
            f"no recorded devices in {folder}; run from a checkout of Vigie, or name their folder "
            "with --recorded"
        )
    return found


def _read(scenario: Path) -> Recording:
    told = json.loads(scenario.read_text("utf-8"))
    folder = scenario.parent
    return Recording(
        platform=folder.parent.name,
        scenario=folder.name,
        recorded_at=datetime.fromisoformat(told["recorded_at"]),
        topics={
            path.stem: json.loads(path.read_text("utf-8"))
            for path in sorted(folder.glob("*.json"))
            if path != scenario
        },
    )


def _timestamps(topic: Topic) -> frozenset[str]:
    return frozenset(name for name, column in topic.columns.items() if column.type == "timestamp")


def _moved(row: Row, timestamps: frozenset[str], shift: int) -> Row:
    return {
        name: str(int(value) + shift) if name in timestamps and value else value
        for name, value in row.items()
    }
