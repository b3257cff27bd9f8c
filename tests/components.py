"""Components that some tests need: a failure where CI promises them, a reasoned skip elsewhere."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def required_program(name: str) -> str:
    """The path of a program on this machine, e.g. `promtool`."""
    path = shutil.which(name)
    if path is None:
        missing(f"the program {name} is not installed")
    return path


def required_file(variable: str, what: str) -> Path:
    """The file or folder that an environment variable names, e.g. `VIGIE_OSQUERY_SCHEMA`.

    Only a machine that has it can name it, so its absence is a skip everywhere.
    """
    named = os.environ.get(variable)
    if not named:
        pytest.skip(f"{variable} does not name {what}")
    return Path(named)


def missing(reason: str) -> NoReturn:
    """Fails the test where CI promises the component, and skips it elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must have it")
    pytest.skip(reason)
