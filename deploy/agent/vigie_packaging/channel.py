"""An update channel as its publisher writes it: metadata of The Update Framework, and the releases.

    CHANNEL/metadata/1.root.json ... timestamp.json
    CHANNEL/targets/linux-x86_64/<sha256>.vigie-agent-1.2.0.tar.xz

Snapshots are consistent: files are added and never changed, and `timestamp.json`, which is replaced
last, brings all of a change into force at once. So a copy made at any moment is whole.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from securesystemslib.signer import Key
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from vigie_packaging.archive import Packed
from vigie_packaging.channel_keys import ROLES, Keys

LASTS: Final[Mapping[str, timedelta]] = {
    "root": timedelta(days=730),
    "targets": timedelta(days=365),
    "snapshot": timedelta(days=90),
    "timestamp": timedelta(days=30),
}
"""How long what is signed is good for. Devices take nothing from a channel that is older."""

S = TypeVar("S", Root, Targets, Snapshot, Timestamp)


class ChannelMisused(Exception):
    """The channel cannot be changed in this way; the text says why."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Changes a channel. Raises ChannelMisused, KeysMissing, OSError."""

    folder: Path
    keys: Keys
    now: datetime
    lasts: Mapping[str, timedelta]

    def begin(self, public: Mapping[str, Sequence[Key]], *, threshold: int) -> None:
        """A new, empty channel whose root takes `threshold` keys to change."""
        if (self._metadata / "timestamp.json").exists():
            raise ChannelMisused(f"{self.folder} is a channel already")
        root = Root(expires=self._expires("root"), consistent_snapshot=True)
        for role in ROLES:
            for key in public[role]:
                root.add_key(key, role)
        root.roles["root"].threshold = threshold
        self._write_root(Metadata(root), root)
        self._write(Metadata(Targets(expires=self._expires("targets"))), root)
        self._follow(root, {})

    def add(self, packed: Packed, platform: str, least: str) -> str:
        """Adds a release for one platform; its name in the channel."""
        root, targets = self._root(), self._read("targets", Targets)
        path = f"{platform}/vigie-agent-{packed.version}.tar.xz"
        if path in targets.signed.targets:
            raise ChannelMisused(
                f"{path} is published: a release never changes, make a new version"
            )
        target = TargetFile.from_file(path, str(packed.archive), ["sha256"])
        target.unrecognized_fields["custom"] = {
            "version": packed.version,
            "platform": platform,
            "least": least,
            "unpacked": packed.unpacked,
        }
        published = self._published(target)
        published.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(published, packed.archive.read_bytes())
        targets.signed.targets[path] = target
        self._change_targets(root, targets)
        return path

    def withdraw(self, version: str) -> Sequence[str]:
        """Takes a version away for every platform: no device begins with it any more."""
        root, targets = self._root(), self._read("targets", Targets)
        gone = [
            path
            for path, target in targets.signed.targets.items()
            if (target.custom or {}).get("version") == version
        ]
        if not gone:
            raise ChannelMisused(f"{version} is not in the channel")
        files = [self._published(targets.signed.targets.pop(path)) for path in gone]
        self._change_targets(root, targets)
        for file in files:
            file.unlink(missing_ok=True)
        return gone

    def renew(self) -> None:
        """Signs what stands once more, so that it does not expire."""
        root = self._root()
        self._follow(root, {"targets": self._read("targets", Targets).signed.version})

    def rotate(self, role: str, new: Key, old_id: str) -> None:
        """Puts a new key of a role in the place of one, in a new root that both roots trust.

        Raises ChannelMisused when the role has no such key, and KeysMissing, before anything is
        written.
        """
        before = self._root()
        metadata = Metadata(self._root())
        root = metadata.signed
        if old_id not in root.roles[role].keyids:
            raise ChannelMisused(f"{role} is not signed by {old_id}")
        root.revoke_key(old_id, role)
        root.add_key(new, role)
        root.version += 1
        for signs in {"root": (), "targets": ROLES[1:]}.get(role, ROLES[2:]):
            self.keys.among(root.roles[signs].keyids, root.roles[signs].threshold, signs)
        self._write_root(metadata, before)
        # What the old key signed counts no more.
        if role == "targets":
            self._change_targets(root, self._read("targets", Targets))
        elif role != "root":
            self.renew()

    def extend(self) -> None:
        """Signs the root once more, with the keys that it has, so that it does not expire."""
        before = self._root()
        metadata = Metadata(self._root())
        metadata.signed.version += 1
        self._write_root(metadata, before)

    def releases(self) -> Mapping[str, TargetFile]:
        """What is published, by name."""
        return self._read("targets", Targets).signed.targets

    def key_ids(self) -> Mapping[str, Sequence[str]]:
        """Whose signatures each role takes."""
        return {name: role.keyids for name, role in self._root().roles.items()}

    def expiries(self) -> Mapping[str, datetime]:
        """Until when each role's metadata is good."""
        return {
            "root": self._root().expires,
            "targets": self._read("targets", Targets).signed.expires,
            "snapshot": self._read("snapshot", Snapshot).signed.expires,
            "timestamp": self._read("timestamp", Timestamp).signed.expires,
        }

    # --- Metadata ---------------------------------------------------------------------------------

    @property
    def _metadata(self) -> Path:
        return self.folder / "metadata"

    def _expires(self, role: str) -> datetime:
        return (self.now + self.lasts[role]).replace(microsecond=0)

    def _root(self) -> Root:
        return self._read("root", Root).signed

    def _change_targets(self, root: Root, targets: Metadata[Targets]) -> None:
        targets.signed.version += 1
        targets.signed.expires = self._expires("targets")
        self._write(targets, root)
        self._follow(root, {"targets": targets.signed.version})

    def _follow(self, root: Root, versions: Mapping[str, int]) -> None:
        """A new snapshot of these versions, and the timestamp that brings it into force."""
        meta = {"targets.json": MetaFile(version=versions.get("targets", 1))}
        number = self._newest("snapshot") + 1
        snapshot = Snapshot(version=number, expires=self._expires("snapshot"), meta=meta)
        self._write(Metadata(snapshot), root)
        stamped = (self._metadata / "timestamp.json").exists()
        timestamp = Timestamp(
            version=self._read("timestamp", Timestamp).signed.version + 1 if stamped else 1,
            expires=self._expires("timestamp"),
            snapshot_meta=MetaFile(version=number),
        )
        self._write(Metadata(timestamp), root)

    def _write_root(self, metadata: Metadata[Root], before: Root) -> None:
        """Signed by enough keys of the root before, and of itself."""
        metadata.signed.expires = self._expires("root")
        metadata.signatures.clear()
        for root in (before, metadata.signed):
            role = root.roles["root"]
            for signer in self.keys.among(role.keyids, role.threshold, "root"):
                metadata.sign(signer, append=True)
        self._put(f"{metadata.signed.version}.root.json", metadata)

    def _write(self, metadata: Metadata[S], root: Root) -> None:
        kind = metadata.signed.type
        metadata.signatures.clear()
        role = root.roles[kind]
        for signer in self.keys.among(role.keyids, role.threshold, kind):
            metadata.sign(signer, append=True)
        prefix = "" if kind == "timestamp" else f"{metadata.signed.version}."
        self._put(f"{prefix}{kind}.json", metadata)

    def _put(self, name: str, metadata: Metadata[S]) -> None:
        self._metadata.mkdir(parents=True, exist_ok=True)
        _write_whole(self._metadata / name, metadata.to_bytes())

    def _read(self, role: str, kind: type[S]) -> Metadata[S]:
        number = "" if role == "timestamp" else f"{self._newest(role)}."
        path = self._metadata / f"{number}{role}.json"
        if not path.is_file():
            raise ChannelMisused(f"{self.folder} is no channel: {path.name} is missing")
        metadata: Metadata[S] = Metadata.from_file(str(path))
        if not isinstance(metadata.signed, kind):
            raise ChannelMisused(f"{path} is no {role}")
        return metadata

    def _newest(self, role: str) -> int:
        """The highest version in the folder; 0 where there is none."""
        found = self._metadata.glob(f"*.{role}.json")
        return max((int(path.name.partition(".")[0]) for path in found), default=0)

    def _published(self, target: TargetFile) -> Path:
        folder, _, name = target.path.rpartition("/")
        return self.folder / "targets" / folder / f"{target.hashes['sha256']}.{name}"


def public_keys(made: Iterable[tuple[str, Key]]) -> Mapping[str, Sequence[Key]]:
    """Keys by role, from pairs."""
    by_role: dict[str, list[Key]] = {role: [] for role in ROLES}
    for role, key in made:
        by_role[role].append(key)
    return by_role


def _write_whole(path: Path, content: bytes) -> None:
    """At once, and durable: a channel that is being copied holds no half of a file."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
