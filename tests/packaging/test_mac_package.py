"""The package for macOS, as far as Linux can tell: its tree, its scripts, what macOS is told.

Neither the package nor its scripts ran on a Mac.
"""

import plistlib
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from components import required_program
from vigie_agent.cli.main import main
from vigie_packaging.macos import BUNDLE_ID
from vigie_packaging.pkg import (
    APP,
    Publisher,
    commands,
    distribution_text,
    full_disk_access,
    lay_out,
)
from vigie_packaging.release import ROOT, Release

MACOS = ROOT / "deploy" / "agent" / "macos"
SCRIPTS = [MACOS / "scripts" / "preinstall", MACOS / "scripts" / "postinstall", MACOS / "uninstall"]
THIS = Release("1.4.2", 1_700_000_000)
DAEMON = "Library/LaunchDaemons/org.vigie.agent.plist"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What is installed, of a folder and an application that are laid out as PyInstaller does."""
    bundle, contents = tmp_path / "vigie-agent", tmp_path / APP / "Contents"
    for place, content in {
        bundle / "_internal" / "vigie-1.4.2.dist-info" / "METADATA": "Version: 1.4.2\n",
        bundle / "share" / "sbom.cdx.json": "{}",
        contents / "MacOS" / "vigie-agent": "program",
        contents / "Resources" / "base_library.zip": "modules",
        contents / "Frameworks" / "libpython3.11.dylib": "library",
    }.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    (contents / "MacOS" / "vigie-agent").chmod(0o755)
    return lay_out(tmp_path / "tree", tmp_path / APP, bundle, THIS)


def daemon() -> dict[str, object]:
    told: dict[str, object] = plistlib.loads((MACOS / "org.vigie.agent.plist").read_bytes())
    return told


def command_of_daemon() -> list[str]:
    words = daemon()["ProgramArguments"]
    assert isinstance(words, list)
    return [str(word) for word in words]


def test_every_file_is_where_a_mac_has_it(tree: Path) -> None:
    places = {str(path.relative_to(tree)) for path in tree.rglob("*") if not path.is_dir()}

    assert places >= {
        DAEMON,
        "Library/Vigie/uninstall",
        f"Library/Vigie/{APP}/Contents/MacOS/vigie-agent",
        "Library/Vigie/share/sbom.cdx.json",
        "Library/Vigie/share/install-macos.md",
        "usr/local/bin/vigie-agent",
    }
    assert {path.parts[0] for path in map(Path, places)} == {"Library", "usr"}


def test_what_is_run_may_be_run_and_only_its_owner_may_change_anything(tree: Path) -> None:
    modes = {
        place: (tree / place).stat().st_mode & 0o777
        for place in (DAEMON, "Library/Vigie/uninstall", "usr/local/bin/vigie-agent")
    }

    assert modes == {
        DAEMON: 0o644,
        "Library/Vigie/uninstall": 0o755,
        "usr/local/bin/vigie-agent": 0o755,
    }


def test_the_application_can_tell_its_release(tree: Path) -> None:
    contents = tree / "Library" / "Vigie" / APP / "Contents"

    beside = contents / "Frameworks" / "vigie-1.4.2.dist-info" / "METADATA"

    assert beside.read_text() == "Version: 1.4.2\n"
    assert beside.resolve().is_relative_to(contents / "Resources")


def test_launchd_starts_the_program_that_is_installed_and_not_a_script(tree: Path) -> None:
    program, *_ = command_of_daemon()

    assert (tree / program.lstrip("/")).read_text() == "program"
    assert program in (tree / "usr/local/bin/vigie-agent").read_text()
    assert daemon()["Label"] == BUNDLE_ID


def test_launchd_starts_again_what_failed_and_not_what_ended_well() -> None:
    told = daemon()

    assert told["KeepAlive"] == {"SuccessfulExit": False}
    assert told["RunAtLoad"] is True
    assert told["ThrottleInterval"] == 60
    assert told["Umask"] == "077"


def test_the_agent_knows_the_options_that_launchd_gives() -> None:
    _, command, *options = command_of_daemon()

    shown = CliRunner().invoke(main, [command, "--help"]).output

    assert [word for word in options if word.startswith("--") and word not in shown] == []


def test_the_application_is_upgraded_where_it_is_and_nowhere_else(tree: Path) -> None:
    (bundle,) = plistlib.loads((MACOS / "component.plist").read_bytes())

    assert (tree / bundle["RootRelativeBundlePath"]).is_dir()
    assert bundle["BundleIsRelocatable"] is False
    assert bundle["BundleOverwriteAction"] == "upgrade"


@pytest.mark.parametrize("script", [*SCRIPTS, MACOS / "vigie-agent"], ids=lambda path: path.name)
def test_scripts_are_sound(script: Path) -> None:
    told = subprocess.run(
        [required_program("shellcheck"), "--shell=sh", script],
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stdout
    assert script.stat().st_mode & 0o111 == 0o111


def ran(script: Path, root: Path, *arguments: str) -> tuple[int, list[str]]:
    """Runs a script with its places below `root`, and macOS's programs told apart by name."""
    programs = root / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("launchctl", "pkgutil", "chown"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{root}/asked"\n')
        (programs / name).chmod(0o755)
    (programs / "id").write_text("#!/bin/sh\necho 0\n")
    (programs / "id").chmod(0o755)
    text = script.read_text()
    for place in ("/etc/vigie", "/Library", "/usr/local"):
        text = text.replace(place, f"{root}{place}")
    here = root / script.name
    here.write_text(text)
    environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    done = subprocess.run(["sh", here, *arguments], env=environment, check=False, timeout=30)
    asked = root / "asked"
    said = asked.read_text().replace(str(root), "").splitlines() if asked.exists() else []
    return done.returncode, said


def test_a_token_is_closed_before_the_agent_starts(tmp_path: Path) -> None:
    token = tmp_path / "etc" / "vigie" / "enrolment-token"
    token.parent.mkdir(parents=True)
    token.write_text("vigie1.secret")
    token.chmod(0o644)

    code, asked = ran(MACOS / "scripts" / "postinstall", tmp_path, "pkg", "/", "/")

    assert code == 0
    assert token.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "Library" / "Logs" / "Vigie").stat().st_mode & 0o777 == 0o700
    assert asked == [
        "chown root:wheel /etc/vigie /Library/Logs/Vigie",
        "chown root:wheel /etc/vigie/enrolment-token",
        "launchctl enable system/org.vigie.agent",
        f"launchctl bootstrap system /{DAEMON}",
    ]


