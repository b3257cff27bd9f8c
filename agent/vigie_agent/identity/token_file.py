"""The file in which an installer leaves an enrolment token. It is erased once the token is used."""

import os
from pathlib import Path
from typing import Final

from vigie_agent.domain.errors import TokenMalformed

_LARGEST: Final = 64 * 1024


def token_in(path: Path) -> str:
    """The text of the file. Raises TokenMalformed when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8-sig")
    except FileNotFoundError:
        raise TokenMalformed(f"there is no token file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TokenMalformed(f"the token file {path} cannot be read: {error}") from error


def erase_token(path: Path) -> None:
    """Overwrites the file and removes it. Raises OSError."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"\0" * size)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
