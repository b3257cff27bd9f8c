"""`python -m vigie_packaging bundle|deb|rpm FOLDER [--osqueryd PROGRAM]`."""

import argparse
from pathlib import Path

from vigie_packaging.bundle import build_bundle, digest, size
from vigie_packaging.release import release


def main() -> None:
    """Builds what is asked for and says what came out."""
    parser = argparse.ArgumentParser(prog="vigie_packaging", description=main.__doc__)
    parser.add_argument("what", choices=["bundle"])
    parser.add_argument("folder", type=Path, help="where it is built")
    parser.add_argument("--osqueryd", type=Path, help="an osqueryd program to carry")
    asked = parser.parse_args()
    this = release()
    bundle = build_bundle(asked.folder.absolute(), this, asked.osqueryd)
    print(f"{bundle}: {this.version}, {size(bundle) / 1e6:.1f} MB, sha256 {digest(bundle)}")


if __name__ == "__main__":
    main()
