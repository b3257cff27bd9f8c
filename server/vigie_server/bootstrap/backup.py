"""Wires backups: what goes into one, what it is encrypted to, how it is put back."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Final

from pyrage.x25519 import Identity
from sqlalchemy import make_url

from vigie_server.backups.container import Container, read_container, write_container
from vigie_server.backups.contents import held, packed, unpack
from vigie_server.backups.manifest import SETTINGS, STORE, Manifest
from vigie_server.backups.placing import former, place, require_finished, staging
from vigie_server.backups.sealing import (
    Sealing,
    require_long,
    sealed_by_passphrase,
    sealed_to,
)
from vigie_server.bootstrap.store import authorities, server_store
from vigie_server.ca.files import write_private
from vigie_server.clock import utc_now
from vigie_server.domain.backups import backup_name, made_at
from vigie_server.domain.errors import InUse, NotFound, SettingsMalformed, StoreBusy
from vigie_server.ports.backing_up import Vault
from vigie_server.ports.declaring import Act
from vigie_server.settings import PREFIX, ServerSettings
from vigie_server.store import snapshots
from vigie_server.store.copying import alone, copy_store, source_alone
from vigie_server.store.database import Database
from vigie_server.store.last_backup import note_backup
from vigie_server.store.migrating import newest_revision
from vigie_server.store.snapshots import Progress

Seal = Callable[[], Sealing]
"""Gives what one backup is encrypted to: each has a key of its own under a passphrase."""
Keys = Callable[[Container], Sequence[Identity]]
"""Gives the keys that may open a backup. Raises BackupRefused."""
_WORK: Final = ".backup-"
_LEFT_BEHIND: Final = timedelta(days=1)
"""How old the working folder of a backup is that was killed."""


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is whole."""

    manifest: Manifest
    size: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back; `former` is where the files are that were there before."""

    manifest: Manifest
    former: Path | None


def sealing_of(settings: ServerSettings) -> Seal | None:
    """What the settings have backups encrypted to; None: they do not say.

    Raises SettingsMalformed.
    """
    given = settings.backup
    if given.keys:
        sealed = sealed_to(given.keys)
        return lambda: sealed
    if given.passphrase_file is None:
        return None
    return partial(sealed_by_passphrase, passphrase_in(given.passphrase_file))


def passphrase_in(file: Path) -> str:
    """The first line of a file, when it is long enough. Raises SettingsMalformed."""
    try:
        with file.open(encoding="utf-8") as content:
            passphrase = content.readline(10_000).rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        raise SettingsMalformed(
            f"the passphrase in {file} cannot be read ({type(error).__name__})"
        ) from error
    require_long(passphrase)
    return passphrase


def back_up(
    settings: ServerSettings,
    database: Database,
    file: Path,
    seal: Seal,
    *,
    now: datetime,
    progress: Progress,
    replace: bool = False,
) -> Made:
    """Backs up the store as it is now, authorities, own rules, reference data, secrets, settings.

    The store may be in use. Raises InUse (the file is there), VigieError, OSError; no part of a
    backup is left then.
    """
    if file.exists() and not replace:
        raise InUse(f"{file} is there already: --replace takes its place")
    with _working_folder(settings.data) as work:
        store = work / STORE
        devices = snapshots.take(database, store, progress)
        write_private(work / SETTINGS, _settings_text(os.environ).encode())
        files = {STORE: store, SETTINGS: work / SETTINGS, **_files_of(settings)}
        manifest = Manifest(
            made_at=now,
            version=version("vigie"),
            store="sqlite" if database.is_sqlite else "postgresql",
            schema=newest_revision(),
            devices=devices,
            files=[held(path, found) for path, found in files.items()],
        )
        with progress(manifest.size, "Writing the backup") as done:
            size = write_container(file, packed(manifest, files, done), seal(), replace=replace)
    note_backup(database, now)
    return Made(manifest, size)


def verify(file: Path, keys: Keys, progress: Progress) -> Made:
    """Reads a backup to its end and checks every file in it. Raises BackupRefused."""
    container = read_container(file)
    with (
        progress(container.size, "Checking") as done,
        container.opened(keys(container), done) as stream,
    ):
        return Made(unpack(stream, None, _nothing), container.size)


def restore(
    settings: ServerSettings,
    file: Path,
    keys: Keys,
    act: Act,
    *,
    progress: Progress,
    replace: bool = False,
) -> Restored:
    """Brings a backup back into the data folder and the store that the settings name.

    Everything is read, checked and brought to this version's schema before anything of what is
    there is touched. Raises BackupRefused, InUse (something is there, or a server runs on it),
    SettingsMalformed, StoreRefused, StoreBusy, OSError; what was there is as it was.
    """
    data = settings.data
    require_finished(data)
    there = former(data)
    if there and not replace:
        raise InUse(
            f"{data} holds {', '.join(there)} already: --replace puts them aside and takes their "
            "place"
        )
    if not settings.store.url:
        _require_unused(data / STORE)
    container = read_container(file)
    found = keys(container)
    stage = staging(data, f"{act.at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{token_hex(2)}")
    try:
        with (
            progress(container.size, "Reading the backup") as done,
            container.opened(found, done) as stream,
        ):
            manifest = unpack(stream, stage, _nothing)
        told = f"made at {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC"
        snapshots.make_ready(stage / STORE, act, told)
        if settings.store.url:
            _into_postgresql(settings, stage / STORE, act, progress, replace=replace)
            (stage / STORE).unlink()
        # The last step that may fail is behind: what follows is gone on with after a crash.
        return Restored(manifest, place(stage))
    finally:
        shutil.rmtree(stage, ignore_errors=True)


class BackupFolder(Vault):
    """The folder of the backups that the server makes by itself."""

    def __init__(
        self, settings: ServerSettings, folder: Path, seal: Seal, database: Database
    ) -> None:
        self._settings, self._folder = settings, folder
        self._seal, self._database = seal, database

    def made(self) -> Sequence[datetime]:
        found = (made_at(file.name) for file in self._folder.iterdir())
        return sorted(at for at in found if at is not None)

    def make(self, at: datetime, going_on: Callable[[], bool]) -> None:
        @contextmanager
        def while_going_on(_: int, __: str) -> Iterator[Callable[[int], None]]:
            def done(_: int) -> None:
                if not going_on():
                    raise StoreBusy("the server stops")

            yield done

        for left in self._folder.glob("vigie-*.tar.part"):
            left.unlink()
        file = self._folder / backup_name(at)
        back_up(self._settings, self._database, file, self._seal, now=at, progress=while_going_on)

    def remove(self, at: datetime) -> None:
        (self._folder / backup_name(at)).unlink(missing_ok=True)


def vault_of(settings: ServerSettings, database: Database) -> BackupFolder | None:
    """Where the server makes backups by itself; None: it makes none. Raises SettingsMalformed."""
    folder = settings.backup.folder
    if folder is None:
        return None
    seal = sealing_of(settings)
    if seal is None:
        raise SettingsMalformed(
            f"{PREFIX}BACKUP__FOLDER: backups are encrypted: give {PREFIX}BACKUP__RECIPIENTS, or "
            f"{PREFIX}BACKUP__PASSPHRASE_FILE"
        )
    if not folder.is_dir():
        raise SettingsMalformed(f"{PREFIX}BACKUP__FOLDER: {folder} is not a folder")
    return BackupFolder(settings, folder, seal, database)


def _into_postgresql(
    settings: ServerSettings, file: Path, act: Act, progress: Progress, *, replace: bool
) -> None:
    with (
        closing(server_store(settings)) as target,
        source_alone(file) as source,
        progress(2 * source.count(), "Copying and checking") as done,
    ):
        copy_store(source, target, act, copied=done, checked=done, replace=replace)


def _require_unused(store: Path) -> None:
    try:
        with alone(store):
            """Nobody else has it open."""
    except NotFound:
        """Nor is there one."""


@contextmanager
def _working_folder(data: Path) -> Iterator[Path]:
    """A folder of ours for the copy of the store, which is as secret as the store itself."""
    oldest = utc_now() - _LEFT_BEHIND
    for left in data.glob(f"{_WORK}*"):
        if datetime.fromtimestamp(left.stat().st_mtime, UTC) < oldest:
            shutil.rmtree(left, ignore_errors=True)
    work = data / f"{_WORK}{token_hex(8)}"
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _files_of(settings: ServerSettings) -> Mapping[str, Path]:
    """The files besides the store, by their path in the backup."""
    folders = {
        "ca": authorities(settings),
        "reference": settings.own_references,
        "rules": settings.own_rules,
        "secrets": settings.notify.secrets or settings.data / "secrets",
    }
    given = {
        "HTTP__CERTIFICATE": settings.http.certificate,
        "HTTP__KEY": settings.http.key,
        "MAIL__AUTHORITIES": settings.mail.authorities,
        "NOTIFY__AUTHORITIES": settings.notify.authorities,
        "NOTIFY__SMTP_PASSWORD_FILE": settings.notify.smtp_password_file,
    }
    found = {
        f"{name}/{file.relative_to(folder).as_posix()}": file
        for name, folder in folders.items()
        if folder is not None and folder.is_dir()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.endswith(".part")
    }
    return found | {f"given/{name}": file for name, file in given.items() if file is not None}


def _settings_text(environment: Mapping[str, str]) -> str:
    """The settings as `NAME=VALUE`, without a password in the store's URL."""
    lines = []
    for name, value in sorted(environment.items()):
        if name.upper().startswith(PREFIX):
            shown = _without_password(value) if name.upper() == f"{PREFIX}STORE__URL" else value
            lines.append(f"{name}={shown}\n")
    return "".join(lines)


def _without_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _nothing(_: int) -> None:
    """Bytes of what is encrypted are counted, not those inside."""
