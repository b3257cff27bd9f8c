"""The publisher's ceremony at the command line, with keys under a passphrase on several media."""

import shutil
from pathlib import Path

import pytest

from fakes.releases import a_release
from vigie_packaging.channel_command import UNLOCKED_BY, channel_main


@pytest.fixture(autouse=True)
def passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "passphrase"
    path.write_text("un long secret\n")
    monkeypatch.setenv(UNLOCKED_BY, str(path))
    return path


def key_ids(shown: str, role: str) -> list[str]:
    (line,) = [line for line in shown.splitlines() if line.startswith(f"{role}: ")][:1]
    return line.removeprefix(f"{role}: ").split(", ")


def test_a_channel_from_its_keys_to_its_first_change_of_keys(
    tmp_path: Path, passphrase: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    channel, keys, vault = tmp_path / "channel", tmp_path / "keys", tmp_path / "vault"

    def said(command: str, *arguments: str) -> str:
        channel_main([command, str(channel), *arguments])
        return capsys.readouterr().out

    assert "give agents" in said("new", "--keys", str(keys))
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in keys.glob("*.pem"))
    assert all(b"ENCRYPTED" in path.read_bytes() for path in keys.glob("*.pem"))
    with pytest.raises(SystemExit, match=r"root-1\.pem"):
        said("new", "--keys", str(keys))
    vault.mkdir()
    for number in (1, 2, 3):  # what signs releases needs no key of the root
        shutil.move(keys / f"root-{number}.pem", vault)

    bundle = a_release(tmp_path / "bundle", "1.1.0")
    assert "1.1.0" in said("add", str(bundle), "--least", "1.0.0", "--keys", str(keys))
    with pytest.raises(SystemExit, match="a release never changes"):
        said("add", str(bundle), "--least", "1.0.0", "--keys", str(keys))
    with pytest.raises(SystemExit, match="is no built agent"):
        said("add", str(tmp_path), "--least", "1.0.0", "--keys", str(keys))
    assert "good until" in said("renew", "--keys", str(keys))
    old = key_ids(said("show"), "timestamp")
    with pytest.raises(SystemExit, match="root takes 2 keys and 0 are at hand"):
        said("rotate", "timestamp", "--name", "timestamp-2", "--old", old[0], "--keys", str(keys))
    shutil.move(keys / "snapshot.pem", tmp_path)
    with pytest.raises(SystemExit, match="snapshot takes 1 keys and 0 are at hand"):
        said(
            "rotate",
            "timestamp",
            "--name",
            "timestamp-2",
            "--old",
            old[0],
            "--keys",
            str(keys),
            "--keys",
            str(vault),
        )
    assert not (channel / "metadata" / "2.root.json").exists()
    shutil.move(tmp_path / "snapshot.pem", keys)
    assert "in the place of" in said(
        "rotate",
        "timestamp",
        "--name",
        "timestamp-2",
        "--old",
        old[0],
        "--keys",
        str(keys),
        "--keys",
        str(vault),
    )
    assert "good until" in said("extend", "--keys", str(vault))
    shown = said("show")
    assert key_ids(shown, "timestamp") != old
    assert "vigie-agent-1.1.0.tar.xz" in shown
    assert "withdrawn" in said("withdraw", "1.1.0", "--keys", str(keys))
    assert "tar.xz" not in said("show")
    passphrase.write_text("another")
    with pytest.raises(SystemExit, match="cannot be opened"):
        said("renew", "--keys", str(keys))
