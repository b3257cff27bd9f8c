"""The device's identity in one file, so that key and certificates can never be of two ages.

The file is replaced at once (written beside, flushed, renamed, folder flushed): a power cut leaves
the old identity or the new one.

An identity is checked with cryptography before it is kept, and kept with its validity and a digest.
Loading one whose digest is right needs no cryptography, which the agent would otherwise hold all
day (8 MB) for what it does once in a month.
"""

import json
import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final

from vigie_agent.domain.errors import IdentityUnusable
from vigie_agent.domain.identity import Identity, Issued
from vigie_agent.identity.protection import Protection

_FILE: Final = "identity.json"
_FORMAT: Final = 1
_LARGEST: Final = 1024 * 1024


class IdentityFiles:
    """See `vigie_agent.ports.KeyStore`. `folder` is made with mode 0700, its file with 0600."""

    def __init__(self, folder: Path, protection: Protection) -> None:
        self._folder = folder
        self._protection = protection

    def load(self) -> Identity | None:
        try:
            with (self._folder / _FILE).open("rb") as file:
                written = json.loads(file.read(_LARGEST))
            return self._read(written)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise IdentityUnusable(f"the identity cannot be read: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IdentityUnusable(
                f"the identity in {self._folder} is damaged ({error}): run `vigie-agent unenroll`, "
                "then `vigie-agent enroll` with a new token"
            ) from error

    def save(self, issued: Issued, key: bytes) -> Identity:
        from vigie_agent.identity import checking  # noqa: PLC0415 (cryptography: see above)

        identity = checking.checked_identity(issued, key)
        try:
            self._replace(json.dumps(self._written(identity), indent=1).encode())
        except OSError as error:
            raise IdentityUnusable(f"the identity cannot be kept: {error}") from error
        return identity

    def erase(self) -> None:
        try:
            for path in self._folder.glob(f"{_FILE}*"):
                path.unlink()
        except OSError as error:
            raise IdentityUnusable(f"the identity cannot be erased: {error}") from error

    def new_key(self) -> bytes:
        from vigie_agent.identity import keys  # noqa: PLC0415 (cryptography: see above)

        return keys.new_key()

    def signing_request(self, key: bytes) -> bytes:
        from vigie_agent.identity import keys  # noqa: PLC0415 (cryptography: see above)

        return keys.signing_request(key)

    def sign(self, key: bytes, message: bytes) -> bytes:
        from vigie_agent.identity import keys  # noqa: PLC0415 (cryptography: see above)

        return keys.signature(key, message)

    def _written(self, identity: Identity) -> dict[str, object]:
        issued = identity.issued
        written: dict[str, object] = {
            "format": _FORMAT,
            "device_id": issued.device_id,
            "certificate_chain": [_text(der) for der in issued.certificate_chain],
            "trust_bundle": [_text(der) for der in issued.trust_bundle],
            "telemetry_endpoints": list(issued.telemetry_endpoints),
            "enrolment_endpoints": list(issued.enrolment_endpoints),
            "key": _text(self._protection.seal(identity.key)),
            "not_before": identity.not_before.isoformat(),
            "not_after": identity.not_after.isoformat(),
        }
        return written | {"digest": _digest(written)}

    def _read(self, written: Mapping[str, object]) -> Identity:
        if written["format"] != _FORMAT:
            raise ValueError("it is of another version")
        issued = Issued(
            device_id=str(written["device_id"]),
            certificate_chain=tuple(map(b64decode, _texts(written["certificate_chain"]))),
            trust_bundle=tuple(map(b64decode, _texts(written["trust_bundle"]))),
            telemetry_endpoints=_texts(written["telemetry_endpoints"]),
            enrolment_endpoints=_texts(written["enrolment_endpoints"]),
        )
        key = self._protection.unseal(b64decode(str(written["key"])))
        if "digest" not in written:
            return self._unchecked(issued, key)
        if written["digest"] != _digest(written):
            raise ValueError("its content does not fit its digest")
        return Identity(
            issued=issued,
            key=key,
            not_before=datetime.fromisoformat(str(written["not_before"])),
            not_after=datetime.fromisoformat(str(written["not_after"])),
        )

    @staticmethod
    def _unchecked(issued: Issued, key: bytes) -> Identity:
        """An identity that an agent kept before identities had a digest."""
        from vigie_agent.identity import checking  # noqa: PLC0415 (cryptography: see above)

        return checking.checked_identity(issued, key)

    def _replace(self, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        new = self._folder / f"{_FILE}.new"
        new.unlink(missing_ok=True)  # one left by a power cut may have another mode
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / _FILE)
        _flush_folder(self._folder)


def _digest(written: Mapping[str, object]) -> str:
    """BLAKE2b-128 of all but the digest itself."""
    content = {name: value for name, value in written.items() if name != "digest"}
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def _text(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("a list is missing")
    return tuple(map(str, value))


def _flush_folder(folder: Path) -> None:
    """Makes the rename itself durable. Windows has no such call: NTFS journals the rename."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
