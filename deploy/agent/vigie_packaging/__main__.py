"""`python -m vigie_packaging bundle|deb|rpm FOLDER [--osqueryd PROGRAM]`."""

import argparse
from pathlib import Path

from vigie_packaging.bundle import build_bundle, digest, size
from vigie_packaging.linux import build_deb, build_rpm
from vigie_packaging.release import release

_PACKAGES = {"deb": build_deb, "rpm": build_rpm}


def main() -> None:
    """Builds what is asked for and says what came out."""
    parser = argparse.ArgumentParser(prog="vigie_packaging", description=main.__doc__)
    parser.add_argument("what", choices=["bundle", *_PACKAGES])
    parser.add_argument("folder", type=Path, help="where it is built")
    parser.add_argument("--osqueryd", type=Path, help="an osqueryd program to carry")
    asked = parser.parse_args()
    this = release()
    bundle = build_bundle(asked.folder.absolute(), this, asked.osqueryd)
    print(f"{bundle}: {this.version}, {size(bundle) / 1e6:.1f} MB, sha256 {digest(bundle)}")
    if asked.what in _PACKAGES:
        made = _PACKAGES[asked.what](asked.folder.absolute(), bundle, this)
        print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
