"""The costs that capacity is planned by: the release's, or a file of an operator's own."""

import tomllib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import Final

from vigie_server.domain.capacity import Costs
from vigie_server.domain.errors import SettingsMalformed

RELEASED: Final = Path(__file__).parent / "capacity.toml"


@dataclass(frozen=True, slots=True)
class Measured:
    """Costs, and in words when and on what they were measured."""

    costs: Costs
    where: str


def measured_costs(path: Path = RELEASED) -> Measured:
    """What the file holds. Raises SettingsMalformed, naming what is missing or is no number."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsMalformed(f"{path.name}: it cannot be read: {error}") from error
    costs = document.get("costs")
    wanted = {field.name for field in fields(Costs)}
    if not isinstance(costs, dict) or costs.keys() != wanted:
        found = costs.keys() if isinstance(costs, dict) else set()
        raise SettingsMalformed(
            f"{path.name}: [costs] must hold what {RELEASED.name} of the release holds: "
            f"missing {_listed(wanted - found)}, not known {_listed(found - wanted)}"
        )
    wrong = [name for name, cost in costs.items() if not _is_cost(cost)]
    if wrong:
        raise SettingsMalformed(f"{path.name}: not a number from 0 on: {', '.join(wrong)}")
    return Measured(Costs(**costs), str(document.get("measured", "")))


def _is_cost(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf


def _listed(names: AbstractSet[str]) -> str:
    return ", ".join(sorted(names)) or "none"
