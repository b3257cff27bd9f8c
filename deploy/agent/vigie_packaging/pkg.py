"""The agent's package for macOS: the tree that is installed, and the programs that pack it.

The tree and the commands are worked out anywhere, and tested on Linux; the commands themselves
(codesign, pkgbuild, productbuild, notarytool) are macOS's own, and run there alone.
"""

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from vigie_packaging.bundle import NAME
from vigie_packaging.macos import BUNDLE_ID, write_entitlements
from vigie_packaging.release import ROOT, Release

APP: Final = "Vigie Agent.app"
PKG_ID: Final = f"{BUNDLE_ID}.pkg"

_MACOS: Final = ROOT / "deploy" / "agent" / "macos"
_PLACES: Final = {
    "Library/LaunchDaemons/org.vigie.agent.plist": "org.vigie.agent.plist",
    "Library/Vigie/uninstall": "uninstall",
    "usr/local/bin/vigie-agent": "vigie-agent",
}
_OURS: Final = UUID("3c8b2b06-6f0e-4d1c-9b8f-0c4a3f1f2f55")
"""Where identifiers of profiles are worked out from. Never to be changed."""
_DISTRIBUTION: Final = """<?xml version="1.0" encoding="utf-8"?>
<installer-gui-script minSpecVersion="2">
  <title>Vigie Agent</title>
  <options customize="never" require-scripts="false" hostArchitectures="{architecture}"/>
  <domains enable_localSystem="true" enable_anywhere="false" enable_currentUserHome="false"/>
  <volume-check><allowed-os-versions><os-version min="12.0"/></allowed-os-versions></volume-check>
  <choices-outline><line choice="agent"/></choices-outline>
  <choice id="agent" title="Vigie Agent"><pkg-ref id="{identifier}"/></choice>
  <pkg-ref id="{identifier}" version="{version}">component.pkg</pkg-ref>
</installer-gui-script>
"""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who signs, as the keychain of the Mac that builds names them. Empty: nobody."""

    application: str = ""
    """`Developer ID Application: ...`; without one the program is signed for this Mac alone."""
    installer: str = ""
    """`Developer ID Installer: ...`"""
    notary_profile: str = ""
    """What `xcrun notarytool store-credentials` kept the account under."""

    @classmethod
    def named_in(cls, environment: Mapping[str, str]) -> "Publisher":
        """As VIGIE_SIGN_APPLICATION, VIGIE_SIGN_INSTALLER and VIGIE_NOTARY_PROFILE say."""
        return cls(
            environment.get("VIGIE_SIGN_APPLICATION", ""),
            environment.get("VIGIE_SIGN_INSTALLER", ""),
            environment.get("VIGIE_NOTARY_PROFILE", ""),
        )


def build_pkg(folder: Path, bundle: Path, release: Release) -> Path:
    """Builds the package of `bundle` and of the application beside it; the path of it.

    Raises OSError elsewhere than on macOS, and CalledProcessError.
    """
    if sys.platform != "darwin":
        raise OSError("only macOS builds this: it needs codesign, pkgbuild and productbuild")
    tree = lay_out(folder / "pkg-tree", folder / APP, bundle, release)
    made = folder / f"{NAME}-{release.version}.pkg"
    entitlements = Path(write_entitlements(str(folder)))
    distribution = folder / "distribution.xml"
    distribution.write_text(distribution_text(release, os.uname().machine), encoding="utf-8")
    publisher = Publisher.named_in(os.environ)
    for command in commands(tree, made, release, publisher, entitlements, distribution):
        subprocess.run(command, check=True)
    shutil.rmtree(tree)
    return made


def lay_out(tree: Path, app: Path, bundle: Path, release: Release) -> Path:
    """Every file where a Mac has it, below `tree`."""
    shutil.rmtree(tree, ignore_errors=True)
    ours = tree / "Library" / "Vigie"
    ours.mkdir(parents=True)
    shutil.copytree(app, ours / APP, symlinks=True)
    _tell_the_release(ours / APP / "Contents", bundle, release)
    shutil.copytree(bundle / "share", ours / "share")
    shutil.copy(ROOT / "docs" / "install-macos.md", ours / "share")
    for place, source in _PLACES.items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_MACOS / source, tree / place)
        (tree / place).chmod(0o644 if place.endswith(".plist") else 0o755)
    return tree


def commands(
    tree: Path,
    made: Path,
    release: Release,
    publisher: Publisher,
    entitlements: Path,
    distribution: Path,
) -> Sequence[Sequence[str]]:
    """What makes the package of the tree, in order."""
    component = distribution.parent / "component.pkg"
    app = tree / "Library" / "Vigie" / APP
    sign = ["codesign", "--force", "--deep", f"--entitlements={entitlements}"]
    if publisher.application:
        sign += ["--options=runtime", "--timestamp"]
    else:  # the hardened runtime loads no library that nobody signed
        sign += ["--timestamp=none"]
    package = ["pkgbuild", f"--root={tree}", f"--component-plist={_MACOS / 'component.plist'}"]
    package += [f"--scripts={_MACOS / 'scripts'}", f"--identifier={PKG_ID}"]
    package += [f"--version={release.version}", "--install-location=/", "--ownership=recommended"]
    product = ["productbuild", f"--distribution={distribution}"]
    product += [f"--package-path={distribution.parent}"]
    if publisher.installer:
        product += [f"--sign={publisher.installer}", "--timestamp"]
    steps = [
        [*sign, f"--sign={publisher.application or '-'}", str(app)],
        ["codesign", "--verify", "--strict", str(app)],
        [*package, str(component)],
        [*product, str(made)],
    ]
    if publisher.notary_profile:
        notary = ["xcrun", "notarytool", "submit", str(made), "--wait"]
        steps += [
            [*notary, f"--keychain-profile={publisher.notary_profile}"],
            ["xcrun", "stapler", "staple", str(made)],
        ]
    return steps


def distribution_text(release: Release, architecture: str) -> str:
    """What productbuild is told: for which Macs, and where."""
    return _DISTRIBUTION.format(
        architecture=architecture, identifier=PKG_ID, version=release.version
    )


def full_disk_access(team: str) -> bytes:
    """The profile (.mobileconfig) by which a management server lets the agent read all files.

    `team` is the ten signs that Apple knows the publisher by. macOS takes it from a management
    server only. Raises ValueError.
    """
    if not (len(team) == 10 and team.isascii() and team.isalnum()):  # noqa: PLR2004 (Apple's)
        raise ValueError(f"{team!r} is no team of Apple's: ten letters and digits")
    requirement = (
        f'identifier "{BUNDLE_ID}" and anchor apple generic and certificate leaf'
        f'[subject.OU] = "{team}"'
    )
    policy = {
        "PayloadType": "com.apple.TCC.configuration-profile-policy",
        "PayloadIdentifier": f"{BUNDLE_ID}.full-disk-access.policy",
        "PayloadUUID": str(uuid5(_OURS, f"policy {team}")).upper(),
        "PayloadVersion": 1,
        "PayloadDisplayName": "Vigie Agent: Full Disk Access",
        "Services": {
            "SystemPolicyAllFiles": [
                {
                    "Identifier": BUNDLE_ID,
                    "IdentifierType": "bundleID",
                    "CodeRequirement": requirement,
                    "StaticCode": False,
                    "Authorization": "Allow",
                    "Comment": "Reads the settings that the guide asks about; changes nothing.",
                }
            ]
        },
    }
    whole = {
        "PayloadType": "Configuration",
        "PayloadIdentifier": f"{BUNDLE_ID}.full-disk-access",
        "PayloadUUID": str(uuid5(_OURS, f"profile {team}")).upper(),
        "PayloadVersion": 1,
        "PayloadScope": "System",
        "PayloadDisplayName": "Vigie Agent",
        "PayloadDescription": "Lets the Vigie agent read what macOS guards.",
        "PayloadOrganization": "Vigie contributors",
        "PayloadContent": [policy],
    }
    return plistlib.dumps(whole)


def _tell_the_release(contents: Path, bundle: Path, release: Release) -> None:
    """The application reads its release where the folder does: beside its libraries."""
    name = f"{NAME.partition('-')[0]}-{release.version}.dist-info"
    shutil.copytree(bundle / "_internal" / name, contents / "Resources" / name)
    (contents / "Frameworks" / name).symlink_to(f"../Resources/{name}")
