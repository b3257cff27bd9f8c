"""What starts: the version on trial is watched, and one that does not work is gone back from."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import pytest

from fakes.releases import CONFIRMS, CRASHES, HANGS, LACKS_ITS_SERVER, a_release
from vigie_agent.clock import utc_now
from vigie_agent.domain.updating import RolledBack, Standing, Trial, give_up
from vigie_agent.updates.versions import Versions

LOOK = 0.01
"""Seconds between two looks: who waits without a pause takes a core from what it waits for."""
PROGRAM = """
import sys
from datetime import timedelta
from vigie_agent.launching import Launch
from vigie_agent.updates.versions import Versions
from pathlib import Path

takes, installed, folder, *arguments = sys.argv[1:]
Launch(
    Versions(Path(folder) / "updates"), (sys.executable, *sys.orig_argv[1:]), tuple(arguments),
    installed, takes=timedelta(seconds=float(takes)), pause=timedelta(0),
).run()
print("installed runs")
"""
"""The start of an installed agent, with less patience."""


@dataclass
class Device:
    """Its data folder, with versions in it."""

    folder: Path

    @property
    def versions(self) -> Versions:
        return Versions(self.folder / "updates")

    @property
    def started(self) -> list[str]:
        """What versions were started, and how."""
        path = self.folder / "started"
        return path.read_text().splitlines() if path.exists() else []

    def has(self, version: str, run: str) -> None:
        a_release(self.folder / "updates" / "versions" / version, version, run=run)

    def begin(
        self, *, takes: float = 30, installed: str = "1.0.0", **environment: str
    ) -> "subprocess.Popen[str]":
        told = {**os.environ, "VIGIE_AGENT_DATA_DIR": str(self.folder), **environment}
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(takes), installed, str(self.folder), "run"],
            env=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start(self, *, takes: float = 30, installed: str = "1.0.0") -> str:
        """Starts the agent and waits for its end; what it said."""
        process = self.begin(takes=takes, installed=installed)
        said, errors = process.communicate(timeout=50)
        assert "Traceback" not in errors, errors
        return said


@pytest.fixture
def device(tmp_path: Path) -> Device:
    (tmp_path / "updates" / "versions").mkdir(parents=True)
    return Device(tmp_path)


def test_with_nothing_else_the_installed_version_runs(device: Device) -> None:
    assert device.start() == "installed runs\n"
    assert device.started == []


def test_a_version_that_works_is_confirmed_and_runs_from_then_on(device: Device) -> None:
    device.has("1.1.0", CONFIRMS)
    device.versions.keep(Standing("1.1.0", Trial("", 0, with_server=False)))

    first, second = device.start(), device.start()

    assert (first, second) == ("", "")
    assert device.versions.standing() == Standing("1.1.0")
    assert device.started == ["1.1.0 run", "1.1.0 run"]


def test_a_version_that_crashes_is_gone_back_from_to_the_one_before(device: Device) -> None:
    device.has("1.1.0", "exit 0")
    device.has("1.2.0", CRASHES)
    device.versions.keep(Standing("1.2.0", Trial("1.1.0", 0, with_server=False)))

    device.start()

    assert device.started == ["1.2.0 run"] * 3 + ["1.1.0 run"]
    assert device.versions.standing() == Standing(
        "1.1.0", rolled_back=RolledBack("1.2.0", "it did not work in 3 starts")
    )


def test_a_device_that_is_not_enrolled_says_nothing_of_a_version(device: Device) -> None:
    device.has("1.1.0", "exit 3")
    trial = Standing("1.1.0", Trial("", 0, with_server=False))
    device.versions.keep(trial)

    for _ in range(5):
        device.start()

    assert device.started == ["1.1.0 run"] * 5
    assert device.versions.standing() == trial


def test_a_version_that_never_shows_that_it_works_is_ended(device: Device) -> None:
    """Its engine does not answer, its spool does not open, or it hangs: it is all one."""
    device.has("1.1.0", HANGS)
    device.versions.keep(Standing("1.1.0", Trial("", 0, with_server=False)))

    said = device.start(takes=2)

    assert said == "installed runs\n"
    assert device.started == ["1.1.0 run"]
    failed = device.versions.standing().rolled_back
    assert failed is not None
    assert "had not shown that it works in 0:00:02" in failed.reason


def test_a_program_that_is_gone_or_broken_is_gone_back_from(device: Device) -> None:
    device.has("1.1.0", CRASHES)
    (device.folder / "updates" / "versions" / "1.1.0" / "vigie-agent").write_bytes(b"\x7fELF?")
    for standing in (Standing("1.1.0"), Standing("1.2.0"), Standing("1.2.0", Trial("", 0, False))):
        device.versions.keep(standing)

        assert device.start() == "installed runs\n"
        failed = device.versions.standing().rolled_back
        assert failed is not None
        assert device.versions.standing() == give_up(standing, failed.reason, utc_now())


def test_a_confirmed_version_that_comes_to_nothing_gives_way_to_the_installed_one(
    device: Device,
) -> None:
    device.has("1.1.0", CRASHES)
    device.versions.keep(Standing("1.1.0"))

    said = [device.start() for _ in range(12)]

    assert said == [""] * 10 + ["installed runs\n"] * 2
    assert device.versions.standing() == Standing(
        rolled_back=RolledBack("1.1.0", "it came to nothing in 10 starts")
    )


def test_a_newer_package_wins_over_what_was_downloaded_before(device: Device) -> None:
    device.has("1.1.0", CONFIRMS)
    device.versions.keep(Standing("1.1.0"))

    assert device.start(installed="1.1.0") == "installed runs\n"
    assert device.versions.standing() == Standing()


def test_stopping_the_service_ends_a_trial_in_good_order_and_says_nothing_of_it(
    device: Device,
) -> None:
    device.has("1.1.0", CONFIRMS)
    device.versions.keep(Standing("1.1.0", Trial("", 0, with_server=False)))
    process = device.begin(STAYS="1")
    while device.versions.standing().trial is not None:
        assert process.poll() is None
        sleep(LOOK)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)

    assert device.versions.standing() == Standing("1.1.0")
    assert device.started == ["1.1.0 run"]


def test_a_start_that_is_killed_counts_and_three_of_them_are_enough(device: Device) -> None:
    device.has("1.1.0", HANGS)
    device.versions.keep(Standing("1.1.0", Trial("", 0, with_server=False)))
    for number in range(1, 4):
        process = device.begin()
        while len(device.started) < number:
            assert process.poll() is None
            sleep(LOOK)
        os.killpg(process.pid, signal.SIGKILL)  # as a service manager does, or a power cut
        process.communicate()

    assert device.start() == "installed runs\n"
    assert len(device.started) == 3


def test_a_disk_that_takes_no_note_of_a_start_runs_the_installed_version(device: Device) -> None:
    device.has("1.1.0", CRASHES)
    for standing in (Standing("1.1.0", Trial("", 0, with_server=False)), Standing("1.2.0")):
        device.versions.keep(standing)
        (device.folder / "updates" / "launch.json.new").mkdir()

        assert device.start() == "installed runs\n"
        assert device.started == []
        (device.folder / "updates" / "launch.json.new").rmdir()


def test_a_version_that_lacked_its_server_alone_is_gone_back_from_without_blame(
    device: Device,
) -> None:
    device.has("1.1.0", LACKS_ITS_SERVER)
    device.versions.keep(Standing("1.1.0", Trial("", 0, with_server=True)))

    said = device.start(takes=10)  # within which it has to say what it lacks

    failed = device.versions.standing().rolled_back
    assert said == "installed runs\n"
    assert device.started == ["1.1.0 run"]
    assert failed is not None
    assert (failed.version, failed.unmet) == ("1.1.0", 1)
    assert "it met no server in trial 1: tried again from 2" in failed.reason


@pytest.mark.parametrize(("command", "runs"), [("version", ["1.1.0 version"]), ("service", [])])
def test_a_service_of_windows_begins_as_the_installed_version(
    device: Device, command: str, runs: list[str]
) -> None:
    device.has("1.1.0", CONFIRMS)
    device.versions.keep(Standing("1.1.0"))
    program = (
        "import sys; from vigie_agent.launching import start_here; start_here((), sys.argv[1:])"
    )

    subprocess.run(
        [sys.executable, "-c", program, command],
        env={**os.environ, "VIGIE_AGENT_DATA_DIR": str(device.folder)},
        check=True,
        timeout=50,
    )

    assert device.started == runs
