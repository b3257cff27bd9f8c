"""The installer for Windows, as msitools reads it: built here of a stand-in that says it is one."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from components import required_program
from vigie_packaging.msi import build_msi, build_stand_in
from vigie_packaging.release import Release, release

THIS = Release("1.4.2", 1_700_000_000)
INSTALLED, FROM_HERE, LATER, AS_SYSTEM, GOES_ON, UNSEEN = 18, 0, 0x400, 0x800, 0x40, 0x2000


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like one that Windows built: the program, libraries in folders, documents."""
    for program in ("wixl", "msiinfo", "msibuild", "x86_64-w64-mingw32-gcc"):
        required_program(program)
    folder = build_stand_in(tmp_path_factory.mktemp("stand-in"), THIS)
    for name in ("_internal/base_library.zip", "_internal/grpc/_cython/cygrpc.pyd"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture(scope="module")
def installer(stand_in: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_msi(tmp_path_factory.mktemp("msi"), stand_in, THIS, stand_in=True)


def said(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout


def rows(installer: Path, table: str) -> list[dict[str, str]]:
    """A table of the installer: each row by its columns' names."""
    lines = said("msiinfo", "export", installer, table).replace("\r", "").splitlines()
    columns = lines[0].split("\t")
    return [dict(zip(columns, line.split("\t"), strict=True)) for line in lines[3:]]


def properties(installer: Path) -> dict[str, str]:
    return {row["Property"]: row["Value"] for row in rows(installer, "Property")}


def order(installer: Path) -> list[str]:
    """The actions of an installation, in order."""
    steps = rows(installer, "InstallExecuteSequence")
    return [row["Action"] for row in sorted(steps, key=lambda row: int(row["Sequence"]))]


def test_the_installer_says_whose_it_is_and_that_it_carries_a_stand_in(installer: Path) -> None:
    told = properties(installer)

    assert installer.name == "vigie-agent-1.4.2-x64-stand-in.msi"
    assert told["ProductName"] == "Vigie Agent"
    assert told["Manufacturer"] == "Vigie contributors"
    assert told["ProductVersion"] == "1.4.2"
    assert told["ARPCOMMENTS"].startswith("STAND-IN")
    assert told["ARPNOMODIFY"] == "1"


def test_it_installs_for_the_machine_on_64_bit_windows_10_or_newer(installer: Path) -> None:
    (program, *others) = rows(installer, "Component")
    conditions = {row["Condition"] for row in rows(installer, "LaunchCondition")}
    (asked,) = rows(installer, "RegLocator")

    assert properties(installer)["ALLUSERS"] == "1"
    assert "Template: x64;1033" in said("msiinfo", "suminfo", installer)
    assert {row["Attributes"] for row in (program, *others)} == {"256"}  # 64-bit
    assert conditions == {"NOT NEWER_FOUND", "Installed OR WINDOWS_TEN"}
    assert asked["Name"] == "CurrentMajorVersionNumber"  # Windows 10 began to have it


def test_the_token_is_hidden_secure_and_on_no_line_that_is_logged(installer: Path) -> None:
    told = properties(installer)
    actions = {row["Action"]: row for row in rows(installer, "CustomAction")}
    registry = "".join(row["Key"] + row["Value"] for row in rows(installer, "Registry"))

    assert told["MsiHiddenProperties"].split(";") == ["ENROLMENT_TOKEN"]
    assert {"ENROLMENT_TOKEN", "SERVER"} <= set(told["SecureCustomProperties"].split(";"))
    assert "ENROLMENT_TOKEN" not in told  # no value of its own
    with_token = [name for name, row in actions.items() if "[ENROLMENT_TOKEN]" in row["Target"]]
    assert with_token == ["LeaveToken"]
    assert int(actions["LeaveToken"]["Type"]) == INSTALLED | LATER | AS_SYSTEM | UNSEEN
    assert "TOKEN" not in registry
    assert rows(installer, "ServiceInstall")[0]["Arguments"] == "service run"


def test_the_service_starts_with_windows_and_goes_with_the_agent(installer: Path) -> None:
    (service,) = rows(installer, "ServiceInstall")
    (control,) = rows(installer, "ServiceControl")

    assert service["Name"] == control["Name"] == "vigie-agent"
    assert (service["ServiceType"], service["StartType"]) == ("16", "2")  # its own process, auto
    assert service["StartName"] == ""  # LocalSystem
    # Starts when installed; stops on both ways; is deleted when removed.
    assert int(control["Event"]) == 0x1 | 0x2 | 0x20 | 0x80
    assert control["Wait"] == "1"


def test_the_folder_is_closed_before_the_token_is_left_and_the_service_starts(
    installer: Path,
) -> None:
    steps = order(installer)
    wanted = ["InstallFiles", "InstallServices", "Harden", "LeaveToken", "LeaveTokenFile"]

    places = [steps.index(step) for step in (*wanted, "StartServices")]

    assert places == sorted(places)


def test_a_newer_release_takes_the_place_of_an_older_one_and_never_the_other_way(
    installer: Path,
) -> None:
    found = {row["ActionProperty"]: row for row in rows(installer, "Upgrade")}
    older, newer = found["OLDER_FOUND"], found["NEWER_FOUND"]
    steps = order(installer)

    assert older["UpgradeCode"] == newer["UpgradeCode"] == properties(installer)["UpgradeCode"]
    assert (older["VersionMin"], older["VersionMax"]) == ("0.0.0", "1.4.2")
    assert int(older["Attributes"]) == 0x100 | 0x200  # both ends: a candidate has the same numbers
    assert (newer["VersionMin"], int(newer["Attributes"])) == ("1.4.2", 0x2)  # only looked for
    assert steps.index("FindRelatedProducts") < steps.index("LaunchConditions")
    assert steps.index("RemoveExistingProducts") == steps.index("InstallInitialize") + 1


def test_an_upgrade_replaces_every_file_whatever_its_version(installer: Path) -> None:
    files = {row["FileName"]: row for row in rows(installer, "File")}
    kept_by = {row["Component"]: row["KeyPath"] for row in rows(installer, "Component")}

    assert files["vigie-agent.exe"]["Version"] == "1.4.2.0"
    assert properties(installer)["REINSTALLMODE"] == "amus"
    assert kept_by.pop("Program") == "vigie_agent.exe"
    assert set(kept_by.values()) == {""}


def test_data_goes_when_the_agent_is_removed_and_stays_when_it_is_upgraded(
    installer: Path,
) -> None:
    steps = rows(installer, "InstallExecuteSequence")
    (condition,) = [row["Condition"] for row in steps if row["Action"] == "Forget"]
    (action,) = [row for row in rows(installer, "CustomAction") if row["Action"] == "Forget"]
    inside = {row["DefaultDir"] for row in rows(installer, "Directory")}

    assert condition == 'REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE AND NOT KEEP_DATA'
    assert int(action["Type"]) == INSTALLED | LATER | AS_SYSTEM | GOES_ON
    assert order(installer).index("StopServices") < order(installer).index("Forget")
    assert order(installer).index("Forget") < order(installer).index("RemoveFiles")
    assert not any("agent.toml" in row["FileName"] for row in rows(installer, "File"))
    assert "ProgramData" not in " ".join(inside)


def test_events_have_a_source_whose_texts_windows_brings(installer: Path) -> None:
    source = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\Vigie Agent" + "\\"

    told = {row["Name"]: (row["Key"], row["Value"]) for row in rows(installer, "Registry")}

    assert told == {
        "EventMessageFile": (source, "[System64Folder]EventCreate.exe"),
        "TypesSupported": (source, "#7"),
    }


def test_every_file_of_the_folder_is_inside_as_it_was(
    installer: Path, stand_in: Path, tmp_path: Path
) -> None:
    subprocess.run(["msiextract", "--directory", tmp_path, installer], check=True, timeout=30)

    (program,) = tmp_path.rglob("vigie-agent.exe")
    inside = {
        path.relative_to(program.parent): path.read_bytes()
        for path in program.parent.rglob("*")
        if path.is_file()
    }
    wanted = {
        path.relative_to(stand_in): path.read_bytes()
        for path in stand_in.rglob("*")
        if path.is_file()
    }
    documents = {Path("share") / f"install{end}-windows.md" for end in ("", "er")}
    assert inside.keys() == wanted.keys() | documents
    assert {path: inside[path] for path in wanted} == wanted


def test_the_same_folder_gives_the_same_installer(
    installer: Path, stand_in: Path, tmp_path: Path
) -> None:
    again = build_msi(tmp_path, stand_in, THIS, stand_in=True)

    assert again.read_bytes() == installer.read_bytes()
    assert "Nov 14 22:13:20 2023" in said("env", "TZ=UTC", "msiinfo", "suminfo", installer)


def test_another_release_is_another_product_of_the_same_components(
    installer: Path, stand_in: Path, tmp_path: Path
) -> None:
    later = build_msi(tmp_path, stand_in, replace(THIS, version="1.5.0"), stand_in=True)

    before, after = properties(installer), properties(later)
    assert after["ProductCode"] != before["ProductCode"]
    assert after["UpgradeCode"] == before["UpgradeCode"]
    assert rows(later, "Component") == rows(installer, "Component")
    codes = [
        re.findall(r"Revision number.*(\{.*\})", said("msiinfo", "suminfo", one))
        for one in (installer, later)
    ]
    assert codes[0] != codes[1]


def test_a_folder_without_the_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no vigie-agent\.exe: build it on Windows"):
        build_msi(tmp_path, tmp_path, release())


def test_a_help_link_is_shown_where_the_publisher_names_one(
    stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_HELP_LINK", "https://vigie.example.org/aide")
    shown = build_msi(tmp_path, stand_in, THIS)
    told = properties(shown)

    monkeypatch.setenv("VIGIE_HELP_LINK", "javascript:alert(1)")
    with pytest.raises(ValueError, match="starts with https://"):
        build_msi(tmp_path, stand_in, THIS)

    assert told["ARPHELPLINK"] == "https://vigie.example.org/aide"
    assert shown.name == "vigie-agent-1.4.2-x64.msi"
    assert not told["ARPCOMMENTS"].startswith("STAND-IN")


def test_the_stand_in_says_what_it_is(stand_in: Path, tmp_path: Path) -> None:
    shutil.copy(stand_in / "vigie-agent.exe", tmp_path)

    text = (tmp_path / "vigie-agent.exe").read_bytes()

    assert b"stand-in for vigie-agent: collects nothing" in text
    assert "Vigie agent: stand-in".encode("utf-16-le") in text
    assert "1.4.2".encode("utf-16-le") in text
