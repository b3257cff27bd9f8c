"""The machine changes, and the rows of the packs follow: an account, a set of signatures.

They change the machine they run on, and put it back: root only, in CI or where
`VIGIE_TEST_CHANGES_MACHINE=1` says that it may be done.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("vigie-agent")
CLAMAV = Path("/var/lib/clamav")

pytestmark = pytest.mark.skipif(
    sys.platform != "linux"
    or not (os.environ.get("CI") or os.environ.get("VIGIE_TEST_CHANGES_MACHINE"))
    or os.geteuid() != 0,
    reason="changes this machine: needs root, and CI or VIGIE_TEST_CHANGES_MACHINE=1",
)

Rows = Sequence[Mapping[str, str]]


def rows_of(topic: str, data: Path) -> Rows:
    """What the agent answers on a topic now."""
    settings = {"VIGIE_AGENT_DATA_DIR": str(data), "VIGIE_AGENT_ENGINE__KIND": "embedded"}
    ended = subprocess.run(
        [str(PROGRAM), "check", "--topic", topic, "--json"],
        env={"PATH": os.environ["PATH"]} | settings,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    (answer,) = json.loads(ended.stdout)
    rows: Rows = answer["rows"]
    return rows


@contextmanager
def an_account(name: str) -> Iterator[None]:
    """An account with no password set, for as long as the block runs."""
    subprocess.run(["useradd", "-M", "-s", "/bin/bash", name], check=True)
    try:
        yield
    finally:
        subprocess.run(["userdel", name], check=True)


@contextmanager
def a_daily_set(built: datetime, version: int) -> Iterator[None]:
    """ClamAV's daily signatures of this day, where there are none."""
    header = f"ClamAV-VDB:{built:%d %b %Y %H-%M} +0000:{version}:1:90:x:y:made-up:{built:%s}"
    made = not CLAMAV.exists()
    CLAMAV.mkdir(exist_ok=True)
    daily = CLAMAV / "daily.cvd"
    daily.write_bytes(header.encode().ljust(512))
    try:
        yield
    finally:
        daily.unlink()
        if made:
            CLAMAV.rmdir()


def test_an_account_whose_password_is_emptied_shows_and_goes(tmp_path: Path) -> None:
    name = f"vigie-{secrets.token_hex(3)}"

    def status() -> list[str]:
        return [
            row["password_status"]
            for row in rows_of("accounts", tmp_path)
            if row["username"] == name and row["part"] == "passwords"
        ]

    with an_account(name):
        locked = status()
        subprocess.run(["passwd", "--delete", name], check=True, capture_output=True)
        emptied = status()
    gone = status()

    assert "empty" not in locked
    assert emptied == ["empty"]
    assert gone == []


def test_signatures_are_as_old_as_their_file_says(tmp_path: Path) -> None:
    if any(CLAMAV.glob("daily.*")):
        pytest.skip("this machine has signatures of its own")
    stale = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
    fresh = datetime(2026, 11, 24, 4, 30, tzinfo=UTC)

    def built() -> list[str]:
        return [
            row["signatures_time"]
            for row in rows_of("antivirus", tmp_path)
            if row["part"] == "clamav"
        ]

    with a_daily_set(stale, 27_000):
        first = built()
    with a_daily_set(fresh, 27_900):
        second = built()
    none = built()

    assert first == [str(int(stale.timestamp()))]
    assert second == [str(int(fresh.timestamp()))]
    assert none == []
