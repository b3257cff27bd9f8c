"""`python -m vigie_grafana FOLDER`: writes every dashboard, one folder a language."""

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from vigie_grafana.boards import drawn
from vigie_grafana.wording import Language
from vigie_server.bundled import bundled_catalogue


def main(folder: Path) -> None:
    """Writes `FOLDER/<language>/<dashboard>.json`."""
    catalogue = bundled_catalogue()
    for language in Language:
        (folder / language).mkdir(parents=True, exist_ok=True)
        for name, sheet in drawn(catalogue, language).items():
            text = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(
                sheet.built.build()
            )
            (folder / language / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
