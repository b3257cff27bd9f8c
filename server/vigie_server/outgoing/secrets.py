"""Where secrets of notices are: files in one folder, or environment variables of one prefix.

So nobody who may declare a recipient can have another file of the server read.
"""

import os
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 10_000


class NoSecret(Exception):
    """The text says what is missing, never what is there."""


def secret_of(reference: str, folder: Path) -> bytes:
    """The secret of `file:NAME` or `env:NAME`, without white space around. Raises NoSecret."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        secret = os.environ.get(name, "").encode()
    else:
        secret = secret_in(folder / Path(name).name)
    if not secret.strip():
        raise NoSecret(f"the secret {kind}:{name} is empty or missing")
    return secret.strip()


def secret_in(path: Path) -> bytes:
    """What the file holds. Raises NoSecret."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        raise NoSecret(f"the secret in {path.name}: {error.strerror}") from error
