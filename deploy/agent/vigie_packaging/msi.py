"""The agent's installer for Windows, of a folder that was built there, or of a stand-in.

msitools' wixl builds it on Linux from `deploy/agent/windows/vigie-agent.wxs` and the files of the
folder. What wixl has no words for is set in its tables afterwards. Every identifier is worked out
from what is inside, and every moment is the release's, so that two builds are the same bytes until
they are signed.
"""

import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath
from typing import Final
from uuid import UUID, uuid5
from xml.etree import ElementTree as ET

from vigie_packaging.bundle import NAME, digest, files, normalise
from vigie_packaging.msi_tables import UPGRADE_CODE, help_link, statements
from vigie_packaging.release import ROOT, Release
from vigie_packaging.signing import sign
from vigie_packaging.summary import settle_summary
from vigie_packaging.windows import write_resource_script

PROGRAM: Final = f"{NAME}.exe"
_WINDOWS: Final = ROOT / "deploy" / "agent" / "windows"
_WIX: Final = "http://schemas.microsoft.com/wix/2006/wi"
_OURS: Final = UUID("7a0e8f0e-6b9e-4c2e-8a52-5b7c1d1f2a90")
"""Where our identifiers are worked out from. A change of it makes every one anew: never do."""
_COMPILER: Final = "x86_64-w64-mingw32-gcc"
_RESOURCES: Final = "x86_64-w64-mingw32-windres"
_COMMENTS: Final = "Reads the digital hygiene of this device for its Vigie server."
_STAND_IN_COMMENTS: Final = "STAND-IN built to try the installer: it carries no agent."


def build_msi(folder: Path, bundle: Path, release: Release, *, stand_in: bool = False) -> Path:
    """Builds the installer of `bundle` in `folder`; the path of it.

    Raises CalledProcessError when wixl fails, FileNotFoundError when it or the program is missing.
    """
    if not (bundle / PROGRAM).is_file():
        raise FileNotFoundError(f"{bundle} holds no {PROGRAM}: build it on Windows, then name it")
    work = folder / "msi-work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    content = work / "content"
    shutil.copytree(bundle, content)
    _documents(content)
    sign(content / PROGRAM, os.environ)
    normalise(content, release.epoch)
    made = folder / f"{NAME}-{release.version}-x64{'-stand-in' if stand_in else ''}.msi"
    made.unlink(missing_ok=True)
    (work / "files.wxs").write_bytes(listed_files(content))
    shutil.copy(_WINDOWS / "vigie-agent.wxs", work)
    mended = list(statements(release, help_link(os.environ)))
    identity = f"{digest(content)} {digest(_WINDOWS)} {mended}"
    defined = {
        "Version": ".".join(map(str, release.numbers[:3])),
        "Release": release.version,
        "UpgradeCode": UPGRADE_CODE,
        "ProductCode": _identifier(f"product {identity}"),
        "Comments": _STAND_IN_COMMENTS if stand_in else _COMMENTS,
    }
    options = [part for name, value in defined.items() for part in ("-D", f"{name}={value}")]
    sources = [work / "vigie-agent.wxs", work / "files.wxs"]
    _run(release, "wixl", "--arch", "x64", *options, "--output", made, *sources)
    _run(release, "msibuild", made, *(part for one in mended for part in ("-q", one)))
    settle_summary(made, _identifier(f"package {identity}"), release.epoch)
    sign(made, os.environ)
    shutil.rmtree(work)
    return made


def build_stand_in(folder: Path, release: Release) -> Path:
    """A folder in the place of one that was built on Windows: its program collects nothing."""
    made = folder / "stand-in"
    shutil.rmtree(made, ignore_errors=True)
    (made / "share").mkdir(parents=True)
    shutil.copy(ROOT / "LICENSE", made / "share" / "LICENSE")
    resources = made / "resources"
    script = write_resource_script(str(made), release)
    _run(release, _RESOURCES, "--output-format=coff", script, resources)
    program: list[str | Path] = [_WINDOWS / "stand-in.c", resources, "-o", made / PROGRAM]
    _run(release, _COMPILER, "-Os", "-s", "-Wl,--no-insert-timestamp", *program)
    resources.unlink()
    Path(script).unlink()
    return made


def listed_files(content: Path) -> bytes:
    """The source that names every file of `content` but the program, for wixl.

    A component is a folder: its identifier follows from its path, and stays through releases.
    """
    ET.register_namespace("", _WIX)
    root = ET.Element(f"{{{_WIX}}}Wix")
    fragment = _below(root, "Fragment")
    top = _below(fragment, "DirectoryRef", Id="INSTALLDIR")
    group = ET.Element(f"{{{_WIX}}}ComponentGroup", Id="Files")
    folders = {PurePosixPath(): top}
    components: dict[PurePosixPath, ET.Element] = {}
    for file in files(content):
        path = PurePosixPath(file.relative_to(content).as_posix())
        if str(path) == PROGRAM:
            continue
        if path.parent not in components:
            place = _folder(folders, path.parent)
            name = _name("c", path.parent)
            code = _identifier(f"component {path.parent}")
            components[path.parent] = _below(place, "Component", Id=name, Guid=code, Win64="yes")
            _below(group, "ComponentRef", Id=name)
        named = {"Id": _name("f", path), "Source": f"content/{path}", "Name": path.name}
        _below(components[path.parent], "File", **named)
    fragment.append(group)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root)


def _documents(content: Path) -> None:
    """What whoever installs may read on the device itself."""
    share = content / "share"
    share.mkdir(exist_ok=True)
    for name in ("install-windows.md", "installer-windows.md"):
        shutil.copy(ROOT / "docs" / name, share)


def _folder(known: dict[PurePosixPath, ET.Element], path: PurePosixPath) -> ET.Element:
    if path not in known:
        above = _folder(known, path.parent)
        known[path] = _below(above, "Directory", Id=_name("d", path), Name=path.name)
    return known[path]


def _below(element: ET.Element, kind: str, **attributes: str) -> ET.Element:
    return ET.SubElement(element, f"{{{_WIX}}}{kind}", attributes)


def _name(kind: str, path: PurePosixPath) -> str:
    """A name within the installer: letters and digits, the same for the same path."""
    return kind + uuid5(_OURS, str(path)).hex


def _identifier(what: str) -> str:
    return str(uuid5(_OURS, what)).upper()


def _run(release: Release, *command: str | Path) -> None:
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": str(release.epoch),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",  # cabinets hold local times
    }
    subprocess.run([str(part) for part in command], env=environment, check=True)
