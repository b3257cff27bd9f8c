"""A release from its publisher to its trial; whatever is not what was signed changes nothing."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.releases import PLATFORM, FakeChannel, a_release
from vigie_agent.clock import utc_now
from vigie_agent.domain.errors import LinkLost, NotPublished, UpdateFailed, UpdateRefused
from vigie_agent.domain.updating import Standing, Trial
from vigie_agent.ports import UpdateSource
from vigie_agent.services.update import Update
from vigie_agent.updates.channel import Channel
from vigie_agent.updates.disk import Disk
from vigie_agent.updates.folder_source import FolderSource
from vigie_agent.updates.trying import try_out
from vigie_agent.updates.versions import Versions
from vigie_packaging.archive import pack
from vigie_packaging.channel_keys import KeysMissing, make_key


@pytest.fixture
def channel(tmp_path: Path) -> FakeChannel:
    """With 1.1.0 published."""
    made = FakeChannel(tmp_path / "publisher").begin()
    made.publish("1.1.0")
    return made


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a device."""
    folder = tmp_path / "device"
    folder.mkdir()
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(folder))
    return folder


def versions_of(device: Path) -> Versions:
    return Versions(device / "updates")


def taking(
    device: Path,
    channel: FakeChannel,
    *,
    source: UpdateSource | None = None,
    root: bytes | None = None,
    installed: str = "1.0.0",
) -> Update:
    """What one run of `vigie-agent update` makes."""
    versions = versions_of(device)
    client = Channel(
        device / "updates" / "metadata",
        versions.incoming,
        root or channel.root,
        source or FolderSource(channel.folder),
        Disk(),
    )
    return Update(client, versions, try_out, installed, PLATFORM, utc_now)


def nothing_changed(device: Path, before: Standing | None = None) -> bool:
    return versions_of(device).standing() == (before or Standing())


def test_a_good_update_lands_on_trial_whole_and_executable(
    device: Path, channel: FakeChannel
) -> None:
    found = taking(device, channel)(with_server=True)

    program = device / "updates" / "versions" / "1.1.0" / "vigie-agent"
    assert found is not None
    assert versions_of(device).standing() == Standing("1.1.0", Trial("", 0, with_server=True))
    assert program.stat().st_mode & 0o777 == 0o755
    assert (program.parent / "_internal" / "again" / "METADATA").read_text().endswith("1.1.0\n")
    assert (device / "started").read_text() == "1.1.0 selftest\n"
    assert list((device / "updates" / "incoming").iterdir()) == []


def test_what_runs_already_is_not_taken_again(device: Path, channel: FakeChannel) -> None:
    assert taking(device, channel, installed="1.1.0")(with_server=False) is None
    assert nothing_changed(device)


def test_a_version_before_the_one_that_runs_is_refused(device: Path, channel: FakeChannel) -> None:
    with pytest.raises(UpdateRefused, match=r"1\.1\.0 is not newer than 1\.2\.0"):
        taking(device, channel, installed="1.2.0")(with_server=False)

    assert nothing_changed(device)


def test_a_release_whose_bytes_were_changed_is_refused_and_not_kept(
    device: Path, channel: FakeChannel
) -> None:
    archive = channel.publish("1.2.0")
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)

    with pytest.raises(UpdateRefused, match="not what its publisher signed"):
        taking(device, channel)(with_server=False)

    assert nothing_changed(device)
    assert list((device / "updates" / "incoming").iterdir()) == []


def test_a_release_that_is_longer_than_signed_is_refused(
    device: Path, channel: FakeChannel
) -> None:
    archive = channel.publish("1.2.0")
    archive.write_bytes(archive.read_bytes() + b"and more")

    with pytest.raises(UpdateRefused, match="longer than its publisher signed"):
        taking(device, channel)(with_server=False)

    assert nothing_changed(device)


@pytest.mark.parametrize("name", ["timestamp.json", "3.snapshot.json", "3.targets.json"])
def test_metadata_that_was_changed_is_refused(
    device: Path, channel: FakeChannel, name: str
) -> None:
    channel.publish("1.2.0")
    path = channel.folder / "metadata" / name
    changed = path.read_bytes().replace(b'"version":3', b'"version":4')
    assert changed != path.read_bytes()
    path.write_bytes(changed)

    with pytest.raises(UpdateRefused):
        taking(device, channel)(with_server=False)

    assert nothing_changed(device)


def test_a_channel_of_other_keys_is_refused(
    device: Path, channel: FakeChannel, tmp_path: Path
) -> None:
    strange = FakeChannel(tmp_path / "stranger").begin()
    strange.publish("9.0.0")

    with pytest.raises(UpdateRefused):
        taking(device, channel, source=FolderSource(strange.folder))(with_server=False)

    assert nothing_changed(device)


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_a_channel_that_is_out_of_date_is_refused(
    device: Path, channel: FakeChannel, role: str
) -> None:
    publisher = channel.publisher(**{role: timedelta(days=-1)})
    publisher.withdraw("1.1.0") if role == "targets" else publisher.renew()

    with pytest.raises(UpdateRefused, match="out of date, or this clock is wrong"):
        taking(device, channel)(with_server=False)

    assert nothing_changed(device)


