"""What macOS is told of the program: its Info.plist, and what a signed copy may do."""

import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vigie_packaging.release import Release

BUNDLE_ID: Final = "org.vigie.agent"
ENTITLEMENTS: Final[Mapping[str, bool]] = {
    # libffi (ctypes, cffi) makes its closures while it runs; the hardened runtime forbids that.
    "com.apple.security.cs.allow-unsigned-executable-memory": True,
}


def info_plist(release: Release) -> dict[str, object]:
    """The keys beside those that PyInstaller sets. It runs in the background, without a window."""
    numbers = ".".join(map(str, release.numbers[:3]))
    return {
        "CFBundleDisplayName": "Vigie Agent",
        "CFBundleIdentifier": BUNDLE_ID,
        "CFBundleShortVersionString": numbers,
        "CFBundleVersion": numbers,
        "LSBackgroundOnly": True,
        "LSMinimumSystemVersion": "12.0",
        "NSHumanReadableCopyright": "Apache-2.0",
    }


def write_entitlements(folder: str) -> str:
    """Writes the entitlements into `folder`; the path of the file."""
    path = Path(folder) / "entitlements.plist"
    path.write_bytes(plistlib.dumps(dict(ENTITLEMENTS)))
    return str(path)
