"""The committed stubs are what the `.proto` files generate today."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def generated(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text("utf-8")
        for path in sorted(folder.glob("vigie/v1/*_pb2*"))
        if path.suffix in {".py", ".pyi"}
    }


def test_the_committed_stubs_are_those_that_make_proto_writes(tmp_path: Path) -> None:
    for name in ("Makefile", "proto"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    for stub in (tmp_path / "proto/vigie/v1").glob("*_pb2*"):
        stub.unlink()
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")

    subprocess.run(
        ["make", "--silent", "--assume-old=.venv/.ready", "proto"], cwd=tmp_path, check=True
    )

    assert generated(tmp_path / "proto") == generated(ROOT / "proto")
