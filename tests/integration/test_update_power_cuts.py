"""The power is cut before every single step that an update does to the disk.

What was written and not yet synced is lost with it. Whatever was cut, a version that works is there
to start, and the same update goes through afterwards.
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.releases import PLATFORM, FakeChannel
from vigie_agent.clock import utc_now
from vigie_agent.domain.updating import Standing, confirm, start
from vigie_agent.services.update import Update
from vigie_agent.updates.channel import Channel
from vigie_agent.updates.disk import Disk
from vigie_agent.updates.folder_source import FolderSource
from vigie_agent.updates.trying import try_out
from vigie_agent.updates.versions import Versions


class PowerCut(BaseException):
    """Not an Exception: nothing gets to clean up."""


class FailingDisk(Disk):
    """Does `steps` steps; then the power is cut, and stays so."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self._unsynced: list[Path] = []
        self.last = ""

    @property
    def is_cut(self) -> bool:
        return self._left < 0

    def step(self, what: str, path: Path) -> None:
        self._left -= 1
        self.last = f"{what} {path.name}"
        if self._left < 0:
            for lost in self._unsynced:
                if lost.exists():
                    lost.write_bytes(b"")
            self._unsynced.clear()
            raise PowerCut(self.last)
        if what == "write":
            self._unsynced.append(path)
        elif what == "fsync":
            self._unsynced.remove(path)  # it is done right after this


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> FakeChannel:
    made = FakeChannel(tmp_path_factory.mktemp("publisher")).begin()
    made.publish("1.1.0", weight=3_000)
    made.publish("1.2.0", weight=3_000)
    return made


def update(device: Path, channel: FakeChannel, version: str, disk: Disk) -> None:
    """One run of `vigie-agent update`, from the start of its process."""
    versions = Versions(device / "updates", disk)
    client = Channel(
        device / "updates" / "metadata",
        versions.incoming,
        channel.root,
        FolderSource(channel.folder),
        disk,
    )
    Update(client, versions, try_out, "1.0.0", PLATFORM, utc_now)(version, with_server=False)


def running(device: Path) -> str:
    """The version that a start after the cut takes; its program is there, and starts."""
    versions = Versions(device / "updates")
    current = start(versions.standing(), "1.0.0", utc_now()).current
    if current:
        said = subprocess.run(
            [versions.program(current), "version"], capture_output=True, text=True, check=True
        ).stdout
        assert said == f"vigie-agent {current} (a script)\n"
    return current


def confirmed(device: Path, version: str) -> Standing:
    versions = Versions(device / "updates")
    versions.keep(confirm(versions.standing(), version))
    return versions.standing()


def test_a_power_cut_at_any_step_leaves_a_working_agent_that_updates_all_the_same(
    tmp_path: Path, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path))
    cut_at: list[str] = []
    steps = 0
    while True:
        device = tmp_path / f"cut after {steps}"
        update(device, channel, "1.1.0", Disk())
        assert confirmed(device, "1.1.0") == Standing("1.1.0")
        disk = FailingDisk(steps)
        try:
            update(device, channel, "1.2.0", disk)
        except PowerCut as cut:
            cut_at.append(str(cut))

        assert running(device) in ({"1.1.0", "1.2.0"} if cut_at[-1:] else {"1.2.0"}), cut_at[-1]
        if not disk.is_cut:
            break
        if running(device) == "1.1.0":
            update(device, channel, "1.2.0", Disk())
        assert running(device) == "1.2.0", cut_at[-1]
        steps += 1

    print(f"\npower cut before each of {len(cut_at)} steps")
    assert len(cut_at) > 20
    assert {one.partition(" ")[0] for one in cut_at} >= {"write", "fsync", "rename", "sync", "link"}


def test_a_power_cut_at_any_step_of_an_end_of_trial_leaves_a_working_agent(
    tmp_path: Path, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path))
    steps, cuts = 0, 0
    while True:
        device = tmp_path / f"cut after {steps}"
        update(device, channel, "1.2.0", Disk())
        disk = FailingDisk(steps)
        versions = Versions(device / "updates", disk)
        try:
            versions.keep(confirm(versions.standing(), "1.2.0"))
        except PowerCut:
            cuts += 1

        assert running(device) == "1.2.0"
        if not disk.is_cut:
            break
        steps += 1

    assert cuts == 4


@pytest.mark.parametrize("name", ["root.json", "timestamp.json", "snapshot.json", "targets.json"])
def test_metadata_that_a_power_cut_left_empty_is_asked_for_again(
    tmp_path: Path, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path))
    update(tmp_path, channel, "1.1.0", Disk())
    confirmed(tmp_path, "1.1.0")
    (tmp_path / "updates" / "metadata" / name).write_bytes(b"")

    update(tmp_path, channel, "1.2.0", Disk())

    assert running(tmp_path) == "1.2.0"


KILLED = """
import os, signal, sys
from pathlib import Path
from vigie_agent.services.update import Update
from vigie_agent.updates.channel import Channel
from vigie_agent.clock import utc_now
from vigie_agent.updates.disk import Disk
from vigie_agent.updates.folder_source import FolderSource
from vigie_agent.updates.trying import try_out
from vigie_agent.updates.versions import Versions

class KilledDisk(Disk):
    left = int(sys.argv[1])

    def step(self, what, path):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

folder, root, source, platform = sys.argv[2:]
versions = Versions(Path(folder), KilledDisk())
client = Channel(
    Path(folder) / "metadata", versions.incoming, Path(root).read_bytes(),
    FolderSource(Path(source)), KilledDisk(),
)
Update(client, versions, try_out, "1.0.0", platform, utc_now)("1.2.0", with_server=False)
"""


@pytest.mark.parametrize("steps", [1, 6, 12, 14, 16])
def test_an_update_that_is_killed_leaves_a_working_agent_that_updates_all_the_same(
    tmp_path: Path, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """A real process and a real SIGKILL, at some of the steps; all of them are tried above."""
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path))
    update(tmp_path, channel, "1.1.0", Disk())
    confirmed(tmp_path, "1.1.0")
    root = channel.folder / "metadata" / "1.root.json"
    places = [str(tmp_path / "updates"), str(root), str(channel.folder), PLATFORM]

    ended = subprocess.run([sys.executable, "-c", KILLED, str(steps), *places], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert running(tmp_path) == "1.1.0"
    update(tmp_path, channel, "1.2.0", Disk())
    assert running(tmp_path) == "1.2.0"
