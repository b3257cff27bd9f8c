"""Time Machine by tmutil and by its preferences, which Full Disk Access guards."""

import errno
import plistlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fake_host import FakePrograms, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.host import CommandResult, Host, Outcome
from vigie_agent.tables.time_machine import last_of_stamps
from vigie_agent.tables.vigie_backups import tables

PREFERENCES = "/Library/Preferences/com.apple.TimeMachine.plist"
ASKED = "/usr/bin/tmutil destinationinfo -X"
LATEST = "/usr/bin/tmutil latestbackup"
LOCAL = "/usr/bin/tmutil listlocalsnapshots /"
DISK, NAS = "0852943E-8EC2-4386-8C31-ECE56488E8B4", "B2FFC925-13A8-46C5-9469-153616C91FA9"
FULL_DISK_ACCESS = "needs Full Disk Access"


def moment(written: str) -> datetime:
    """A date as property lists hold it: in UTC, without saying so."""
    return datetime.fromisoformat(written)


class GuardedHost(Host):
    """A Mac that keeps the agent from its guarded files, as macOS does even to root."""

    def read_bytes(self, path: str, *, max_bytes: int = 0) -> bytes:  # noqa: ARG002
        raise PermissionError(errno.EPERM, "Operation not permitted", path)


def a_mac(
    root: Path,
    *,
    preferences: Mapping[str, Any] | bytes | None = None,
    destinations: Sequence[Mapping[str, Any]] | None = None,
    guarded: bool = False,
    **programs: CommandResult | str,
) -> Host:
    answer = {"Destinations": destinations} if destinations else {}
    written = {ASKED: plistlib.dumps(answer).decode(), LATEST: programs.get("latest", "")}
    written[LOCAL] = programs.get("local", "Snapshots for disk /:\n")
    written[ASKED] = programs.get("asked", written[ASKED])
    if preferences is not None:
        place = root / PREFERENCES.lstrip("/")
        place.parent.mkdir(parents=True)
        bytes_ = preferences if isinstance(preferences, bytes) else plistlib.dumps(preferences)
        place.write_bytes(bytes_)
    return (GuardedHost if guarded else Host)(root=root, run=FakePrograms(written))


def asked(host: Host, part: str) -> list[TableRow]:
    return rows_of(tables(host, "darwin"), "vigie_backups", equals={"part": [part]})


def test_the_newest_date_of_each_destination_is_its_last_backup(tmp_path: Path) -> None:
    host = a_mac(
        tmp_path,
        destinations=[{"ID": DISK, "Kind": "Local", "Name": "Sauvegarde de Marie"}],
        preferences={
            "AutoBackup": True,
            "Destinations": [
                {"DestinationID": DISK, "LastKnownEncryptionState": "Encrypted",
                 "SnapshotDates": [moment("2026-11-19T02:00"), moment("2026-11-12T02:00")]},
                {"DestinationID": NAS, "LastKnownEncryptionState": "NotEncrypted",
                 "NetworkURL": "smb://marie@nas._smb._tcp.local./TM"},
            ],
        },
    )  # fmt: skip

    (schedule,) = asked(host, "schedules")
    rows = asked(host, "repositories")

    assert schedule["scheduled"] == 1
    assert [
        (row["identifier"], row["destination"], row["encrypted"], row["last_success_time"])
        for row in rows
    ] == [(DISK[:12], "disk", 1, 1795053600), (NAS[:12], "network", 0, None)]
    assert "marie" not in str(rows).lower()


def test_backups_by_hand_only_are_told_from_automatic_ones(tmp_path: Path) -> None:
    (row,) = asked(a_mac(tmp_path, preferences={"AutoBackup": False}), "schedules")

    assert (row["collected"], row["scheduled"]) == ("yes", 0)


def test_a_mac_where_nothing_was_set_up_has_no_row(tmp_path: Path) -> None:
    host = a_mac(tmp_path)

    assert asked(host, "schedules") == asked(host, "repositories") == []


def test_without_full_disk_access_nothing_is_taken_for_never_set_up(tmp_path: Path) -> None:
    host = a_mac(tmp_path, guarded=True)

    (schedule,) = asked(host, "schedules")

    assert schedule["collected"] == "no"
    assert FULL_DISK_ACCESS in str(schedule["why"])


def test_of_a_single_destination_tmutil_tells_the_newest_backup_all_the_same(
    tmp_path: Path,
) -> None:
    latest = "/Volumes/.timemachine/0852/2026-11-19-031500.backup\n"
    host = a_mac(
        tmp_path, guarded=True, destinations=[{"ID": DISK, "Kind": "Network"}], latest=latest
    )

    (row,) = asked(host, "repositories")

    local = datetime.fromisoformat("2026-11-19T03:15").astimezone()
    assert (row["last_success_time"], row["time_source"]) == (int(local.timestamp()), "tmutil")


@pytest.mark.parametrize(
    "said", ["Failed to mount backup destination, error: 19\n", "", "2026-99-99-999999.backup"]
)
def test_a_success_of_tmutil_without_a_backup_in_it_is_none(said: str) -> None:
    assert last_of_stamps(said) is None


def test_several_guarded_destinations_are_named_without_a_time(tmp_path: Path) -> None:
    both = [{"ID": DISK, "Kind": "Local"}, {"ID": NAS, "Kind": "Network"}]

    rows = asked(
        a_mac(tmp_path, guarded=True, destinations=both, latest="2026-11-19-031500.backup"),
        "repositories",
    )

    assert [(row["collected"], row["destination"]) for row in rows] == [
        ("no", "disk"),
        ("no", "network"),
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (CommandResult(Outcome.TIMED_OUT), "tmutil did not answer in time"),
        (failed("tmutil: internal error"), "tmutil failed"),
        ("no property list", "tmutil answered what could not be understood"),
    ],
)
def test_a_tmutil_that_does_not_answer_is_told(
    said: CommandResult | str, why: str, tmp_path: Path
) -> None:
    (row,) = asked(a_mac(tmp_path, asked=said), "repositories")

    assert (row["collected"], row["why"]) == ("no", why)


def test_damaged_preferences_are_no_absence(tmp_path: Path) -> None:
    (row,) = asked(a_mac(tmp_path, preferences=b"bplist00 torn"), "schedules")

    assert row["collected"] == "no"


def test_local_snapshots_are_told_by_day_and_are_no_backup(tmp_path: Path) -> None:
    said = (
        "Snapshots for disk /:\ncom.apple.TimeMachine.2026-11-19-091500.local\n"
        "com.apple.TimeMachine.2026-11-20-071500.local\n"
    )

    (row,) = asked(a_mac(tmp_path, local=said), "snapshots")

    assert (row["kind"], row["last_success_time"]) == ("snapshot", 1795132800)