def test_a_channel_that_went_back_in_time_is_refused(
    device: Path, channel: FakeChannel, tmp_path: Path
) -> None:
    """As a mirror would that hides a correction: all of it signed, none of it new."""
    earlier = tmp_path / "earlier"
    shutil.copytree(channel.folder, earlier)
    channel.publish("1.2.0")
    taking(device, channel).look()

    with pytest.raises(UpdateRefused, match="not as its publisher signed"):
        taking(device, channel, source=FolderSource(earlier))(with_server=False)

    assert nothing_changed(device)


def test_keys_that_were_replaced_are_followed_and_the_old_ones_count_no_more(
    device: Path, channel: FakeChannel
) -> None:
    first = channel.root
    taking(device, channel, root=first).look()
    for role in ("root", "timestamp", "targets"):
        (old,) = channel.publisher().key_ids()[role]
        new = make_key(channel.home / "keys", f"{role}-new", None)
        channel.publisher().rotate(role, new, old)
    channel.publish("1.2.0")

    assert taking(device, channel, root=first)(with_server=False) is not None
    assert versions_of(device).standing().current == "1.2.0"


def test_too_few_keys_change_no_root(tmp_path: Path) -> None:
    channel = FakeChannel(tmp_path / "two of three").begin(roots=3, threshold=2)
    old = channel.publisher().key_ids()["root"][0]
    for name in ("root-1", "root-2"):
        (channel.home / "keys" / f"{name}.pem").unlink()

    with pytest.raises(KeysMissing, match="root takes 2 keys and 1 are at hand"):
        channel.publisher().rotate("root", make_key(tmp_path / "new", "root-4", None), old)


class LostOnTheWay:
    """A folder whose line breaks after so many bytes of a release."""

    def __init__(self, folder: Path, breaks_after: int) -> None:
        self._folder = FolderSource(folder)
        self._left = breaks_after
        self.offsets: list[int] = []

    def read(self, name: str, *, offset: int = 0) -> Iterator[bytes]:
        if not name.startswith("targets/"):
            yield from self._folder.read(name, offset=offset)
            return
        self.offsets.append(offset)
        for piece in self._folder.read(name, offset=offset):
            yield piece[: self._left]
            self._left -= min(self._left, len(piece))
            if not self._left:
                raise LinkLost("the line broke")


def test_a_half_downloaded_release_is_not_used_and_is_gone_on_with(
    device: Path, channel: FakeChannel
) -> None:
    archive = channel.publish("1.2.0", weight=20_000)
    breaking = LostOnTheWay(channel.folder, 7_000)

    with pytest.raises(LinkLost):
        taking(device, channel, source=breaking)(with_server=False)
    (part,) = (device / "updates" / "incoming").iterdir()
    assert nothing_changed(device)
    assert part.read_bytes() == archive.read_bytes()[:7_000]

    going_on = LostOnTheWay(channel.folder, 10**9)
    taking(device, channel, source=going_on)(with_server=False)

    assert breaking.offsets == [0]
    assert going_on.offsets == [7_000]
    assert versions_of(device).standing().current == "1.2.0"


def test_a_release_that_ends_early_is_not_used(device: Path, channel: FakeChannel) -> None:
    archive = channel.publish("1.2.0")
    archive.write_bytes(archive.read_bytes()[:-9])

    with pytest.raises(LinkLost, match="ended early"):
        taking(device, channel)(with_server=False)

    assert nothing_changed(device)


def test_a_version_whose_self_test_fails_is_never_current_and_not_taken_again(
    device: Path, channel: FakeChannel
) -> None:
    channel.publish("1.2.0", selftest='echo "!!  engine: gone"; exit 1')

    with pytest.raises(UpdateRefused, match="its self-test failed: !!  engine: gone"):
        taking(device, channel)(with_server=False)
    with pytest.raises(UpdateRefused, match=r"1\.2\.0 did not work here: its self-test failed"):
        taking(device, channel)(with_server=False)

    assert versions_of(device).standing().current == ""
    assert (device / "started").read_text() == "1.2.0 selftest\n"


def test_a_version_that_this_system_cannot_start_is_refused(
    device: Path, channel: FakeChannel
) -> None:
    bundle = channel.home / "bundles" / "other"
    (a_release(bundle, "1.2.0") / "vigie-agent").write_bytes(b"\x7fELF and nothing more")
    packed = pack(bundle, channel.home / "packed.tar.xz", preset=0)
    channel.publisher().add(packed, PLATFORM, "0.1.0")

    with pytest.raises(UpdateRefused, match="does not start here"):
        taking(device, channel)(with_server=False)


def test_a_disk_without_room_is_left_alone(
    device: Path, channel: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Versions, "room", lambda _: 1_000_000)

    with pytest.raises(UpdateFailed, match="67 MB free in the data folder"):
        taking(device, channel)(with_server=False)

    assert list((device / "updates" / "incoming").iterdir()) == []


def test_a_name_that_leads_out_of_the_channel_is_not_published(channel: FakeChannel) -> None:
    with pytest.raises(NotPublished):
        list(FolderSource(channel.folder).read("../keys/targets.pem"))
