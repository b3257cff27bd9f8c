"""The regions of France by INSEE code: reference data, not code."""

from collections.abc import Mapping
from pathlib import Path

from vigie_server.domain.documents import read_document
from vigie_server.domain.suggesting import folded, meant

Regions = Mapping[str, str]
"""Names by code."""


def load_regions(path: Path) -> Regions:
    """Raises RulesMalformed, naming file, line and key."""
    document = read_document(path)
    document.choice("list", frozenset({"regions"}))
    document.line_of_text("source")
    document.line_of_text("recorded")
    regions = document.texts("regions")
    document.close()
    return regions


def region(text: str, regions: Regions) -> str:
    """The code of the region that a code or a name means; empty for nothing. Raises ValueError."""
    given = text.strip()
    if not given or given in regions:
        return given
    by_name = {folded(name): code for code, name in regions.items()}
    found = by_name.get(folded(given))
    if found is None:
        raise ValueError(f"no region of France{meant(given, regions.values())}")
    return found
