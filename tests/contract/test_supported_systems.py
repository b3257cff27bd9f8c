"""Q03-os-supported finds the release of a device, however its system words its own name.

The names are those that osquery's `os_version` gives: Windows' captions in French and English,
os-release on Linux, and the text of /etc/redhat-release for all of Red Hat's family. They were
written down from the documentation of those systems, and most were not seen on a live one.
"""

from collections.abc import Mapping
from typing import Final

import pytest

from vigie_server.bundled import bundled_catalogue, guide_folder
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.examples import NOW, Answer, converted
from vigie_server.domain.judge import Judge
from vigie_server.domain.reference import SupportTable
from vigie_server.domain.reference_files import load_references
from vigie_server.domain.verdicts import Status, Verdict

RULE: Final = "Q03-os-supported"
Row = Mapping[str, str]

CATALOGUE: Final = bundled_catalogue()
JUDGE: Final = Judge(CATALOGUE)


def support_table() -> SupportTable:
    content = load_references(guide_folder() / "reference")["os_support"].content
    assert isinstance(content, SupportTable)
    return content


TABLE: Final = support_table()


def verdict_of(platform: str, row: Row, *, paid_extension: bool = False) -> Verdict:
    topic = CATALOGUE.topics["inventory"]
    answer = Answer(topic.version, "ok", "", NOW, ({"part": "system"} | dict(row),))
    device = Device(
        id="d1",
        site="s1",
        profile="standard",
        platform=platform,
        state=DeviceState.ACTIVE,
        last_report_at=NOW,
        parameters={RULE: {"paid_extension": paid_extension}},
    )
    verdicts = JUDGE.judge(device, {"inventory": converted(topic, answer)}, now=NOW)
    return next(verdict for verdict in verdicts if verdict.rule == RULE)


def told(key: str) -> str:
    """The day of a key of the table, as a reason says it."""
    return f"{TABLE.releases[key].ends:%d/%m/%Y}"


@pytest.mark.parametrize(
    ("name", "build", "key"),
    [
        ("Microsoft Windows 11 Professionnel", "26200.7171", "windows pro 26200"),
        ("Microsoft Windows 11 Famille", "26100.7171", "windows pro 26100"),
        ("Microsoft Windows 11 Home", "26300.9457", "windows pro 26300"),
        ("Microsoft Windows 11 Entreprise", "26100.7171", "windows enterprise 26100"),
        ("Microsoft Windows 11 Enterprise multi-session", "26100.1", "windows enterprise 26100"),
        ("Microsoft Windows 11 Éducation", "26100.7171", "windows enterprise 26100"),
        ("Microsoft Windows 11 Education N", "26100.7171", "windows enterprise 26100"),
        ("Microsoft Windows 11 Pro Education", "26100.7171", "windows pro 26100"),
        ("Microsoft Windows 11 Professionnel Éducation", "26100.7171", "windows pro 26100"),
        ("Microsoft Windows 11 Pro for Workstations", "26100.7171", "windows pro 26100"),
        ("Microsoft Windows 11 Professionnel", "28000.1", "windows pro 28000"),
        ("Microsoft Windows 10 Professionnel", "19045", "windows pro 19045"),
        ("Microsoft Windows 10 Enterprise LTSC", "17763.1", "windows ltsc 17763"),
        ("Microsoft Windows 10 Entreprise LTSC", "19044.1", "windows ltsc 19044"),
        ("Microsoft Windows 10 IoT Enterprise LTSC", "19044.1", "windows iot ltsc 19044"),
        ("Microsoft Windows 10 Enterprise 2016 LTSB", "14393.1", "windows ltsc 14393"),
        ("Microsoft Windows 8.1 Professionnel", "9600", "windows pro 9600"),
        ("Microsoft Windows 7 Édition Familiale Premium ", "7601", "windows pro 7601"),
        ("Microsoft Windows Server 2012 R2 Standard", "9600.1", "windows server 9600"),
        ("Microsoft Windows Server 2019 Essentials", "17763.1", "windows server 17763"),
        ("Microsoft Windows Server 2025 Standard", "26100.1", "windows server 26100"),
        ("Microsoft Hyper-V Server 2019", "17763.1", "windows server 17763"),
    ],
)
def test_a_windows_is_found_by_its_edition_and_build(name: str, build: str, key: str) -> None:
    verdict = verdict_of("windows", {"os_name": name, "os_build": build})

    assert told(key) in verdict.reason["fr"]


def test_a_server_is_told_by_how_it_is_installed_where_its_name_does_not() -> None:
    row = {"os_name": "Microsoft", "os_build": "20348.1", "installation_type": "server"}

    verdict = verdict_of("windows", row)

    assert told("windows server 20348") in verdict.reason["fr"]


