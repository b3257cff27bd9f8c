"""Reports filed in a folder, one folder a month: `2026-02/les-tilleuls-3f1c9a20-fr.pdf`.

Those of bodies and regions lie in `2026-02/bodies` and `2026-02/regions`.
"""

import os
import re
import shutil
from hashlib import blake2b
from pathlib import Path
from typing import Final

from vigie_server.domain.facility_report.content import Kind
from vigie_server.domain.suggesting import folded
from vigie_server.ports.reporting import Filed

_MONTH: Final = re.compile(r"[0-9]{4}-[0-9]{2}")
_FOLDERS: Final = {Kind.SITE: "", Kind.BODY: "bodies", Kind.REGION: "regions"}
_SHOWN: Final = 60
"""Characters of a name in the name of its file; the digest tells names apart."""


class ReportFolder:
    """The `Shelf`. Only folders that are named like months are ever taken away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holds(self, month: str, what: Filed) -> bool:
        return self._file(month, what).is_file()

    def put(self, month: str, what: Filed, content: bytes) -> None:
        path = self._file(month, what)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def clear_before(self, month: str) -> int:
        if not self._folder.is_dir():
            return 0
        old = [
            path
            for path in self._folder.iterdir()
            if _MONTH.fullmatch(path.name) and path.name < month and not path.is_symlink()
        ]
        for path in old:
            shutil.rmtree(path)
        return len(old)

    def _file(self, month: str, what: Filed) -> Path:
        words = re.sub(r"[^a-z0-9]+", "-", folded(what.name)).strip("-")[:_SHOWN] or "x"
        digest = blake2b(what.name.encode(), digest_size=4).hexdigest()
        folder = self._folder / month / _FOLDERS[what.kind]
        return folder / f"{words}-{digest}-{what.language}.{what.form}"
