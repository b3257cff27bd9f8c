"""`vigie-server backup` and `restore`: encrypted backups, made while the server runs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import click
from pyrage.x25519 import Identity

from vigie_server import clock
from vigie_server.backups import sealing
from vigie_server.backups.container import Container
from vigie_server.backups.placing import finish
from vigie_server.bootstrap.backup import (
    Keys,
    Made,
    Seal,
    back_up,
    passphrase_in,
    sealing_of,
    verify,
)
from vigie_server.bootstrap.backup import restore as bring_back
from vigie_server.ca.files import write_private
from vigie_server.cli.output import act, opened, progress, show_fields, told_errors
from vigie_server.domain.errors import BackupRefused, InUse, StoreRefused
from vigie_server.settings import PREFIX, ServerSettings, read_settings

FILE: Final = click.Path(path_type=Path, dir_okay=False)
PASSPHRASE: Final = click.option(
    "--passphrase-file", type=FILE, help="File whose first line is the passphrase."
)
IDENTITY: Final = click.option(
    "--identity",
    type=FILE,
    help="File of the private key, of `backup key` or age-keygen. Without it, the passphrase.",
)


class _OrCreate(click.Group):
    """`backup FILE` is `backup create FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first and first not in self.commands and first not in {"-h", "--help"}:
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_OrCreate)
def backup() -> None:
    """Back up authorities, store, settings, own rules and reference data, encrypted.

    `backup FILE` is short for `backup create FILE`.
    """


@backup.command()
@click.argument("file", type=FILE)
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    help="Public key `age1...` that the backup is encrypted to. Repeatable.",
)
@PASSPHRASE
@click.option("--replace", is_flag=True, help="Take the place of a file that is there.")
@told_errors
def create(
    *, file: Path, recipients: tuple[str, ...], passphrase_file: Path | None, replace: bool
) -> None:
    """Back up to a new file, also while the server runs.

    Encrypted to the recipients, or with the passphrase: those given, else those of the settings,
    else a passphrase that is asked for.
    """
    with opened() as (settings, database):
        if file.exists() and not replace:  # before a passphrase is asked for
            raise InUse(f"{file} is there already: --replace takes its place")
        try:
            made = back_up(
                settings,
                database,
                file,
                _seal(settings, recipients, passphrase_file),
                now=clock.utc_now(),
                progress=progress,
                replace=replace,
            )
        except OSError as error:
            raise StoreRefused(f"{file} was not written: {error.strerror or error}") from error
    _tell(made)


@backup.command("verify")
@click.argument("file", type=FILE)
@IDENTITY
@PASSPHRASE
@told_errors
def verify_file(*, file: Path, identity: Path | None, passphrase_file: Path | None) -> None:
    """Read a backup to its end and check every file in it. Nothing is changed."""
    _tell(verify(file, _keys(identity, passphrase_file), progress))
    click.echo("It is whole: every file in it is as it was written.")


@backup.command("key")
@click.argument("file", type=FILE)
@PASSPHRASE
@click.option("--plain", is_flag=True, help="Without a passphrase: whoever has the file has it.")
@told_errors
def key(*, file: Path, passphrase_file: Path | None, plain: bool) -> None:
    """Make a pair of keys: the private one into a new file, the public one is printed.

    Servers need the public key alone; keep the private one where no server reaches it.
    """
    if file.exists():
        raise InUse(f"{file} is there already: a key is never written over another one")
    passphrase = None if plain else _new_passphrase(passphrase_file)
    recipient, content = sealing.new_key(passphrase)
    try:
        write_private(file, content)
    except OSError as error:
        raise StoreRefused(f"{file} was not written: {error.strerror}") from error
    click.echo(recipient)
    click.echo(f"The private key is in {file}: without it no backup can be read.", err=True)


@click.command("restore")
@click.argument("file", type=FILE, required=False)
@IDENTITY
@PASSPHRASE
@click.option("--replace", is_flag=True, help="Put aside what is there, and take its place.")
@click.option("--finish", "finishing", is_flag=True, help="Go on with one that was interrupted.")
@told_errors
def restore(
    *,
    file: Path | None,
    identity: Path | None,
    passphrase_file: Path | None,
    replace: bool,
    finishing: bool,
) -> None:
    """Bring a backup back into the data folder, and into the store that the settings name.

    No server may run on them. Everything is checked before anything that is there is touched.
    Devices go on with their certificates and send everything again.
    """
    settings = read_settings()
    if finishing:
        finish(settings.data)
        click.echo(f"{settings.data} is whole.")
        return
    if file is None:
        raise click.UsageError("name the backup, or give --finish")
    try:
        found = bring_back(
            settings,
            file,
            _keys(identity, passphrase_file),
            act(),
            progress=progress,
            replace=replace,
        )
    except OSError as error:
        raise StoreRefused(f"nothing was restored: {error.strerror or error}") from error
    manifest = found.manifest
    click.echo(
        f"Restored what was backed up at {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC: "
        f"{manifest.devices} device(s)."
    )
    if found.former is not None:
        click.echo(f"What was there is in {found.former}: take it away when all is well.")
    click.echo("")
    click.echo("Next:")
    click.echo(f"  compare the settings with {settings.data / 'settings.env'}")
    for name, told in (
        ("rules", f"own rules are in it: {PREFIX}RULES__FOLDER"),
        ("given", "files that settings named are in it, by the setting's name"),
    ):
        if (settings.data / name).is_dir():
            click.echo(f"  {settings.data / name}: {told}")
    click.echo("  vigie-server serve")


def _seal(
    settings: ServerSettings, recipients: Sequence[str], passphrase_file: Path | None
) -> Seal:
    if recipients and passphrase_file is not None:
        raise click.UsageError("a backup has recipients or a passphrase, not both")
    if recipients:
        return partial(sealing.sealed_to, recipients)
    if passphrase_file is not None:
        return partial(sealing.sealed_by_passphrase, passphrase_in(passphrase_file))
    return sealing_of(settings) or partial(sealing.sealed_by_passphrase, _new_passphrase(None))


def _keys(identity: Path | None, passphrase_file: Path | None) -> Keys:
    def found(container: Container) -> Sequence[Identity]:
        if identity is not None:
            locked = sealing.is_locked(identity)
            passphrase = _passphrase(passphrase_file, "Passphrase of the key") if locked else None
            return sealing.keys_in(identity, passphrase)
        if container.wrapped is None:
            raise BackupRefused(
                "the backup is encrypted to a key: give the file of the private one (--identity)"
            )
        passphrase = _passphrase(passphrase_file, "Passphrase of the backup")
        return sealing.key_under(container.wrapped, passphrase)

    return found


def _passphrase(file: Path | None, label: str) -> str:
    return passphrase_in(file) if file else str(click.prompt(label, hide_input=True, err=True))


def _new_passphrase(file: Path | None) -> str:
    if file is not None:
        return passphrase_in(file)
    told = f"Passphrase ({sealing.LEAST_PASSPHRASE} characters at least)"
    passphrase = str(click.prompt(told, hide_input=True, confirmation_prompt=True, err=True))
    sealing.require_long(passphrase)
    return passphrase


def _tell(made: Made) -> None:
    manifest = made.manifest
    show_fields(
        [
            ("Backup of", f"{manifest.made_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("Version", f"{manifest.version}, schema {manifest.schema}, from {manifest.store}"),
            ("Devices", str(manifest.devices)),
            ("Files", f"{len(manifest.files)}, {manifest.size} bytes"),
            ("Size", f"{made.size} bytes, encrypted"),
        ]
    )
