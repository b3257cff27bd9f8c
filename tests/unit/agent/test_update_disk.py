"""What updates do to the disk, where another process has a file open for a moment."""

from pathlib import Path

import pytest

from vigie_agent.domain.updating import Standing
from vigie_agent.updates import disk as of_disk
from vigie_agent.updates.disk import Disk
from vigie_agent.updates.versions import Versions


class Held:
    """Refuses a file's first uses, as Windows does while somebody else has it open."""

    def __init__(self, times: int, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.left = times
        done = getattr(Path, name)

        def held(path: Path, *given: object) -> object:
            if path.name.startswith("launch.json") and self.left:
                self.left -= 1
                raise PermissionError(13, "held by another process", str(path))
            return done(path, *given)

        monkeypatch.setattr(Path, name, held)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_disk, "_TRIES", 5)
    monkeypatch.setattr(of_disk, "_AGAIN_AFTER", 0.001)


@pytest.mark.usefixtures("windows")
def test_a_standing_that_somebody_reads_is_replaced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = Versions(tmp_path)
    versions.keep(Standing("1.1.0"))
    held = Held(4, monkeypatch, "replace")

    versions.keep(Standing("1.2.0"))

    assert held.left == 0
    assert versions.standing() == Standing("1.2.0")


@pytest.mark.usefixtures("windows")
def test_a_standing_that_is_being_replaced_is_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = Versions(tmp_path)
    versions.keep(Standing("1.1.0"))
    held = Held(4, monkeypatch, "read_bytes")

    assert versions.standing() == Standing("1.1.0")
    assert held.left == 0


@pytest.mark.usefixtures("windows")
def test_a_file_that_stays_held_is_told_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Versions(tmp_path).keep(Standing("1.1.0"))
    Held(100, monkeypatch, "replace")

    with pytest.raises(PermissionError, match="held by another process"):
        Versions(tmp_path).keep(Standing("1.2.0"))
    assert Versions(tmp_path).standing() == Standing("1.1.0")


def test_elsewhere_it_is_a_matter_of_rights_and_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(1, monkeypatch, "read_bytes")

    with pytest.raises(PermissionError):
        Disk().read(tmp_path / "launch.json")
    assert held.left == 0
