"""Backup files: opened by what they were locked with, whole, or not at all."""

import io
import json
import random
import subprocess
import tarfile
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest
from pyrage.x25519 import Identity

from vigie_server.backups.container import read_container, write_container
from vigie_server.backups.contents import held, packed, unpack
from vigie_server.backups.manifest import Held, Manifest, read_manifest
from vigie_server.backups.sealing import (
    Sealing,
    is_locked,
    key_under,
    keys_in,
    new_key,
    require_long,
    sealed_by_passphrase,
    sealed_to,
)
from vigie_server.domain.errors import BackupRefused, InUse, SettingsMalformed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSPHRASE = "une phrase assez longue"
OWN = Identity.generate()
TO_OWN = sealed_to([str(OWN.to_public())])


@pytest.fixture(scope="module")
def sealed() -> Sealing:
    """Under the passphrase; made once: it is slow on purpose."""
    return sealed_by_passphrase(PASSPHRASE)


def silent(_: int) -> None:
    """Nobody watches."""


def files_in(folder: Path, *, store: bytes = b"a store " * 40_000) -> dict[str, Path]:
    written = {"vigie.db": store, "ca/devices.key": b"a key", "rules/topics/own.yaml": b""}
    for name, content in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return {name: folder / name for name in written}


def manifest_of(files: dict[str, Path]) -> Manifest:
    entries = [held(name, file) for name, file in files.items()]
    return Manifest(NOW, "0.1.0", "sqlite", "0015", 3, entries)


def written(folder: Path, sealing: Sealing = TO_OWN, *, name: str = "backup.tar") -> Path:
    files = files_in(folder / "data")
    content = packed(manifest_of(files), files, silent)
    write_container(folder / name, content, sealing, replace=False)
    return folder / name


def unpacked(file: Path, folder: Path | None, keys: list[Identity] | None = None) -> Manifest:
    container = read_container(file)
    with container.opened(keys or [OWN], silent) as stream:
        return unpack(stream, folder, silent)


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    file = written(tmp_path)

    manifest = unpacked(file, tmp_path / "out")

    assert manifest == manifest_of(files_in(tmp_path / "data"))
    for entry in manifest.files:
        found = tmp_path / "out" / entry.path
        assert found.read_bytes() == (tmp_path / "data" / entry.path).read_bytes()
        assert found.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_mode & 0o777 == 0o600
    assert unpacked(file, None) == manifest


def test_tar_and_age_open_a_backup_without_us(tmp_path: Path, sealed: Sealing) -> None:
    file = written(tmp_path, sealed)
    out = tmp_path / "by-hand"
    out.mkdir()

    subprocess.run(["tar", "-xf", file, "-C", out], check=True)
    key = pyrage.passphrase.decrypt((out / "key.age").read_bytes(), PASSPHRASE)
    own = Identity.from_str(key.decode().strip())
    content = pyrage.decrypt((out / "data.tar.gz.age").read_bytes(), [own])
    subprocess.run(["tar", "-xz", "-C", out], input=content, check=True)

    assert "vigie-server restore" in (out / "README.txt").read_text()
    assert (out / "ca" / "devices.key").read_bytes() == b"a key"
    assert (out / "vigie.db").stat().st_size == 320_000


def test_a_passphrase_opens_its_own_backup_alone(tmp_path: Path, sealed: Sealing) -> None:
    wrapped = read_container(written(tmp_path, sealed)).wrapped
    assert wrapped is not None

    keys = key_under(wrapped, PASSPHRASE)
    with pytest.raises(BackupRefused, match="not the passphrase"):
        key_under(wrapped, PASSPHRASE + " ")

    assert len(unpacked(tmp_path / "backup.tar", None, list(keys)).files) == 3


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(SettingsMalformed, match="12 characters"):
        require_long("trop courte")


def test_each_recipient_opens_it_and_nobody_else(tmp_path: Path) -> None:
    others = [Identity.generate(), Identity.generate()]
    file = written(tmp_path, sealed_to([str(one.to_public()) for one in others]))

    for own in others:
        assert unpacked(file, None, [own]).devices == 3
    with pytest.raises(BackupRefused, match="not encrypted to this key"):
        unpacked(file, None)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_key_that_was_made_opens_what_is_encrypted_to_it(
    tmp_path: Path, passphrase: str | None
) -> None:
    recipient, content = new_key(passphrase)
    (tmp_path / "key").write_bytes(content)
    file = written(tmp_path, sealed_to([recipient]))

    keys = keys_in(tmp_path / "key", passphrase)

    assert is_locked(tmp_path / "key") is (passphrase is not None)
    assert unpacked(file, None, list(keys)).devices == 3
    assert recipient not in {"", content.decode("ascii", "replace")}