@pytest.mark.parametrize(
    ("platform", "name", "version", "key"),
    [
        ("debian", "Debian GNU/Linux", "13 (trixie)", "debian 13"),
        ("ubuntu", "Ubuntu", "26.04 LTS (Resolute Raccoon)", "ubuntu 26.04"),
        ("ubuntu", "Ubuntu", "25.10 (Questing Quokka)", "ubuntu 25.10"),
        ("linuxmint", "Linux Mint", "22.3 (Zena)", "linuxmint 22"),
        ("linuxmint", "LMDE", "6 (faye)", "linuxmint 6"),
        ("opensuse-leap", "openSUSE Leap", "15.6", "opensuse-leap 15.6"),
        ("ol", "Oracle Linux Server", "Oracle Linux Server release 9.4", "ol 9"),
        # As os-release words it.
        ("rhel", "Fedora Linux", "44 (Workstation Edition)", "fedora 44"),
        ("rhel", "Red Hat Enterprise Linux", "9.6 (Plow)", "rhel 9"),
        ("rhel", "AlmaLinux", "9.6 (Sage Margay)", "almalinux 9"),
        ("rhel", "Rocky Linux", "8.10 (Green Obsidian)", "rocky 8"),
        ("rhel", "CentOS Linux", "8", "centos 8"),
        ("rhel", "CentOS Stream", "8", "centos-stream 8"),
        ("rhel", "CentOS Stream", "10 (Coughlan)", "centos-stream 10"),
        # As osqueryd and the embedded engine word it: /etc/redhat-release.
        ("rhel", "Fedora Linux", "Fedora release 44 (Forty Four)", "fedora 44"),
        (
            "rhel",
            "Red Hat Enterprise Linux",
            "Red Hat Enterprise Linux release 10.1 (Coughlan)",
            "rhel 10",
        ),
        (
            "rhel",
            "Red Hat Enterprise Linux Server",
            "Red Hat Enterprise Linux Server release 7.9 (Maipo)",
            "rhel 7",
        ),
        ("rhel", "AlmaLinux", "AlmaLinux release 10.1 (Heliotrope Lion)", "almalinux 10"),
        ("rhel", "Rocky Linux", "Rocky Linux release 10.1 (Red Quartz)", "rocky 10"),
        ("rhel", "CentOS Linux", "CentOS Linux release 7.9.2009 (Core)", "centos 7"),
        ("rhel", "CentOS Linux", "CentOS Linux release 8.5.2111", "centos 8"),
        ("rhel", "CentOS Stream", "CentOS Stream release 9", "centos-stream 9"),
        ("rhel", "Oracle Linux Server", "Oracle Linux Server release 8.10", "ol 8"),
    ],
)
def test_a_linux_is_found_by_its_distribution_and_release(
    platform: str, name: str, version: str, key: str
) -> None:
    row = {"os_platform": platform, "os_name": name, "os_version": version}

    verdict = verdict_of("linux", row)

    assert told(key) in verdict.reason["fr"]


@pytest.mark.parametrize(
    ("version", "key"),
    [("10.15.7", "macos 10"), ("11.7.10", "macos 11"), ("26.6.2", "macos 26"), ("27", "macos 27")],
)
def test_a_macos_is_found_by_its_first_number(version: str, key: str) -> None:
    verdict = verdict_of("darwin", {"os_name": "macOS", "os_version": version})

    assert told(key) in verdict.reason["fr"]


@pytest.mark.parametrize(
    "row",
    [
        {"os_platform": "rhel", "os_name": "Scientific Linux", "os_version": "7.9 (Nitrogen)"},
        {"os_platform": "rhel", "os_name": "Fedora Linux", "os_version": ""},
        {"os_platform": "opensuse-tumbleweed", "os_name": "openSUSE", "os_version": "20261120"},
        {"os_platform": "debian", "os_name": "Debian GNU/Linux", "os_version": ""},
        {"os_platform": "linuxmint", "os_name": "Linux Mint", "os_version": "2"},
    ],
)
def test_a_linux_that_is_not_in_the_table_is_not_judged_as_its_kin(row: Row) -> None:
    assert verdict_of("linux", row).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("platform", "row", "key"),
    [
        (
            "windows",
            {"os_name": "Microsoft Windows 10 Pro", "os_build": "19045.1"},
            "windows pro 19045",
        ),
        (
            "windows",
            {"os_name": "Microsoft Windows Server 2012 R2", "os_build": "9600.1"},
            "windows server 9600",
        ),
        (
            "linux",
            {"os_platform": "ubuntu", "os_version": "20.04.6 LTS (Focal Fossa)"},
            "ubuntu 20.04",
        ),
        (
            "linux",
            {"os_platform": "rhel", "os_name": "Red Hat", "os_version": "7.9 (Maipo)"},
            "rhel 7",
        ),
    ],
)
def test_an_extension_counts_only_where_it_was_bought(platform: str, row: Row, key: str) -> None:
    free = verdict_of(platform, row)
    bought = verdict_of(platform, row, paid_extension=True)

    assert told(key) in free.reason["fr"]
    assert told(f"extended {key}") in bought.reason["fr"]


def test_an_extension_that_is_not_sold_for_a_system_changes_nothing() -> None:
    row = {"os_platform": "debian", "os_version": "12 (bookworm)"}

    assert verdict_of("linux", row, paid_extension=True) == verdict_of("linux", row)


def test_an_extension_ends_too() -> None:
    row = {"os_name": "Microsoft Windows Server 2012 R2 Standard", "os_build": "9600.1"}

    assert verdict_of("windows", row, paid_extension=True).status is Status.FAIL


def test_windows_updates_end_on_a_tuesday() -> None:
    windows = [r for key, r in TABLE.releases.items() if "windows" in key]

    assert [r.key for r in windows if r.ends.strftime("%a") != "Tue"] == []


def test_both_editions_of_a_windows_build_are_in_the_table() -> None:
    pro = {key.removeprefix("windows pro ") for key in TABLE.releases if "windows pro" in key}
    enterprise = {key.split()[-1] for key in TABLE.releases if "windows enterprise" in key}

    assert {build for build in pro if build.isdigit()} == enterprise


def test_enterprise_and_extensions_never_end_before_what_is_free() -> None:
    releases = TABLE.releases
    for key, release in releases.items():
        if key.startswith("windows enterprise "):
            assert release.ends >= releases[key.replace("enterprise", "pro")].ends, key
        if key.startswith("extended "):
            assert release.ends > releases[key.removeprefix("extended ")].ends, key
