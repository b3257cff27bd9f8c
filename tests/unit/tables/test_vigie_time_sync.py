"""vigie_time_sync: who sets the clock, by which servers, and whether they do."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from fake_host import a_device, closed, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.host import CommandResult, Host
from vigie_agent.tables.time_sources import read_time_sources
from vigie_agent.tables.vigie_time_sync import network_time, tables

UNIT = {"/usr/lib/systemd/system/systemd-timesyncd.service": "[Unit]\n"}
ASKED = "/usr/sbin/systemsetup -getusingnetworktime"
DEBIAN_CHRONY = (
    "confdir /etc/chrony/conf.d\npool 2.debian.pool.ntp.org iburst\n"
    "sourcedir /run/chrony-dhcp\nsourcedir /etc/chrony/sources.d\ndriftfile /var/lib/chrony/drift\n"
)


def rows(
    host: Host, part: str, system: str = "linux", *, kernel: bool | None = True
) -> list[TableRow]:
    found = rows_of(tables(host, system, lambda: kernel), "vigie_time_sync")
    return [row for row in found if row["part"] == part]


def servers(host: Host) -> list[tuple[object, object]]:
    return [(row["mechanism"], row.get("server")) for row in rows(host, "servers")]


# --- Linux ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, [""]),
        ({"/etc/systemd/timesyncd.conf": "[Time]\n#NTP=\n"}, [""]),
        (
            {"/etc/systemd/timesyncd.conf": "[Time]\nNTP=a.example b.example\n"},
            ["a.example", "b.example"],
        ),
        (
            {
                "/etc/systemd/timesyncd.conf": "[Time]\nNTP=a.example\n",
                "/etc/systemd/timesyncd.conf.d/site.conf": "[Time]\nNTP=site.example\n",
                "/usr/lib/systemd/timesyncd.conf.d/site.conf": "[Time]\nNTP=vendor.example\n",
            },
            ["site.example"],
        ),
        (
            {"/usr/lib/systemd/timesyncd.conf.d/x.conf": "[Time]\nFallbackNTP=f.example\n"},
            ["f.example"],
        ),
    ],
)
def test_the_servers_of_timesyncd_are_those_that_win(
    files: Mapping[str, str], told: list[str], tmp_path: Path
) -> None:
    host = a_device(tmp_path, {**UNIT, **files})

    assert servers(host) == [("systemd-timesyncd", server) for server in told]


def test_chronys_drop_ins_count_but_not_what_the_network_of_the_day_hands_out(
    tmp_path: Path,
) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/chrony/chrony.conf": DEBIAN_CHRONY,
            "/etc/chrony/conf.d/site.conf": "server site.example iburst\n",
            "/etc/chrony/conf.d/site.conf.bak": "server old.example\n",
            "/etc/chrony/sources.d/more.sources": "peer peer.example\n",
            "/run/chrony-dhcp/eth0.sources": "server 192.0.2.1\n",
        },
    )

    assert set(servers(host)) == {
        ("chrony", "2.debian.pool.ntp.org"),
        ("chrony", "site.example"),
        ("chrony", "peer.example"),
    }


def test_ntpds_own_undisciplined_clock_is_no_source() -> None:
    found = read_time_sources(
        "# server old.example\nserver 127.127.1.0\nfudge 127.127.1.0 stratum 10\n"
        "server 127.127.20.0 mode 16\npool 0.pool.example iburst\n! server x\nserver\n"
    )

    assert (found.servers, found.clocks) == (("0.pool.example",), ("127.127.20.0",))


def test_a_clock_of_the_machine_is_a_source(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/chrony.conf": "refclock PHC /dev/ptp0 poll 2\n"})

    assert servers(host) == [("chrony", "PHC /dev/ptp0")]


def test_files_that_include_one_another_end(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/chrony.conf": "include /etc/chrony.conf\nserver a\n"})

    assert servers(host) == [("chrony", "a")]


def test_a_configuration_that_is_closed_is_told(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    closed(host, "/etc/chrony/chrony.conf")

    (row,) = rows(host, "servers")

    assert (row["collected"], row["mechanism"]) == ("no", "chrony")


def test_a_trace_is_told_by_day_and_a_clock_file_is_none(tmp_path: Path) -> None:
    synchronised, clock = "/run/systemd/timesync/synchronized", "/var/lib/systemd/timesync/clock"
    host = a_device(tmp_path, {synchronised: "", clock: ""})
    os.utime(host.path(synchronised), (1_795_054_500, 1_795_054_500))
    os.utime(host.path(clock), (1_795_200_000, 1_795_200_000))

    _kernel, trace = rows(host, "last_sync")

    assert (trace["mechanism"], trace["last_sync_day"]) == ("systemd-timesyncd", 1_795_046_400)


@pytest.mark.parametrize(("kernel", "told"), [(True, 1), (False, 0)])
def test_the_kernel_says_whether_its_clock_is_kept_right(
    kernel: bool,
    told: int,
    tmp_path: Path,
) -> None:
    (row,) = rows(a_device(tmp_path), "last_sync", kernel=kernel)

    assert row["synchronised"] == told


def test_a_kernel_that_may_not_be_asked_is_told(tmp_path: Path) -> None:
    (row,) = rows(a_device(tmp_path), "last_sync", kernel=None)

    assert (row["collected"], row.get("synchronised")) == ("no", None)


@pytest.mark.parametrize(
    ("files", "hypervisor"),
    [
        ({"/sys/class/dmi/id/sys_vendor": "LENOVO\n"}, ""),
        ({"/sys/class/dmi/id/sys_vendor": "VMware, Inc.\n"}, "vmware"),
        ({"/.dockerenv": "", "/sys/class/dmi/id/sys_vendor": "LENOVO\n"}, "docker"),
    ],
)
def test_a_guest_is_told_for_its_host_may_set_the_clock(
    files: Mapping[str, str], hypervisor: str, tmp_path: Path
) -> None:
    (row,) = rows(a_device(tmp_path, files), "machine")

    assert row["hypervisor"] == hypervisor


# --- macOS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "on"),
    [
        ("Network Time: On\n", True),
        ("Network Time: Off\n", False),
        ("You need administrator access to run this tool... exiting!\n", None),
        ("", None),
    ],
)
def test_systemsetup_refuses_with_exit_code_0_and_says_nothing_then(
    said: str,
    on: bool | None,
) -> None:
    assert network_time(said) is on


@pytest.mark.parametrize(
    ("said", "plist", "told"),
    [
        ("Network Time: Off\n", b"", ("yes", 0)),
        ("Network Time: On\n", b"", ("yes", 1)),
        (failed("exiting!"), b"<true/>", ("yes", 1)),
        ("You need administrator access\n", b"<false/>", ("yes", 0)),
        (failed("exiting!"), b"", ("no", None)),
    ],
)
def test_without_root_the_preferences_may_say_it(
    said: CommandResult | str, plist: bytes, told: tuple[str, int | None], tmp_path: Path
) -> None:
    key = b"<key>TMAutomaticTimeOnlyEnabled</key>" + plist if plist else b""
    files: dict[str, str | bytes] = {
        "/Library/Preferences/com.apple.timed.plist": b"<plist><dict>" + key + b"</dict></plist>",
        "/etc/ntp.conf": "server time.euro.apple.com.\n",
    }
    host = a_device(tmp_path, files, programs={ASKED: said})

    (row,) = rows(host, "service", "darwin")
    (server,) = rows(host, "servers", "darwin")

    assert (row["collected"], row.get("active")) == told
    assert server["server"] == "time.euro.apple.com."
