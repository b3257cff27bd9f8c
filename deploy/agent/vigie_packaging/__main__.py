"""`python -m vigie_packaging bundle|deb|rpm|msi|pkg|profile FOLDER [options]`.

`server-wheel`, `server-deb` and `server-rpm` build the server. And `channel ...`, for who publishes
updates.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from vigie_packaging.bundle import build_bundle, digest, size
from vigie_packaging.linux import build_deb, build_rpm
from vigie_packaging.msi import build_msi, build_stand_in
from vigie_packaging.pkg import build_pkg, full_disk_access
from vigie_packaging.release import Release, release
from vigie_packaging.server import (
    bill_beside,
    build_environment,
    build_server_deb,
    build_server_rpm,
    build_wheel,
)

_PACKAGES = {"deb": build_deb, "rpm": build_rpm, "pkg": build_pkg}
_PROFILE = "vigie-full-disk-access.mobileconfig"
_OF_THE_SERVER = {
    "server-wheel": None,
    "server-deb": build_server_deb,
    "server-rpm": build_server_rpm,
}


def main() -> None:
    """Builds what is asked for and says what came out."""
    parser = argparse.ArgumentParser(prog="vigie_packaging", description=main.__doc__)
    choices = ["bundle", *_PACKAGES, "msi", "profile", *_OF_THE_SERVER]
    parser.add_argument("what", choices=choices)
    parser.add_argument("folder", type=Path, help="where it is built")
    parser.add_argument("--osqueryd", type=Path, help="an osqueryd program to carry")
    parser.add_argument("--bundle", type=Path, help="msi: the agent's folder, built on Windows")
    parser.add_argument("--team", default="", help="profile: the publisher's team at Apple")
    asked = parser.parse_args()
    folder = asked.folder.absolute()
    if asked.what == "msi":
        _msi(folder, asked.bundle)
        return
    if asked.what == "profile":
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _PROFILE).write_bytes(full_disk_access(asked.team))
        _say(folder / _PROFILE)
        return
    if asked.what == "pkg" and sys.platform != "darwin":
        sys.exit("only macOS builds the pkg: it needs codesign, pkgbuild and productbuild")
    if asked.what in _OF_THE_SERVER:
        _server(folder, _OF_THE_SERVER[asked.what])
        return
    this = release()
    bundle = build_bundle(folder, this, asked.osqueryd)
    print(f"{bundle}: {this.version}, {size(bundle) / 1e6:.1f} MB, sha256 {digest(bundle)}")
    if asked.what in _PACKAGES:
        _say(_PACKAGES[asked.what](folder, bundle, this))


def _msi(folder: Path, bundle: Path | None) -> None:
    """The installer of a folder that Windows built, else one that says it carries a stand-in."""
    this = release()
    if bundle is None:
        print("no folder that was built on Windows is named: the installer carries a stand-in")
        stand_in = build_stand_in(folder, this)
        _say(build_msi(folder, stand_in, this, stand_in=True))
    else:
        _say(build_msi(folder, bundle.absolute(), this))


def _server(folder: Path, pack: Callable[[Path, Path, Release], Path] | None) -> None:
    """The wheel with its bill of materials, and the package of it."""
    this = release()
    wheel = build_wheel(folder)
    _say(wheel)
    _say(bill_beside(wheel, this))
    if pack is not None:
        environment = build_environment(folder, wheel, this)
        print(f"{environment}: {size(environment) / 1e6:.1f} MB, sha256 {digest(environment)}")
        _say(pack(folder, environment, this))


def _say(made: Path) -> None:
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["channel"]:
        # Who builds need not have the agent itself installed; who publishes updates has.
        from vigie_packaging.channel_command import channel_main

        channel_main(sys.argv[2:])
    else:
        main()
