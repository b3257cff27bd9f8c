"""A channel that lies in a folder: on a USB stick, on a share."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie_agent.domain.errors import LinkLost, NotPublished

_PIECE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class FolderSource:
    """See `vigie_agent.ports.UpdateSource`."""

    folder: Path

    def read(self, name: str, *, offset: int = 0) -> Iterator[bytes]:
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise NotPublished(f"{name} is not in the channel")
        try:
            with path.open("rb") as file:
                file.seek(offset)
                while piece := file.read(_PIECE_BYTES):
                    yield piece
        except FileNotFoundError as error:
            raise NotPublished(f"{name} is not in the channel") from error
        except OSError as error:
            raise LinkLost(f"{path} cannot be read: {error}") from error
