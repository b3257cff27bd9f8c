"""Cells of the files that people open in a spreadsheet: what devices and people said stays text."""

from typing import Final

FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet take a cell for a formula, behind spaces too."""
GUARD: Final = "'"


def formula_safe(cell: str) -> str:
    """The cell, which no spreadsheet takes for a formula."""
    return f"{GUARD}{cell}" if _like_a_formula(cell) else cell


def without_guard(cell: str) -> str:
    """The cell as it was before `formula_safe`."""
    return cell[1:] if cell.startswith(GUARD) and _like_a_formula(cell[1:]) else cell


def _like_a_formula(cell: str) -> bool:
    return cell.lstrip(" ").startswith(FORMULA_SIGNS)
