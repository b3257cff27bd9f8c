"""`make bench`: what server and agent cost. Figures are kept as JSON.

Speed is told as ratios of one run, since machines are noisy. `make bench PART=agent` measures one
part, and leaves the other parts' figures as they were.
"""

import asyncio
import json
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from bench import (
    agent,
    console,
    contractors,
    fleet,
    held,
    ingest,
    lists,
    monitoring,
    pack_cost,
    read_again,
    rejudge,
    scrape,
    visits,
)
from bench.processes import ROOT

RESULTS = ROOT / "bench-results" / "latest.json"


class Measured(Protocol):
    """One result of a part."""

    def told(self) -> str:
        """One line for people."""
        ...

    def kept(self) -> dict[str, object]:
        """The same as data."""
        ...


PARTS: Final[Mapping[str, Callable[[Path], Awaitable[Sequence[Measured]]]]] = {
    "ingest": ingest.measure,
    "rejudge": rejudge.measure,
    "fleet": fleet.measure,
    "agent": agent.measure,
    "lists": lists.measure,
    "console": console.measure,
    "contractors": contractors.measure,
    "lists-kept": read_again.measure,
    "packs": pack_cost.measure,
    "ingest-postgres": ingest.measure_on_postgres,
    "scrape": scrape.measure,
    "visits": visits.measure,
    "held": held.measure,
    "monitoring": monitoring.measure,
}


async def main(names: Sequence[str]) -> None:
    """Measures these parts, prints, and keeps the figures."""
    for name in names:
        with tempfile.TemporaryDirectory(prefix="vigie-bench-") as folder:
            results = await PARTS[name](Path(folder))
        for result in results:
            print(result.told())
        keep(name, [result.kept() for result in results])


def keep(part: str, figures: Sequence[dict[str, object]]) -> None:
    """Puts a part's figures in place of its last ones, with where and when they were measured."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept[part] = figures
    kept[f"{part}_measured"] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    asked = sys.argv[1:] or list(PARTS)
    if unknown := set(asked) - PARTS.keys():
        raise SystemExit(f"no such part: {', '.join(unknown)}; the parts are {', '.join(PARTS)}")
    asyncio.run(main(asked))
