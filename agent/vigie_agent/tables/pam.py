"""PAM stacks: which modules a service asks, in order, with every include followed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.allowed_files import read_allowed
from vigie_agent.tables.config_text import ConfigLine
from vigie_agent.tables.host import Host

_MAX_DEPTH: Final = 16
_LINE: Final = re.compile(
    r"-?(?P<kind>auth|account|password|session)\s+"
    r"(?P<control>\[[^\]]*\]|\S+)\s+"
    r"(?P<module>\S+)\s*(?P<arguments>.*)"
)
_SERVICE: Final = re.compile(r"[\w.+-]+")

ReadService = Callable[[str], tuple[str, tuple[ConfigLine, ...]] | None]
"""A service's file by name: its path and its lines; None when there is none. Raises OSError."""


@dataclass(frozen=True, slots=True)
class PamModule:
    """One module of a stack. `name` is without folder and `.so`; `source` is the file it is in."""

    name: str
    control: str
    arguments: tuple[str, ...]
    source: str

    def argument(self, key: str) -> str | None:
        """The value of `key=value`, empty for a bare `key`, None when it is not there."""
        for argument in reversed(self.arguments):
            name, _, value = argument.partition("=")
            if name == key:
                return value
        return None

    @property
    def decides(self) -> bool:
        """Whether its refusal counts: an optional module's does not."""
        return self.control != "optional"


def stack(service: str, kind: str, read: ReadService) -> tuple[PamModule, ...]:
    """The modules of `kind` (auth, account, password, session) that `service` asks, in order.

    Raises OSError for a file that is there and cannot be read.
    """
    name = service if read(service) is not None else "other"
    return tuple(_modules(name, kind, read, depth=0))


def service_reader(host: Host) -> ReadService:
    """Reads services from the folders where PAM looks, the administrator's first."""

    def read(service: str) -> tuple[str, tuple[ConfigLine, ...]] | None:
        if not _SERVICE.fullmatch(service):
            return None
        for folder in ("/etc/pam.d", "/usr/lib/pam.d"):
            path = f"{folder}/{service}"
            try:
                return path, read_allowed(host, path)
            except FileNotFoundError:
                continue
        return None

    return read


def _modules(service: str, kind: str, read: ReadService, *, depth: int) -> Iterator[PamModule]:
    found = read(service) if depth < _MAX_DEPTH else None
    if found is None:
        return
    path, lines = found
    for line in lines:
        if line.key == "@include":
            yield from _modules(_file_name(line.value), kind, read, depth=depth + 1)
            continue
        parsed = _LINE.match(line.line)
        if parsed is None or parsed["kind"] != kind:
            continue
        if parsed["control"] in {"include", "substack"}:
            yield from _modules(_file_name(parsed["module"]), kind, read, depth=depth + 1)
            continue
        yield PamModule(
            name=_file_name(parsed["module"]).removesuffix(".so"),
            control=parsed["control"],
            arguments=tuple(parsed["arguments"].split()),
            source=path,
        )


def _file_name(path: str) -> str:
    return path.strip().rpartition("/")[2]
