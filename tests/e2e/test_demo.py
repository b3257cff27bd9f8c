"""`vigie-server demo` from a checkout: this machine's verdicts, then a simulated fleet."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from programs import clean_environment
from simulated_machines import scenarios

PROGRAM = Path(sys.executable).with_name("vigie-server")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the embedded engine is Linux's"),
    pytest.mark.timeout(240),
]


def test_the_demo_judges_this_machine_and_a_fleet_of_every_recorded_device() -> None:
    count = len(scenarios())

    ended = subprocess.run(
        [str(PROGRAM), "demo", "--once", "--fleet", str(count)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=230,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{count} simulated devices have enrolled and reported." in ended.stdout
    assert re.search(r"https://127\.0\.0\.1:\d+/setup with the code [A-Z2-7-]{8,}", ended.stdout)
