"""How one version of the agent starts another: what it tells it, and what it keeps from it."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Final

MARK: Final = "VIGIE_LAUNCH"
"""Set for a version that another one started; its value is the program to hand over to."""
TRIAL: Final = "VIGIE_LAUNCH_TRIAL"
"""Set while whoever started it watches: the version that has to show that it works."""

ENDS_WITH_INPUT: Final = "VIGIE_LAUNCH_INPUT"
"""Set for a version that ends when its standard input does: Windows has no signal for that."""

HAND_OVER: Final = 75
"""The exit code by which a watched version says that another one is current now."""


def environment_for(
    program: Sequence[str],
    *,
    trial: str = "",
    ends_with_input: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """The environment of another version: without what PyInstaller set for the one that runs."""
    told = {name: value for name, value in environment.items() if not name.startswith("_PYI_")}
    for mark in (TRIAL, ENDS_WITH_INPUT):
        told.pop(mark, None)
    before = told.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is not None:
        told["LD_LIBRARY_PATH"] = before
    told |= {MARK: json.dumps(list(program)), "PYINSTALLER_RESET_ENVIRONMENT": "1"}
    if trial:
        told[TRIAL] = trial
    if ends_with_input:
        told[ENDS_WITH_INPUT] = "yes"
    return told


def started_by(environment: Mapping[str, str] = os.environ) -> tuple[str, ...] | None:
    """The program that started this one, to hand over to; None for one that started by itself."""
    told = environment.get(MARK)
    if told is None:
        return None
    try:
        return tuple(str(part) for part in json.loads(told))
    except (TypeError, ValueError):
        return None


def on_trial(environment: Mapping[str, str] = os.environ) -> str:
    """The version on trial, where this is it; else nothing."""
    return environment.get(TRIAL, "")


def ends_with_input(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this version is asked to end by the end of its standard input."""
    return ENDS_WITH_INPUT in environment
