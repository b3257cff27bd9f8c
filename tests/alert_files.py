"""The alerts of `deploy/prometheus`, their tests and their pages, as files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
METRIC = re.compile(r"(?<![:\w])vigie_\w+(?![:\w])")
"""The name of a metric of the server, not of a recorded series."""
RECORDED = re.compile(r"\b\w+:\w+:\w+\b")
GUIDE_RULE = re.compile(r"Q\d\d-[a-z][a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert rule."""

    name: str
    expression: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def groups() -> Iterator[Mapping[str, Any]]:
    """Every group of every rule file."""
    for path in sorted((FOLDER / "rules").glob("*.yml")):
        yield from yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]


def alerts() -> Sequence[Alert]:
    """Every alert."""
    return [
        Alert(rule["alert"], rule["expr"], rule["labels"], rule["annotations"])
        for group in groups()
        for rule in group["rules"]
        if "alert" in rule
    ]


def recordings() -> Mapping[str, str]:
    """The expression of every recorded series, by name."""
    return {
        rule["record"]: rule["expr"]
        for group in groups()
        for rule in group["rules"]
        if "record" in rule
    }


def test_files() -> Sequence[Path]:
    """The tests that promtool runs, a file an alert."""
    return sorted((FOLDER / "tests").glob("*.yml"))
