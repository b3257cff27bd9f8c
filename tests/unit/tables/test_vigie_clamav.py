from pathlib import Path

import pytest

from fake_host import a_device, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.host import Host
from vigie_agent.tables.vigie_clamav import Signatures, read_header, tables


def a_set(version: int, built: int) -> bytes:
    fields = f"ClamAV-VDB:09 Nov 2026 04-30 -0500:{version}:2075000:90:md5:sig:builder:{built}"
    return fields.encode().ljust(512, b" ") + b"\x1f\x8bcontent"


def clamav(host: Host) -> list[TableRow]:
    return rows_of(tables(host), "vigie_clamav")


def test_the_header_tells_version_and_build_time() -> None:
    assert read_header(a_set(27456, 1_794_216_600)) == Signatures("27456", 1_794_216_600)


def test_a_header_without_the_time_in_seconds_has_a_date() -> None:
    header = b"ClamAV-VDB:09 Nov 2026 04-30 -0500:27456:2075000:90:md5:sig:builder"

    assert read_header(header) == Signatures("27456", 1_794_216_600)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"PK\x03\x04",
        b"ClamAV-VDB:",
        b"ClamAV-VDB:soon:1",
        b"ClamAV-VDB:99 Nov 2026 04-30 -0500:1",
    ],
)
def test_a_damaged_header_is_no_set(header: bytes) -> None:
    assert read_header(header) is None


def test_a_device_without_clamav_has_no_row(tmp_path: Path) -> None:
    assert clamav(a_device(tmp_path)) == []


def test_the_newer_of_the_two_daily_sets_counts(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/var/lib/clamav/daily.cvd": a_set(27400, 100),
            "/var/lib/clamav/daily.cld": a_set(27456, 200),
            "/var/lib/clamav/main.cvd": a_set(62, 50),
            "/proc/100/comm": "clamd\n",
            "/proc/101/comm": "freshclam\n",
        },
    )

    (row,) = clamav(host)

    assert row == {
        "active": 1,
        "real_time": 0,
        "auto_update": 1,
        "signatures_version": "27456",
        "signatures_time": 200,
        "main_version": "62",
        "main_time": 50,
        "detail": "/var/lib/clamav; running: clamd, freshclam",
        "collected": "yes",
        "why": "",
    }


def test_installed_without_signatures_is_told(tmp_path: Path) -> None:
    host = a_device(
        tmp_path, {"/usr/bin/clamscan": "", "/etc/cron.d/clamav-freshclam": "", "/proc/1/comm": "x"}
    )

    (row,) = clamav(host)

    assert (row["active"], row["auto_update"], row["signatures_time"]) == (0, 1, None)
    assert row["why"] == "no readable daily.cvd or daily.cld in /var/lib/clamav"


def test_the_databases_folder_of_the_settings_is_looked_into(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/clamav/freshclam.conf": "DatabaseDirectory /srv/clamav\n",
            "/srv/clamav/daily.cld": a_set(1, 300),
        },
    )

    (row,) = clamav(host)

    assert row["signatures_time"] == 300
