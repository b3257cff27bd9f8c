"""The agent as a device has it: an environment with what its extra brings, and nothing else.

Beside the server's and the tools' packages the agent would load some of them (structlog takes rich
where it finds it), and what is measured would be of no device.
"""

import sysconfig
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench.processes import ROOT

PROGRAM = "from vigie_agent.cli.main import main; main(prog_name='vigie-agent')"


def agent_alone(folder: Path) -> tuple[str, ...]:
    """The command that runs the agent of this checkout in an environment made in `folder`.

    The packages are links to the installed ones: what is measured is what was tested.
    """
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    packages = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)}))
    for name in sorted(_needed("vigie", frozenset({"agent"}))):
        for entry in _entries(metadata.distribution(name)):
            link = packages / entry.name
            if not link.exists():
                link.symlink_to(entry)
    (packages / "checkout.pth").write_text(f"{ROOT / 'agent'}\n{ROOT / 'proto'}\n")
    return (str(folder / "bin" / "python"), "-c", PROGRAM)


def _needed(name: str, extras: frozenset[str]) -> set[str]:
    """The distribution and all that it requires on this machine."""
    found: set[str] = {canonicalize_name(name)}
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            found |= _needed(requirement.name, frozenset(requirement.extras))
    return found


def _entries(distribution: metadata.Distribution) -> Iterator[Path]:
    """The files and folders of a distribution that lie directly in `site-packages`."""
    names = {file.parts[0] for file in distribution.files or ()}
    for name in sorted(names - {"..", "__pycache__"}):
        if not name.endswith(".pth"):
            yield Path(str(distribution.locate_file(name)))
