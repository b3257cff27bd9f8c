"""Whose work is inside what is built: each component with its version, licence and texts.

Of the server that is what requirements/server.txt pins. Of the agent, Python packages are found by
the files that were taken, and have to be its own needs as pinned in requirements/agent.txt: a tool
of the developer's environment that slipped in stops the build. Libraries are named by the package
of the system that brought them.
"""

import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from vigie_packaging.release import ROOT

_TEXT_NAMES: Final = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)
_SPDX_OF: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "MIT": "MIT",
    "PSF": "PSF-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
}
"""What packages without an SPDX expression write, and how they are classified then."""


class NotAccountedFor(Exception):
    """Something in the built agent is nobody's, or has no licence."""


@dataclass(frozen=True, slots=True)
class Component:
    """One work of others."""

    name: str
    version: str
    purl: str
    licence: str
    """An SPDX expression, or the words of its makers; empty where only its text says it."""
    texts: tuple[Path, ...]
    """Files with its licence."""
    bills: tuple[str, ...] = ()
    """What its makers tell of the libraries inside it: their own bills, among its files."""


def server_components() -> Sequence[Component]:
    """What a server is installed with, by name. Raises NotAccountedFor."""
    return [
        _of_package(metadata.distribution(name), version)
        for name, version in sorted(pinned("server.txt"))
    ]


def components(sources: Iterable[Path]) -> Sequence[Component]:
    """The works that `sources` are from, by name. Raises NotAccountedFor."""
    needs = dict(pinned("agent.txt"))
    owners = {
        Path(str(distribution.locate_file(file))).resolve(): distribution
        for distribution in map(metadata.distribution, needs)
        for file in distribution.files or ()
    }
    packages = Path(sysconfig.get_path("purelib"))
    found: dict[str, metadata.Distribution] = {}
    libraries: set[Path] = set()
    strange: list[str] = []
    for source in {source.resolve() for source in sources}:
        owner = owners.get(source)
        if owner is not None:
            found[canonicalize_name(owner.name)] = owner
        elif source.is_relative_to(packages.resolve()):
            strange.append(str(source.relative_to(packages.resolve())))
        elif ".so" in source.suffixes and not source.is_relative_to(_standard_library()):
            libraries.add(source)
    if strange:
        raise NotAccountedFor(
            f"not in requirements/agent.txt, but built in: {', '.join(sorted(strange)[:9])}; name "
            "them in LEFT_OUT (contents.py) or make them a need of the agent"
        )
    ours = [_of_python(), _of_bootloader()]
    taken = [_of_package(one, needs[name]) for name, one in found.items()]
    return sorted([*ours, *taken, *_of_system(libraries)], key=lambda one: one.name)


def pinned(file: str) -> Iterator[tuple[str, str]]:
    """The needs on this system, and their versions, in a file of `requirements`."""
    for line in (ROOT / "requirements" / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            need = Requirement(line.rstrip("\\"))
            if need.marker is None or need.marker.evaluate():
                yield canonicalize_name(need.name), str(need.specifier).removeprefix("==")


def _of_package(distribution: metadata.Distribution, version: str) -> Component:
    name = canonicalize_name(distribution.name)
    if distribution.version != version:
        raise NotAccountedFor(f"{name} {distribution.version} is installed, {version} is pinned")
    told = distribution.metadata
    words = (told["License-Expression"] or told["License"] or "").strip()
    if not words or "\n" in words:  # the whole text, or nothing
        classes = [one for one in told.get_all("Classifier", []) if one in _SPDX_OF]
        words = classes[0] if len(classes) == 1 else ""
    licence = _SPDX_OF.get(words, words)
    texts = _texts(distribution)
    if not texts and licence == "Apache-2.0":
        texts = (ROOT / "LICENSE",)  # the same text
    if not texts:
        raise NotAccountedFor(f"{name} brings no licence text")
    bills = tuple(
        file.as_posix() for file in distribution.files or () if ".dist-info/sboms/" in str(file)
    )
    return Component(name, version, f"pkg:pypi/{name}@{version}", licence, texts, bills)


def _texts(distribution: metadata.Distribution) -> tuple[Path, ...]:
    return tuple(
        Path(str(distribution.locate_file(file)))
        for file in sorted(distribution.files or ())
        if ".dist-info" in str(file) and _TEXT_NAMES.match(file.name)
    )


def _of_python() -> Component:
    version = platform.python_version()
    text = _standard_library() / "LICENSE.txt"
    if sys.platform == "win32":
        text = Path(sys.base_prefix) / "LICENSE.txt"
    if not text.is_file():  # Debian keeps it elsewhere
        short = ".".join(platform.python_version_tuple()[:2])
        text = Path(f"/usr/share/doc/python{short}/copyright")
    return Component(
        "cpython", version, f"pkg:generic/cpython@{version}", "PSF-2.0", (_there(text),)
    )


def _of_bootloader() -> Component:
    """PyInstaller's start: its licence lets what it starts have any licence."""
    distribution = metadata.distribution("pyinstaller")
    version = distribution.version
    licence = "GPL-2.0-or-later WITH Bootloader-exception"
    texts = _texts(distribution)
    if not texts:
        raise NotAccountedFor("PyInstaller brings no licence text")
    return Component("pyinstaller", version, f"pkg:pypi/pyinstaller@{version}", licence, texts)


def _of_system(libraries: Iterable[Path]) -> Iterator[Component]:
    """The Debian packages that the libraries are from; Python's own library is Python's."""
    names = sorted(str(one) for one in libraries if not one.name.startswith("libpython"))
    if not names:
        return
    packages = sorted({_owner(name) for name in names})
    form = "${binary:Package} ${Version} ${Architecture}\n"
    for line in _said("dpkg-query", "--show", f"--showformat={form}", *packages).splitlines():
        package, version, architecture = line.split()
        name = package.partition(":")[0]
        yield Component(
            name,
            version,
            f"pkg:deb/debian/{name}@{version}?arch={architecture}",
            "",
            (_there(Path(f"/usr/share/doc/{name}/copyright")),),
        )


def _owner(file: str) -> str:
    """The Debian package of a file; on a merged /usr it may be noted under /lib."""
    for path in (file, file.removeprefix("/usr")):
        try:
            return _said("dpkg", "--search", path).partition(": ")[0].split(",")[0]
        except subprocess.CalledProcessError:
            continue
    raise NotAccountedFor(f"{file} is of no package of this system: build on Debian or Ubuntu")


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _there(text: Path) -> Path:
    if not text.is_file():
        raise NotAccountedFor(f"there is no licence text {text}")
    return text


def _standard_library() -> Path:
    return Path(sysconfig.get_path("stdlib")).resolve()
