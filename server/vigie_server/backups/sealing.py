"""The locks of a backup, in the age format. The one module that knows pyrage.

A passphrase encrypts a key that is made for one backup, and the key encrypts the content: the
library streams to keys, and takes passphrases for what fits in memory alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Final, Protocol, cast

import pyrage
from pyrage import passphrase as by_passphrase
from pyrage.x25519 import Identity, Recipient

from vigie_server.domain.errors import BackupRefused, SettingsMalformed

LEAST_PASSPHRASE: Final = 12
"""Characters."""
MOST_KEY_BYTES: Final = 64 * 1024
_AGE: Final = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
_SECRET: Final = "AGE-SECRET-KEY-"  # noqa: S105 (how a key begins, none)
DAMAGED: Final = "the backup is damaged: what it holds is not what was written"


class Readable(Protocol):
    """What is read from: some bytes, fewer at the end, none after it."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Sealing:
    """What a backup is encrypted to; `wrapped` is its own key under a passphrase."""

    recipients: Sequence[Recipient]
    wrapped: bytes | None = None

    def encrypt(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        """Streams `reader`, encrypted, to `writer`. Raises OSError."""
        try:
            pyrage.encrypt_io(_stream(reader), _stream(writer), self.recipients)
        except pyrage.EncryptError as error:
            raise OSError(str(error)) from error


def require_long(passphrase: str) -> None:
    """Raises SettingsMalformed for one that is too short."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise SettingsMalformed(
            f"the passphrase of a backup has {LEAST_PASSPHRASE} characters at least"
        )


def sealed_by_passphrase(passphrase: str) -> Sealing:
    """Takes about a second: that is what makes a passphrase slow to guess."""
    own = Identity.generate()
    return Sealing([own.to_public()], by_passphrase.encrypt(f"{own}\n".encode(), passphrase))


def sealed_to(recipients: Sequence[str]) -> Sealing:
    """Encrypted to the public keys `age1...`. Raises SettingsMalformed."""
    found = []
    for text in recipients:
        try:
            found.append(Recipient.from_str(text))
        except pyrage.RecipientError:
            raise SettingsMalformed(
                f"{text[:20]} is no recipient: it is the public key `age1...` that "
                "`vigie-server backup key` or `age-keygen` prints"
            ) from None
    return Sealing(found)


def new_key(passphrase: str | None) -> tuple[str, bytes]:
    """A new pair: the recipient, and the file of the private key, encrypted if so wanted."""
    own = Identity.generate()
    recipient = str(own.to_public())
    content = f"# public key: {recipient}\n{own}\n".encode()
    return recipient, content if passphrase is None else by_passphrase.encrypt(content, passphrase)


def is_locked(key_file: Path) -> bool:
    """Whether the private key in the file is encrypted with a passphrase. Raises BackupRefused."""
    return _content(key_file).startswith(_AGE)


def keys_in(key_file: Path, passphrase: str | None) -> Sequence[Identity]:
    """The private keys of a file that `backup key` or `age-keygen` wrote. Raises BackupRefused."""
    content = _content(key_file)
    if content.startswith(_AGE):
        content = _unlocked(content, passphrase or "", f"of {key_file.name}")
    return _keys(content, key_file.name)


def key_under(wrapped: bytes, passphrase: str) -> Sequence[Identity]:
    """The key of one backup. Raises BackupRefused: another passphrase, or damage."""
    return _keys(_unlocked(wrapped, passphrase, "of this backup"), "the backup")


def decrypt(reader: Readable, writer: IO[bytes], keys: Sequence[Identity]) -> None:
    """Streams what is encrypted in `reader` to `writer`; every piece is authenticated.

    Raises BackupRefused: no key fits, or it is damaged or cut short. An error of the writer passes.
    """
    try:
        pyrage.decrypt_io(_stream(reader), _stream(writer), keys)
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            raise BackupRefused(
                "the backup is not encrypted to this key: give the file of another one"
            ) from None
        raise BackupRefused(DAMAGED) from error
    except OSError as error:
        if error.errno is not None:  # the writer's own
            raise
        raise BackupRefused(DAMAGED) from error


def _stream(given: Readable | IO[bytes]) -> BufferedIOBase:
    """For the library's types: it calls `read`, or `write` and `flush`, and nothing else."""
    return cast("BufferedIOBase", given)


def _content(key_file: Path) -> bytes:
    try:
        if key_file.stat().st_size > MOST_KEY_BYTES:
            raise BackupRefused(f"{key_file} is no file of a key: it is too large")
        return key_file.read_bytes()
    except OSError as error:
        raise BackupRefused(f"{key_file} cannot be read: {error.strerror}") from error


def _unlocked(content: bytes, passphrase: str, whose: str) -> bytes:
    try:
        return by_passphrase.decrypt(content, passphrase)
    except pyrage.DecryptError as error:
        raise BackupRefused(
            f"that is not the passphrase {whose}, or the file is damaged"
        ) from error


def _keys(content: bytes, of: str) -> Sequence[Identity]:
    lines = content.decode("ascii", "replace").splitlines()
    try:
        keys = [Identity.from_str(line.strip()) for line in lines if line.startswith(_SECRET)]
    except pyrage.IdentityError:
        keys = []
    if not keys:
        raise BackupRefused(f"there is no private key in {of}: its line begins with {_SECRET}")
    return keys
