"""The keys that sign an update channel: made, kept and read as files that never leave their owner.

One file a key, PKCS #8, encrypted with a passphrase where one is given. The files of a ceremony may
lie on different media: whoever signs names every folder.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

ROLES: Final = ("root", "targets", "snapshot", "timestamp")


class KeysMissing(Exception):
    """A role cannot be signed with the keys at hand."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Every private key at hand, by key id."""

    signers: dict[str, CryptoSigner]

    @classmethod
    def read(cls, folders: Iterable[Path], passphrase: bytes | None) -> "Keys":
        """The keys in these folders. Raises KeysMissing when one cannot be opened."""
        signers: dict[str, CryptoSigner] = {}
        for path in sorted(path for folder in folders for path in folder.glob("*.pem")):
            signer = _read(path, passphrase)
            signers[signer.public_key.keyid] = signer
        return cls(signers)

    def among(self, key_ids: Sequence[str], least: int, role: str) -> list[CryptoSigner]:
        """Those of these keys that are at hand. Raises KeysMissing when they are too few."""
        found = [self.signers[key_id] for key_id in key_ids if key_id in self.signers]
        if len(found) < least:
            raise KeysMissing(
                f"{role} takes {least} keys and {len(found)} are at hand: name their folders too"
            )
        return found


def make_key(folder: Path, name: str, passphrase: bytes | None) -> Key:
    """Makes `folder/NAME.pem`, readable by its owner alone; its public half.

    Raises FileExistsError: a key is never written over.
    """
    key = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(
        os.open(folder / f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
    ) as file:
        file.write(text)
    return SSlibKey.from_crypto(key.public_key())


def _read(path: Path, passphrase: bytes | None) -> CryptoSigner:
    text = path.read_bytes()
    encrypted = b"ENCRYPTED" in text.splitlines()[0]
    try:
        key = serialization.load_pem_private_key(text, passphrase if encrypted else None)
    except (TypeError, ValueError) as error:
        raise KeysMissing(f"{path} cannot be opened: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeysMissing(f"{path} is no Ed25519 key")
    return CryptoSigner(key, SSlibKey.from_crypto(key.public_key()))
