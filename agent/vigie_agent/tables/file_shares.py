"""The folders that this device shares with others, and the oldest protocol it shares them by."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from vigie_agent.domain.table import TableRow
from vigie_agent.tables.columns import collected, not_collected
from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.host import Host
from vigie_agent.tables.samba_config import SambaConfig, read_samba, speaks_smb1

_SAMBA_FILE: Final = "/etc/samba/smb.conf"
_USER_SHARES: Final = "/var/lib/samba/usershares"
_EXPORTS: Final = "/etc/exports"
_ASKED: Final = timedelta(seconds=5)
_MAX_BYTES: Final = 512 * 1024
_HOME: Final = re.compile(r"^/home/[^/]+")


def samba_shares(host: Host) -> Iterator[TableRow]:
    """The shares of smb.conf, and those that people made of their own folders."""
    try:
        config = _samba(host)
    except OSError as error:
        yield _closed(f"{_SAMBA_FILE}: {error.strerror or error}", "Samba")
        return
    for share in config.shares:
        yield _share(share.name, "Samba", guarded=not share.guests, origin=_SAMBA_FILE)
    for elsewhere in config.elsewhere:
        yield _closed(f"{_SAMBA_FILE} says more in another place: {elsewhere}", "Samba")
    try:
        names = sorted(item.name for item in host.path(_USER_SHARES).iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        yield _closed(f"{_USER_SHARES}: {error.strerror or error}", "Samba")
        return
    for name in names:
        said = host.text_or_empty(f"{_USER_SHARES}/{name}", max_bytes=_MAX_BYTES).lower()
        guests = "guest_ok=y" in said.replace(" ", "")
        yield _share(name, "Samba", guarded=not guests if said else None, origin=_USER_SHARES)


def nfs_shares(host: Host) -> Iterator[TableRow]:
    """The folders of /etc/exports. NFS asks no one who he is: whether they are guarded is open."""
    for path in (_EXPORTS, *_extra_exports(host)):
        try:
            content = host.read_text(path, max_bytes=_MAX_BYTES)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield _closed(f"{path}: {error.strerror or error}", "NFS")
            continue
        for line in config_lines(content.replace("\\\n", " "), Grammar.WORDS):
            folder = _HOME.sub("/home/*", line.key.strip('"'))
            yield _share(folder, "NFS", guarded=None, origin=path)


def samba_speaks_smb1(host: Host) -> TableRow:
    """Whether the Samba of this device still speaks SMBv1: its file says, else its release."""
    known = {"part": "smb1", "service": "smb1", "name": "Samba"}
    try:
        config = _samba(host)
    except OSError as error:
        return not_collected(f"{_SAMBA_FILE}: {error.strerror or error}", **known)
    if config.elsewhere and not config.min_protocol:
        return not_collected(f"{_SAMBA_FILE} says more in another place", **known)
    speaks = speaks_smb1(config, "" if config.min_protocol else _release(host))
    if speaks is None:
        return not_collected("Samba does not say which release it is", **known)
    return collected(**known, offered=int(speaks), origin=_SAMBA_FILE)


def _samba(host: Host) -> SambaConfig:
    return read_samba(host.read_text(_SAMBA_FILE, max_bytes=_MAX_BYTES))


def _release(host: Host) -> str:
    return host.run(["smbd", "--version"], timeout=_ASKED, max_output=4096).stdout


def _extra_exports(host: Host) -> list[str]:
    try:
        names = sorted(item.name for item in host.path(f"{_EXPORTS}.d").iterdir())
    except OSError:
        return []
    return [f"{_EXPORTS}.d/{name}" for name in names if name.endswith(".exports")]


def _closed(why: str, product: str) -> TableRow:
    return not_collected(why, part="shares", service="file_sharing", product=product)


def _share(name: str, product: str, *, guarded: bool | None, origin: str) -> TableRow:
    return collected(
        part="shares",
        service="file_sharing",
        name=name,
        product=product,
        offered=1,
        guarded=None if guarded is None else int(guarded),
        origin=origin,
    )
