"""`python -m vigie_packaging channel ...`: what the publisher of an update channel does.

The ceremony, and who keeps which key, is in docs/updates.md.
"""

import argparse
import getpass
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from vigie_agent.domain.releases import platform_of
from vigie_packaging.archive import NotARelease, pack
from vigie_packaging.channel import LASTS, ChannelMisused, Publisher, public_keys
from vigie_packaging.channel_keys import ROLES, Keys, KeysMissing, make_key

UNLOCKED_BY: Final = "VIGIE_CHANNEL_PASSPHRASE_FILE"


def channel_main(arguments: Sequence[str]) -> None:
    """Does what is asked for and says what came of it."""
    asked = _parser().parse_args(arguments)
    try:
        asked.does(asked)
    except (ChannelMisused, KeysMissing, NotARelease, FileExistsError) as error:
        sys.exit(f"channel: {error}")


def platform_here() -> str:
    """As devices tell theirs: `linux-x86_64`."""
    system = {"win32": "windows"}.get(sys.platform, sys.platform)
    return platform_of(system, platform.machine())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vigie_packaging channel", description=__doc__)
    commands = parser.add_subparsers(required=True)

    new = _command(commands, "new", _new, "Make the keys and an empty channel.")
    new.add_argument("--roots", type=int, default=3, help="keys of the root (3)")
    new.add_argument("--threshold", type=int, default=2, help="of them to change it (2)")

    add = _command(commands, "add", _add, "Publish a built agent for one platform.")
    add.add_argument("bundle", type=Path, help="the folder that `make agent-bundle` made")
    add.add_argument("--platform", default=platform_here(), help="this machine's, else as given")
    add.add_argument("--least", required=True, help="the oldest version that can become this one")

    withdraw = _command(commands, "withdraw", _withdraw, "Take a version away.")
    withdraw.add_argument("version")

    _command(commands, "renew", _renew, "Sign snapshot and timestamp again, before they expire.")

    _command(commands, "extend", _extend, "Sign the root again, before it expires.")

    rotate = _command(commands, "rotate", _rotate, "Replace one key of a role.")
    rotate.add_argument("role", choices=ROLES)
    rotate.add_argument("--name", required=True, help="name of the new key's file")
    rotate.add_argument("--old", required=True, help="id of the key that goes (`show` lists them)")

    _command(commands, "show", _show, "List releases, keys and until when all is good.")
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    does: object,
    about: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(does=does)
    parser.add_argument("channel", type=Path, help="folder of the channel")
    parser.add_argument(
        "--keys", type=Path, action="append", default=[], help="folder of keys; may be repeated"
    )
    for role, span in LASTS.items():
        parser.add_argument(
            f"--{role}-days", type=int, default=span.days, help=f"{role} is good for ({span.days})"
        )
    return parser


def _publisher(asked: argparse.Namespace, passphrase: bytes | None) -> Publisher:
    lasts = {role: timedelta(days=getattr(asked, f"{role}_days")) for role in ROLES}
    keys = Keys.read(asked.keys, passphrase)
    return Publisher(asked.channel, keys, datetime.now(UTC), lasts)


def _new(asked: argparse.Namespace) -> None:
    if not 1 <= asked.threshold <= asked.roots:
        raise ChannelMisused("--threshold is between 1 and --roots")
    folder, passphrase = _one_folder(asked), _passphrase(new=True)
    names = [("root", f"root-{number}") for number in range(1, asked.roots + 1)]
    names += [(role, role) for role in ROLES[1:]]
    made = [(role, make_key(folder, name, passphrase)) for role, name in names]
    _publisher(asked, passphrase).begin(public_keys(made), threshold=asked.threshold)
    print(f"{asked.channel}: a new channel; give agents {asked.channel / 'metadata/1.root.json'}")


def _add(asked: argparse.Namespace) -> None:
    publisher = _publisher(asked, _passphrase())
    with tempfile.TemporaryDirectory(prefix="vigie-channel-") as folder:
        packed = pack(asked.bundle, Path(folder) / "release.tar.xz")
        path = publisher.add(packed, asked.platform, asked.least)
        size = packed.archive.stat().st_size
    print(f"{path}: {packed.version}, {size / 1e6:.1f} MB ({packed.unpacked / 1e6:.1f} unpacked)")


def _withdraw(asked: argparse.Namespace) -> None:
    for path in _publisher(asked, _passphrase()).withdraw(asked.version):
        print(f"{path}: withdrawn")


def _renew(asked: argparse.Namespace) -> None:
    publisher = _publisher(asked, _passphrase())
    publisher.renew()
    print(f"good until {publisher.expiries()['timestamp']:%Y-%m-%d}")


def _extend(asked: argparse.Namespace) -> None:
    publisher = _publisher(asked, _passphrase())
    publisher.extend()
    print(f"good until {publisher.expiries()['root']:%Y-%m-%d}")


def _rotate(asked: argparse.Namespace) -> None:
    passphrase = _passphrase()
    folder = _one_folder(asked)
    key = make_key(folder, asked.name, passphrase)
    try:
        _publisher(asked, passphrase).rotate(asked.role, key, asked.old)
    except (ChannelMisused, KeysMissing):
        (folder / f"{asked.name}.pem").unlink()  # it signs nothing, and its name is free again
        raise
    print(f"{asked.role}: {key.keyid} in the place of {asked.old}")


def _show(asked: argparse.Namespace) -> None:
    publisher = _publisher(asked, None)
    for path, target in publisher.releases().items():
        print(f"{path}  {target.length / 1e6:.1f} MB  sha256 {target.hashes['sha256']}")
    for role, key_ids in publisher.key_ids().items():
        print(f"{role}: {', '.join(key_ids)}")
    for role, until in publisher.expiries().items():
        print(f"{role}: good until {until:%Y-%m-%d}")


def _one_folder(asked: argparse.Namespace) -> Path:
    """New keys go to the first folder that is named."""
    if not asked.keys:
        raise ChannelMisused("name with --keys the folder that the new keys go to")
    return Path(asked.keys[0])


def _passphrase(*, new: bool = False) -> bytes | None:
    """From the file that the environment names, else asked for; empty for keys in the clear."""
    named = os.environ.get(UNLOCKED_BY)
    if named is not None:
        return Path(named).read_bytes().strip() if named else None
    told = getpass.getpass("Passphrase of the keys (empty: none): ").encode()
    if new and told and told != getpass.getpass("Once more: ").encode():
        raise ChannelMisused("the two differ")
    return told or None
