"""Small releases that keep the contract of the agent's program, and channels that offer them."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vigie_packaging.archive import pack
from vigie_packaging.channel import LASTS, Publisher, public_keys
from vigie_packaging.channel_keys import ROLES, Keys, make_key

PLATFORM = "linux-x86_64"
CONFIRMS = f"""exec {sys.executable} -c '
import os, pathlib, signal
from vigie_agent.domain.updating import confirm
from vigie_agent.updates.versions import Versions
versions = Versions(pathlib.Path(os.environ["VIGIE_AGENT_DATA_DIR"]) / "updates")
versions.keep(confirm(versions.standing(), versions.standing().current))
signal.pause() if "STAYS" in os.environ else None
'"""
LACKS_ITS_SERVER = f"""exec {sys.executable} -c '
import os, pathlib, signal
from vigie_agent.domain.updating import lacking
from vigie_agent.updates.versions import Versions
versions = Versions(pathlib.Path(os.environ["VIGIE_AGENT_DATA_DIR"]) / "updates")
versions.keep(lacking(versions.standing(), versions.standing().current, server_alone=True))
signal.pause()
'"""
CONFIRMS_UNTIL_INPUT_ENDS = f"""{CONFIRMS.removeprefix("exec ")}
exec cat >/dev/null"""
"""Below a service of Windows, which ends it so."""
CRASHES = "exit 1"
HANGS = "exec sleep 300"


def a_release(
    folder: Path, version: str, *, run: str = "exit 0", selftest: str = "exit 0", weight: int = 0
) -> Path:
    """An agent's folder whose program is a script. `run` and `selftest` are what it does then."""
    folder.mkdir(parents=True)
    program = folder / "vigie-agent"
    program.write_text(
        f'#!/bin/sh\necho "{version} $*" >>"$VIGIE_AGENT_DATA_DIR/started"\ncase "$1" in\n'
        f'version) echo "vigie-agent {version} (a script)" ;;\nselftest) {selftest} ;;\n'
        f"run) {run} ;;\nesac\n"
    )
    program.chmod(0o755)
    about = folder / "_internal" / f"vigie-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vigie\nVersion: {version}\n")
    (folder / "_internal" / "again").symlink_to(f"vigie-{version}.dist-info")
    if weight:
        (folder / "_internal" / "weight").write_bytes(_grain(weight))
    return folder


def _grain(length: int) -> bytes:
    """Bytes that no compression makes smaller, the same each time."""
    from random import Random  # noqa: PLC0415

    return Random(length).randbytes(length)


@dataclass
class FakeChannel:
    """A channel and its keys, below one folder."""

    home: Path

    @property
    def folder(self) -> Path:
        """The channel."""
        return self.home / "channel"

    @property
    def root(self) -> bytes:
        """The root that agents are given."""
        return (self.folder / "metadata" / "1.root.json").read_bytes()

    def publisher(self, **lasts: timedelta) -> Publisher:
        """Whoever has the keys; `lasts` by role."""
        keys = Keys.read([self.home / "keys"], None)
        return Publisher(self.folder, keys, datetime.now(UTC), {**LASTS, **lasts})

    def begin(self, *, roots: int = 1, threshold: int = 1) -> "FakeChannel":
        """Makes keys and an empty channel."""
        names = [("root", f"root-{number}") for number in range(roots)]
        names += [(role, role) for role in ROLES[1:]]
        made = [(role, make_key(self.home / "keys", name, None)) for role, name in names]
        self.publisher().begin(public_keys(made), threshold=threshold)
        return self

    def publish(
        self, version: str, *, least: str = "0.1.0", platform: str = PLATFORM, **does: str | int
    ) -> Path:
        """Publishes a release that does so; its archive in the channel."""
        bundle = a_release(self.home / "bundles" / f"{platform}-{version}", version, **does)  # type: ignore[arg-type]
        packed = pack(bundle, self.home / "packed.tar.xz", preset=0)
        path = self.publisher().add(packed, platform, least)
        (archive,) = (self.folder / "targets" / platform).glob(f"*.{path.rpartition('/')[2]}")
        return archive


def metadata_of(folder: Path) -> Mapping[str, bytes]:
    """Every file of the channel's metadata."""
    return {path.name: path.read_bytes() for path in (folder / "metadata").iterdir()}
