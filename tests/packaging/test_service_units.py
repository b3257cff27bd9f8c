"""What holds the services: the units as systemd rates them, and the memory that they go without."""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components import required_program
from programs import BIN
from vigie_packaging.release import ROOT

pytestmark = pytest.mark.timeout(400)

AGENT = ROOT / "deploy" / "agent" / "linux" / "vigie-agent.service"
SERVER = ROOT / "deploy" / "server" / "linux" / "vigie-server.service"
SET_MDWE, GET_MDWE, NO_EXECUTABLE_GAIN = 65, 66, 1
HELD = f"""
import ctypes, os, sys
assert ctypes.CDLL(None).prctl({SET_MDWE}, {NO_EXECUTABLE_GAIN}, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs a program as `MemoryDenyWriteExecute=` does on a new kernel: its children too."""
MAPS = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)"


@pytest.fixture
def held() -> tuple[str, ...]:
    """What stands before a program that gets no memory that is both written and run."""
    if ctypes.CDLL(None).prctl(GET_MDWE, 0, 0, 0, 0) < 0:
        pytest.skip("this kernel is older than 6.3: it has no switch for such memory")
    return (sys.executable, "-c", HELD)


def ran(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(
    ("unit", "told_in"),
    [(AGENT, "install-linux.md"), (SERVER, "install-server.md")],
    ids=["agent", "server"],
)
def test_systemd_rates_a_unit_as_its_page_says(unit: Path, told_in: str) -> None:
    systemd_analyze = required_program("systemd-analyze")

    told = ran(systemd_analyze, "security", "--offline=true", "--no-pager", unit).stdout

    (score,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", told)
    page = " ".join((ROOT / "docs" / told_in).read_text(encoding="utf-8").split())
    assert f'`systemd-analyze security --offline=true` gives the unit {score} ("OK")' in page


def test_the_switch_refuses_memory_that_is_written_and_run(held: tuple[str, ...]) -> None:
    assert ran(sys.executable, "-c", MAPS).returncode == 0
    assert "PermissionError" in ran(*held, sys.executable, "-c", MAPS).stderr


def test_the_built_agent_works_without_memory_that_is_written_and_run(
    bundle: Path, held: tuple[str, ...]
) -> None:
    told = ran(*held, bundle / "vigie-agent", "selftest", VIGIE_AGENT_ENGINE__KIND="embedded")

    assert told.returncode == 0, told.stdout
    assert "!!" not in told.stdout


def test_a_server_prepares_judges_and_prints_without_such_memory(
    held: tuple[str, ...], tmp_path: Path
) -> None:
    """Its rules are compiled, its reports typeset: what of it brings machine code of others."""
    server = (*held, str(BIN / "vigie-server"))
    data = {"VIGIE_SERVER_DATA": str(tmp_path / "server"), "VIGIE_SERVER_NAMES": "127.0.0.1"}
    report = tmp_path / "report.pdf"

    made = [
        ran(*server, *command, **data)
        for command in (
            ("init",),
            ("token", "create", "--site", "Les Tilleuls"),
            ("rules", "test", "Q05-min-length"),
            ("report", "site", "Les Tilleuls", "--out", str(report)),
        )
    ]

    assert [one.stderr for one in made if one.returncode != 0] == []
    assert report.read_bytes().startswith(b"%PDF")
