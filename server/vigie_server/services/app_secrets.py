"""Secrets of apps for one-time codes, as the store keeps them: AES-256-GCM, under a named key.

A kept secret is `sealed1:<key>:<base64url of nonce and ciphertext>`. The name of the key is a part
of its own digest, so that one kept under another key is told apart from one that is damaged. What
is kept in another form is from before: it is read as it is, and sealed when the server starts.
"""

import base64
import secrets as random
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vigie_server.domain.errors import SecretUnreadable

PURPOSE: Final = b"vigie secrets of one-time codes"
"""What the key is derived for."""
_FORM: Final = "sealed1"
_NONCE_BYTES: Final = 12

log = structlog.get_logger()


class HeldSecrets(Protocol):
    """The store's secrets of apps. Blocking."""

    def app_secrets(self) -> list[str]:
        """Every one, as it is kept."""
        ...

    def replace_app_secrets(self, replaced: dict[str, str]) -> int:
        """Keeps each of these otherwise, in one transaction; gives how many there were."""
        ...


class AppSecrets:
    """Seals and opens secrets with a key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.key_name = sha256(b"vigie key name\0" + key).hexdigest()[:8]

    def sealed(self, secret: str, *, of: str = "app") -> str:
        """The secret as the store may keep it; `of`: what it is, which opening must say too."""
        nonce = random.token_bytes(_NONCE_BYTES)
        kept = nonce + self._cipher.encrypt(nonce, secret.encode(), of.encode())
        return f"{_FORM}:{self.key_name}:{base64.urlsafe_b64encode(kept).decode()}"

    def opened(self, kept: str, *, of: str = "app") -> str:
        """The secret. Raises SecretUnreadable: another key's, or damaged."""
        if not self.is_sealed(kept):
            return kept
        _, name, text = kept.split(":", 2)
        if name != self.key_name:
            raise SecretUnreadable(
                f"it is encrypted under the key {name} of another authority than this server's "
                f"({self.key_name}): put that folder `ca` back, `vigie-server account rekey --from "
                "FOLDER` where the authority was replaced, or `account reset` the person"
            )
        try:
            content = base64.urlsafe_b64decode(text)
            nonce, cipher = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, cipher, of.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SecretUnreadable("it is damaged: `account reset` the person") from error

    def is_sealed(self, kept: str) -> bool:
        """Whether it is encrypted, under whatever key."""
        return kept.startswith(f"{_FORM}:")

    def is_own(self, kept: str) -> bool:
        """Whether it is encrypted under this key."""
        return kept.startswith(f"{_FORM}:{self.key_name}:")


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets were sealed anew, and how many no key at hand opens."""

    sealed: int
    unreadable: int


def reseal(store: HeldSecrets, own: AppSecrets, former: AppSecrets | None = None) -> Resealed:
    """Seals what is kept in clear, and what `former` opens, with our own key.

    It may be done again, and by several servers at once.
    """
    replaced, unreadable = {}, 0
    for kept in store.app_secrets():
        if own.is_own(kept):
            continue
        try:
            if own.is_sealed(kept) and former is not None and former.is_own(kept):
                replaced[kept] = own.sealed(former.opened(kept))
            else:
                replaced[kept] = own.sealed(own.opened(kept))
        except SecretUnreadable:
            unreadable += 1
    sealed = store.replace_app_secrets(replaced) if replaced else 0
    if sealed:
        log.info("app_secrets_sealed", secrets=sealed, key=own.key_name)
    if unreadable:
        log.error(
            "app_secrets_unreadable",
            secrets=unreadable,
            key=own.key_name,
            todo="put the folder `ca` back that they are of, or `vigie-server account rekey`",
        )
    return Resealed(sealed, unreadable)
