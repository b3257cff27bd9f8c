"""How the private key lies on disk: as it is under file modes, or sealed by the system.

Linux and macOS: a file of mode 0600 in a folder of mode 0700; whoever can read it is root. macOS's
Keychain would ask a person for leave, so a daemon gains nothing by it. Windows: DPAPI with the
machine's key, so that a copy of the disk is of no use elsewhere. The Windows half follows
`CryptProtectData`'s documentation and has not run on Windows yet.
"""

import sys
from typing import Protocol


class Protection(Protocol):
    """Seals bytes for the disk. Raises OSError when the system will not."""

    def seal(self, plain: bytes) -> bytes: ...

    def unseal(self, sealed: bytes) -> bytes: ...


class FileModes:
    """Nothing beyond the mode of the file."""

    def seal(self, plain: bytes) -> bytes:
        return plain

    def unseal(self, sealed: bytes) -> bytes:
        return sealed


def system_protection() -> Protection:
    """What this system offers."""
    if sys.platform == "win32":
        from vigie_agent.identity.dpapi import Dpapi  # noqa: PLC0415 (only Windows has it)

        return Dpapi()
    return FileModes()
