"""deb_packages, rpm_packages, apt_sources and crontab."""

from pathlib import Path

import pytest

from fake_host import a_device, closed, failed, rows_of
from vigie_agent.domain.table import LibraryMissing, TableError
from vigie_agent.tables import apt_sources, crontab, packages
from vigie_agent.tables.host import CommandResult, Outcome

STATUS = """\
Package: zlib1g
Status: install ok installed
Priority: optional
Section: libs
Installed-Size: 168
Maintainer: Mark Brown <broonie@debian.org>
Architecture: amd64
Source: zlib
Version: 1:1.2.13.dfsg-1
Description: compression library
 Package: not-a-field
 .
 more

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134
Installed-Size: many

Package: gone
Status: deinstall ok not-installed
Version: 1

Version: 9
"""
RELEASE = """\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Version: 12.15
Codename: bookworm
Architectures: all amd64
Components: main contrib
"""


def test_debian_packages_are_told_by_name_as_osqueryd_tells_them(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/var/lib/dpkg/status": STATUS})

    rows = rows_of(packages.tables(host), "deb_packages")

    assert [row["name"] for row in rows] == ["adduser", "zlib1g"]
    assert rows[1] == {
        "name": "zlib1g",
        "version": "1:1.2.13.dfsg-1",
        "source": "zlib",
        "size": 168,
        "arch": "amd64",
        "revision": "1",
        "status": "install ok installed",
        "maintainer": "Mark Brown <broonie@debian.org>",
        "section": "libs",
        "priority": "optional",
        "admindir": "/var/lib/dpkg",
        "pid_with_namespace": 0,
    }
    assert (rows[0]["revision"], rows[0]["size"]) == ("", 0)


def test_a_package_list_that_cannot_be_read_is_an_error_and_none_is_no_rows(tmp_path: Path) -> None:
    host = a_device(tmp_path)

    without = rows_of(packages.tables(host), "deb_packages")
    closed(host, "/var/lib/dpkg/status")

    assert without == []
    with pytest.raises(TableError, match="deb_packages"):
        rows_of(packages.tables(host), "deb_packages")


def test_rpm_packages_are_read_from_what_rpm_prints(tmp_path: Path) -> None:
    printed = (
        "bash\t5.2.26\t3.fc40\tbash-5.2.26-3.fc40.src.rpm\t8541298\tabc\tx86_64\t(none)\t1795000000"
        "\tFedora Project\tUnspecified\n"
        "gpg-pubkey\t1\t2\t(none)\t0\t(none)\t(none)\t(none)\t1\t(none)\tPublic Keys\n"
        "torn\tline\n"
    )
    host = a_device(tmp_path, {"/var/lib/rpm/rpmdb.sqlite": ""}, programs={"rpm": printed})

    (row,) = rows_of(packages.tables(host), "rpm_packages")

    assert (row["name"], row["version"], row["release"]) == ("bash", "5.2.26", "3.fc40")
    assert (row["size"], row["epoch"], row["install_time"]) == (8541298, None, 1795000000)


@pytest.mark.parametrize(
    ("programs", "error"),
    [({}, LibraryMissing), ({"rpm": failed("cannot open database")}, TableError)],
)
def test_an_rpm_database_that_nothing_reads_is_an_error(
    tmp_path: Path, programs: dict[str, CommandResult | str], error: type[TableError]
) -> None:
    host = a_device(tmp_path, {"/usr/lib/sysimage/rpm/rpmdb.sqlite": ""}, programs=programs)

    with pytest.raises(error, match="rpm"):
        rows_of(packages.tables(host), "rpm_packages")


def test_a_package_that_rpm_passes_over_is_an_error_and_a_warning_is_not(tmp_path: Path) -> None:
    bash = "bash\t5\t3\tb.src.rpm\t8\ta\tx86_64\t(none)\t1795000000\tFedora\tUnspecified\n"
    skipped = CommandResult(
        Outcome.EXITED, 0, bash, "error: rpmdb: damaged header #7 -- skipping\n"
    )
    warned = CommandResult(Outcome.EXITED, 0, bash, "warning: bash: Header V4 signature: NOKEY\n")
    database = {"/var/lib/rpm/rpmdb.sqlite": ""}

    torn = packages.tables(a_device(tmp_path, database, programs={"rpm": skipped}))
    whole = packages.tables(a_device(tmp_path, database, programs={"rpm": warned}))

    with pytest.raises(TableError, match="damaged header"):
        rows_of(torn, "rpm_packages")
    assert [row["name"] for row in rows_of(whole, "rpm_packages")] == ["bash"]


def test_without_an_rpm_database_there_are_no_rpm_packages(tmp_path: Path) -> None:
    host = a_device(tmp_path, programs={"rpm": "never asked"})

    assert rows_of(packages.tables(host), "rpm_packages") == []


def test_apt_sources_are_told_with_their_fetched_release(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/apt/sources.list": (
                "# deb http://old.example.org/debian bookworm main\n"
                "deb [signed-by=/k.gpg arch=amd64] http://mirror.example.org/debian bookworm main\n"
                "deb-src http://mirror.example.org/debian/ bookworm main\n"
                "garbage\n"
            ),
            "/etc/apt/sources.list.d/a.sources": (
                "Types: deb\nURIs: https://other.example.org/debian\n"
                "Suites: trixie trixie-updates\nComponents: main non-free\n\n"
                "Enabled: no\nTypes: deb\nURIs: https://off.example.org\nSuites: x\n"
            ),
            "/etc/apt/sources.list.d/a.sources.save": "URIs: https://no.example.org\nSuites: x\n",
            "/var/lib/apt/lists/mirror.example.org_debian_dists_bookworm_InRelease": RELEASE,
        },
    )

    rows = rows_of(apt_sources.tables(host), "apt_sources")

    assert [(row["name"], row["version"], row["components"]) for row in rows] == [
        ("mirror.example.org/debian bookworm", "12.15", "main contrib"),
        ("other.example.org/debian trixie", "", "main non-free"),
        ("other.example.org/debian trixie-updates", "", "main non-free"),
    ]
    assert (rows[0]["maintainer"], rows[0]["architectures"]) == ("Debian", "all amd64")
    assert rows[0]["source"] == "/etc/apt/sources.list"


def test_cron_jobs_are_told_with_their_user_where_the_table_has_one(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/crontab": "SHELL=/bin/sh\n# comment\n30 3 * * 0\troot test -e /x || y\n",
            "/etc/cron.d/job": "@reboot alice /bin/echo hi\n@daily\n* * * *\n",
            "/etc/cron.d/.placeholder": "* * * * * root no\n",
            "/var/spool/cron/crontabs/bob": "*/5 * * * * backup\n",
        },
    )

    rows = rows_of(crontab.tables(host), "crontab")

    assert [(row["event"], row["minute"], row["day_of_week"], row["command"]) for row in rows] == [
        ("", "30", "0", "root test -e /x || y"),
        ("@reboot", "", "", "alice /bin/echo hi"),
        ("", "*/5", "*", "backup"),
    ]
    assert rows[2]["path"] == "/var/spool/cron/crontabs/bob"