def test_an_installation_without_a_token_succeeds(tmp_path: Path) -> None:
    code, asked = ran(MACOS / "scripts" / "postinstall", tmp_path, "pkg", "/", "/")

    assert code == 0
    assert asked[-1].startswith("launchctl bootstrap")


@pytest.mark.parametrize(("volume", "code"), [("/", 0), ("/Volumes/Other", 1)])
def test_an_upgrade_stops_the_agent_and_another_volume_is_refused(
    tmp_path: Path, volume: str, code: int
) -> None:
    asked = ["launchctl bootout system/org.vigie.agent"] if code == 0 else []

    assert ran(MACOS / "scripts" / "preinstall", tmp_path, "pkg", "/", volume) == (code, asked)


@pytest.mark.parametrize("keep", [True, False])
def test_removal_leaves_nothing_unless_data_is_to_stay(
    tree: Path, tmp_path: Path, keep: bool
) -> None:
    root = tmp_path / "root"
    tree.rename(root)
    data = root / "Library" / "Application Support" / "Vigie Agent" / "spool.db"
    settings = root / "etc" / "vigie" / "agent.toml"
    for path in (data, settings):
        path.parent.mkdir(parents=True)
        path.touch()

    code, asked = ran(MACOS / "uninstall", root, *(["--keep-data"] if keep else []))

    assert code == 0
    assert asked == [
        "launchctl bootout system/org.vigie.agent",
        "pkgutil --forget org.vigie.agent.pkg",
    ]
    left = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    ours = {path for path in left if path.parts[0] in {"Library", "etc", "usr"}}
    assert ours == ({path.relative_to(root) for path in (data, settings)} if keep else set())