def test_what_is_no_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("# public key: age1...\n")

    with pytest.raises(BackupRefused, match="no private key in key"):
        keys_in(tmp_path / "key", None)
    with pytest.raises(BackupRefused, match="cannot be read"):
        keys_in(tmp_path / "nowhere", None)
    with pytest.raises(SettingsMalformed, match="no recipient"):
        sealed_to(["AGE-SECRET-KEY-1"])


def encrypted_place(file: Path) -> tuple[int, int]:
    container = read_container(file)
    return container.offset, container.size


def test_every_damage_of_what_is_encrypted_is_noticed(tmp_path: Path) -> None:
    file = written(tmp_path)
    whole = file.read_bytes()
    offset, size = encrypted_place(file)
    chance = random.Random(36)
    places = {
        offset,
        offset + size - 1,
        *(chance.randrange(offset, offset + size) for _ in range(200)),
    }

    unnoticed = []
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        try:
            unpacked(file, None)
        except BackupRefused:
            continue
        unnoticed.append(place)

    assert unnoticed == []


def test_a_backup_that_is_cut_short_anywhere_is_noticed(tmp_path: Path) -> None:
    file = written(tmp_path)
    whole = file.read_bytes()
    offset, size = encrypted_place(file)
    cuts = [0, 1, 511, 512, 513, offset, offset + 1, offset + size // 2, offset + size - 1]

    for cut in cuts:
        file.write_bytes(whole[:cut])
        with pytest.raises(BackupRefused):
            unpacked(file, None)


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as tar:
        tar.add(__file__, "data.txt")

    with pytest.raises(BackupRefused, match="no backup of Vigie"):
        read_container(other)
    with pytest.raises(BackupRefused, match="no backup of Vigie"):
        read_container(Path(__file__))
    with pytest.raises(BackupRefused, match="No such file"):
        read_container(tmp_path / "nowhere")


def test_what_is_there_is_replaced_only_when_asked_and_by_a_whole_one(tmp_path: Path) -> None:
    file = written(tmp_path)
    before = file.read_bytes()
    files = files_in(tmp_path / "data", store=b"another")
    manifest = manifest_of(files)

    with pytest.raises(InUse, match="--replace"):
        write_container(file, packed(manifest, files, silent), TO_OWN, replace=False)
    files["vigie.db"].write_bytes(b"changed meanwhile")
    with pytest.raises(OSError, match="changed while it was read"):
        write_container(file, packed(manifest, files, silent), TO_OWN, replace=True)

    assert file.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["backup.tar", "data"]


def a_manifest(**changes: Any) -> dict[str, Any]:
    files = [Held("vigie.db", 1, "0" * 64), Held("ca/devices.key", 1, "1" * 64)]
    return {**Manifest(NOW, "0.1.0", "sqlite", "0015", 3, files).written(), **changes}


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "ca/../../x", "ca", "store.mark", "ca//x", "./ca/x", "other/x"]
)
def test_nothing_is_put_outside_of_its_place(path: str) -> None:
    files = [*a_manifest()["files"], {"path": path, "size": 1, "sha256": "0" * 64}]

    with pytest.raises(BackupRefused, match="list of files"):
        read_manifest(a_manifest(files=files))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 2}, "the version that made it"),
        ({"format": None}, "no backup of Vigie"),
        ({"files": []}, "list of files"),
        ({"files": 3}, "list of files"),
        ({"made_at": "yesterday"}, "list of files"),
    ],
)
def test_a_manifest_that_is_none_is_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BackupRefused, match=told):
        read_manifest(a_manifest(**change))
    assert read_manifest(a_manifest()).devices == 3


def test_what_differs_from_the_manifest_is_refused(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    other = Manifest(NOW, "", "sqlite", "", 0, [Held("vigie.db", 7, "0" * 64)])
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        content = json.dumps(other.written()).encode()
        member = tarfile.TarInfo("manifest.json")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
        tar.add(files["vigie.db"], "vigie.db")
    stream.seek(0)

    with pytest.raises(BackupRefused, match="not as it was written"):
        unpack(stream, None, silent)


def test_memory_does_not_follow_the_size(tmp_path: Path) -> None:
    with (tmp_path / "vigie.db").open("wb") as large:
        large.truncate(100_000_000)
    files = {"vigie.db": tmp_path / "vigie.db"}

    tracemalloc.start()
    try:
        manifest = manifest_of(files)
        write_container(tmp_path / "b.tar", packed(manifest, files, silent), TO_OWN, replace=False)
        found = unpacked(tmp_path / "b.tar", None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert found.size == 100_000_000
    assert peak < 8_000_000
