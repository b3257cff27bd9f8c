"""`make bench`: speed as ratios of one run, since machines are noisy. Figures are kept as JSON."""

import asyncio
import json
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench import ingest
from bench.processes import ROOT

RESULTS = ROOT / "bench-results"


async def main() -> None:
    """Measures, prints, and keeps the figures."""
    kept: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    with tempfile.TemporaryDirectory(prefix="vigie-bench-") as folder:
        comparisons = await ingest.measure(Path(folder))
    for comparison in comparisons:
        print(comparison.told())
    kept["ingest"] = [comparison.kept() for comparison in comparisons]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