def test_a_publisher_signs_packs_and_has_it_notarised(tree: Path, tmp_path: Path) -> None:
    publisher = Publisher.named_in(
        {
            "VIGIE_SIGN_APPLICATION": "Developer ID Application: A (TEAM000001)",
            "VIGIE_SIGN_INSTALLER": "Developer ID Installer: A (TEAM000001)",
            "VIGIE_NOTARY_PROFILE": "vigie",
        }
    )

    told = commands(
        tree, tmp_path / "a.pkg", THIS, publisher, tmp_path / "e.plist", tmp_path / "d.xml"
    )

    assert [command[0] for command in told] == [
        "codesign",
        "codesign",
        "pkgbuild",
        "productbuild",
        "xcrun",
        "xcrun",
    ]
    assert {"--options=runtime", "--timestamp"} <= set(told[0])
    assert told[0][-2] == "--sign=Developer ID Application: A (TEAM000001)"
    assert f"--scripts={MACOS / 'scripts'}" in told[2]
    assert "--sign=Developer ID Installer: A (TEAM000001)" in told[3]


def test_without_a_publisher_nothing_is_sent_to_apple(tree: Path, tmp_path: Path) -> None:
    told = commands(
        tree, tmp_path / "a.pkg", THIS, Publisher(), tmp_path / "e.plist", tmp_path / "d.xml"
    )

    assert [command[0] for command in told] == ["codesign", "codesign", "pkgbuild", "productbuild"]
    assert told[0][-2] == "--sign=-"
    assert "--options=runtime" not in told[0]
    assert not any(word.startswith("--sign") for word in told[3])


def test_the_installer_is_told_for_which_macs_it_is() -> None:
    told = ET.fromstring(distribution_text(THIS, "arm64").encode())  # noqa: S314 (ours)

    options, version = told.find("options"), told.find(".//os-version")
    assert options is not None
    assert version is not None
    assert options.get("hostArchitectures") == "arm64"
    assert version.get("min") == "12.0"
    assert [one.get("version") for one in told.findall("pkg-ref")] == ["1.4.2"]


def test_full_disk_access_is_for_this_agent_of_this_publisher_alone() -> None:
    profile = plistlib.loads(full_disk_access("AB12CD34EF"))

    (policy,) = profile["PayloadContent"]
    (right,) = policy["Services"].pop("SystemPolicyAllFiles")
    assert profile["PayloadScope"] == "System"
    assert policy["PayloadType"] == "com.apple.TCC.configuration-profile-policy"
    assert policy["Services"] == {}
    assert (right["Identifier"], right["IdentifierType"]) == (BUNDLE_ID, "bundleID")
    assert 'certificate leaf[subject.OU] = "AB12CD34EF"' in right["CodeRequirement"]
    assert right["Authorization"] == "Allow"
    assert full_disk_access("AB12CD34EF") == full_disk_access("AB12CD34EF")


@pytest.mark.parametrize("team", ["", "AB12", 'AB12CD34E"', "AB12CD34EF1"])
def test_a_team_that_apple_cannot_have_given_is_refused(team: str) -> None:
    with pytest.raises(ValueError, match="ten letters and digits"):
        full_disk_access(team)


def test_elsewhere_than_on_macos_the_package_says_where_it_is_built(tmp_path: Path) -> None:
    if sys.platform == "darwin":
        pytest.skip("here it is built")

    done = subprocess.run(
        [sys.executable, "-m", "vigie_packaging", "pkg", tmp_path],
        env={"PYTHONPATH": str(ROOT / "deploy" / "agent")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "only macOS builds the pkg" in done.stderr
