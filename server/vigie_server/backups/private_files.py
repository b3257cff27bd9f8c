"""New files that their owner alone may read."""

import os
from pathlib import Path
from typing import IO


def new_private_file(path: Path) -> IO[bytes]:
    """Raises FileExistsError when there is one, and OSError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
