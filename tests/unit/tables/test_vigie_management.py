"""Who manages a device, told by its files (Linux) and by `profiles` (macOS)."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fake_host import a_device, closed, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_enrolment, vigie_management
from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.enrolment import MacEnrolment, SssdDomain, read_profiles_status, read_sssd
from vigie_agent.tables.host import CommandResult, Host, Outcome

BOOTED = {"/run/systemd/system/.keep": "", "/etc/systemd/system/default.target": "[Unit]\n"}
SSSD = (
    "[sssd]\ndomains = essms.example\n[domain/essms.example]\nid_provider = ad\n"
    "ldap_default_authtok = s3cret\n"
)


def a_machine(
    root: Path, files: Mapping[str, str] | None = None, *, starts: tuple[str, ...] = ()
) -> Host:
    host = a_device(root, BOOTED | dict(files or {}))
    for unit in starts:
        place = host.path(f"/etc/systemd/system/{unit}")
        place.write_text("[Unit]\nDescription=x\n")
        link = host.path(f"/etc/systemd/system/default.target.wants/{unit}")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../{unit}")
    return host


def part(host: Host, name: str) -> list[TableRow]:
    rows = rows_of(vigie_management.tables(host), "vigie_management")
    return [row for row in rows if row["part"] == name]


def told(host: Host) -> list[tuple[object, object, object]]:
    return [(row["kind"], row.get("name"), row.get("managed")) for row in part(host, "directory")]


def test_a_device_that_nobody_manages_says_so(tmp_path: Path) -> None:
    host = a_machine(tmp_path)

    assert [(row["managed"], row["state"]) for row in part(host, "directory")] == [
        (0, "none is set up")
    ]
    assert [row["managed"] for row in part(host, "mdm")] == [0]
    assert part(host, "agents") == []


def test_sssd_that_joined_and_starts_puts_the_device_in_its_domain(tmp_path: Path) -> None:
    files = {"/etc/sssd/sssd.conf": SSSD, "/etc/krb5.keytab": "x"}

    host = a_machine(tmp_path, files, starts=("sssd.service",))

    assert told(host) == [("active_directory", "essms.example", 1)]
    assert "s3cret" not in str(part(host, "directory"))


def test_sssd_that_never_joined_or_does_not_start_manages_nothing(tmp_path: Path) -> None:
    never = a_machine(tmp_path / "1", {"/etc/sssd/sssd.conf": SSSD}, starts=("sssd.service",))
    idle = a_machine(tmp_path / "2", {"/etc/sssd/sssd.conf": SSSD, "/etc/krb5.keytab": "x"})

    assert told(never) == [("active_directory", "essms.example", 0)]
    assert told(idle) == [("active_directory", "essms.example", 0)]


def test_ldap_takes_no_part_in_a_join(tmp_path: Path) -> None:
    text = "[sssd]\ndomains = site\n[domain/site]\nid_provider = ldap\n"

    host = a_machine(tmp_path, {"/etc/sssd/sssd.conf": text}, starts=("sssd.service",))

    assert told(host) == [("directory", "site", 1)]


def test_a_closed_sssd_conf_is_no_absence(tmp_path: Path) -> None:
    host = a_machine(tmp_path, starts=("sssd.service",))
    closed(host, "/etc/sssd/sssd.conf")

    (row,) = part(host, "directory")

    assert row["collected"] == "no"
    assert str(row["why"]).startswith("/etc/sssd/sssd.conf: ")


@pytest.mark.parametrize(
    ("text", "domains"),
    [
        (SSSD, [SssdDomain("essms.example", "ad")]),
        ("[sssd]\ndomains = a, b\n[domain/a]\nid_provider=ipa\n",
         [SssdDomain("a", "ipa"), SssdDomain("b", "")]),
        ("[domain/a]\nid_provider=ad\n", []),
        ("[domain/a]\nenabled=true\nid_provider=ad\n", [SssdDomain("a", "ad")]),
        ("[sssd]\ndomains = a\n[domain/a]\nenabled = false\nid_provider=ad\n", []),
        ("nonsense", []),
        ("", []),
    ],
)  # fmt: skip
def test_sssd_serves_the_domains_that_are_enabled(text: str, domains: list[SssdDomain]) -> None:
    assert list(read_sssd(config_lines(text, Grammar.INI))) == domains


def test_winbind_belongs_to_the_realm_of_smb_conf(tmp_path: Path) -> None:
    files = {"/etc/samba/smb.conf": "[global]\nsecurity = ADS\nrealm = ESSMS.EXAMPLE\n"}

    member = a_machine(tmp_path / "1", files, starts=("winbind.service",))
    idle = a_machine(tmp_path / "2", files)

    assert told(member) == [("active_directory", "essms.example", 1)]
    assert told(idle) == [("directory", None, 0)]


def test_himmelblau_joins_entra(tmp_path: Path) -> None:
    files = {"/etc/himmelblau/himmelblau.conf": "[global]\ndomain = Essms.Example\n"}

    host = a_machine(tmp_path, files, starts=("himmelblaud.service",))

    assert told(host) == [("entra", "essms.example", 1)]


def test_whether_intune_enrolled_the_device_is_not_known(tmp_path: Path) -> None:
    (row,) = part(a_machine(tmp_path, {"/opt/microsoft/intune/bin/x": ""}), "mdm")

    assert (row["collected"], row["name"]) == ("no", "Microsoft Intune")


def test_agents_that_start_or_that_cron_calls_are_told_once(tmp_path: Path) -> None:
    files = {
        "/etc/cron.d/site": "# ansible-pull in a comment\n*/30 * * * * root ansible-pull -U x\n",
        "/etc/cron.d/old": "#0 1 * * * root puppet agent -t\n",
    }

    host = a_machine(tmp_path, files, starts=("landscape-client.service", "ansible-pull.timer"))

    assert [(row["name"], row["managed"]) for row in part(host, "agents")] == [
        ("Ansible pull", 1),
        ("Landscape", 1),
    ]


def test_without_systemd_what_runs_stands_for_what_starts(tmp_path: Path) -> None:
    files = {"/etc/sssd/sssd.conf": SSSD, "/etc/krb5.keytab": "x", "/proc/9/comm": "sssd\n"}

    assert told(a_device(tmp_path / "1", files)) == [("active_directory", "essms.example", 1)]
    assert told(a_device(tmp_path / "2")) == [("directory", None, 0)]


def test_without_systemd_the_agents_are_not_known(tmp_path: Path) -> None:
    (row,) = part(a_device(tmp_path), "agents")

    assert row["collected"] == "no"


# --- macOS ----------------------------------------------------------------------------------------

ENROLLED = (
    "Enrolled via DEP: Yes\nMDM enrollment: Yes (User Approved)\n"
    "MDM server: https://MDM.essms.example:443/mdm/ServerURL?token=s3cret\n"
)


@pytest.mark.parametrize(
    ("printed", "enrolment"),
    [
        (ENROLLED, MacEnrolment(True, "mdm.essms.example", "user approved, automated")),
        (
            "Enrolled via DEP: No\nMDM enrollment: Yes (User Approved)\n",
            MacEnrolment(True, "", "user approved"),
        ),
        ("Enrolled via DEP: No\nMDM enrollment: Yes\n", MacEnrolment(True, "", "")),
        ("Enrolled via DEP: No\nMDM enrollment: No\n", MacEnrolment(False, "", "")),
        ("Enrolled via DEP: Yes\nMDM enrollment: No\n", MacEnrolment(False, "", "")),
        ("MDM enrollment:\n", None),
        ("profiles: unknown verb status\n", None),
        ("", None),
    ],
)
def test_profiles_says_whether_an_mdm_manages_the_mac(
    printed: str, enrolment: MacEnrolment | None
) -> None:
    assert read_profiles_status(printed) == enrolment


def mac(root: Path, answer: CommandResult | str) -> TableRow:
    host = a_device(root, programs={"/usr/bin/profiles": answer})
    (row,) = rows_of(vigie_mac_enrolment.tables(host), "vigie_mac_enrolment")
    return row


def test_of_the_servers_address_only_the_host_is_kept(tmp_path: Path) -> None:
    row = mac(tmp_path, ENROLLED)

    assert (row["enrolled"], row["server"]) == (1, "mdm.essms.example")
    assert "s3cret" not in str(row)


def test_a_command_that_failed_is_no_absence(tmp_path: Path) -> None:
    refused = mac(tmp_path, failed("profiles: operation not permitted\nmore"))
    late = mac(tmp_path, CommandResult(Outcome.TIMED_OUT))
    silent = mac(tmp_path, "")

    assert [row["collected"] for row in (refused, late, silent)] == ["no", "no", "no"]
    assert refused["why"] == "needs root: profiles"
    assert late["why"] == "profiles did not answer in time"
    assert silent["why"] == "profiles answered what could not be understood"
