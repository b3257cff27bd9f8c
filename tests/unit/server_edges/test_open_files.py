"""How many devices there are places for follows from how many files a process may open."""

import subprocess
import sys
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from vigie_server.bootstrap import places
from vigie_server.bootstrap.places import places_for_devices
from vigie_server.domain.admission import Places
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.settings import SessionSettings

RAISED = """
import resource
from vigie_server.open_files import open_as_many_as_allowed, open_files
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
print(open_files(), open_as_many_as_allowed(), open_files())
"""


def files(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(places, "open_files", lambda: count)


def test_a_process_takes_as_many_files_as_it_is_allowed() -> None:
    told = subprocess.run(
        [sys.executable, "-c", RAISED], capture_output=True, text=True, check=True
    )

    assert told.stdout.split() == ["200", "300", "300"]


def test_fewer_places_than_asked_for_are_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files(monkeypatch, 1_024)

    with capture_logs() as logs:
        found = places_for_devices(SessionSettings(held=5_000, visit=timedelta(minutes=5)))

    assert found == Places(384, 192)
    (said,) = logs
    assert (said["event"], said["log_level"]) == ("open_files_are_few", "warning")
    assert (said["open_files"], said["held"], said["wanted_held"]) == (1_024, 384, 5_000)
    assert "raise the limit to 6256" in said["hint"]


def test_nothing_is_said_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    files(monkeypatch, 65_536)

    with capture_logs() as logs:
        found = places_for_devices(SessionSettings(held=5_000))

    assert found == Places(5_000, 500)
    assert logs == []


def test_a_process_that_may_open_hardly_any_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files(monkeypatch, 128)

    with pytest.raises(SettingsMalformed, match="may open 128 files: 264 open files are needed"):
        places_for_devices(SessionSettings())
