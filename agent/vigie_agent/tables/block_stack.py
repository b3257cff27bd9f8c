"""How block devices lie on one another, from /sys, and where encryption lies between.

Every parent is followed: a volume over one clear and one encrypted disk is not encrypted. A disk
that encrypts itself shows no sign of it here.
"""

from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there, real_path

_MAX_DEPTH: Final = 32
_CIPHERS: Final = frozenset(
    {"LUKS1", "LUKS2", "PLAIN", "LOOPAES", "TCRYPT", "BITLK", "FVAULT2", "TEMP"}
)
"""The kinds of dm-crypt that hide data; VERITY and INTEGRITY only watch over it."""


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """A device and what it lies on. `label` does not change from one boot to the next."""

    name: str
    label: str
    cipher: str
    parents: tuple["BlockDevice", ...]

    @property
    def encrypted(self) -> bool:
        """Whether every way down to a disk crosses encryption."""
        if self.cipher:
            return True
        return bool(self.parents) and all(parent.encrypted for parent in self.parents)

    @property
    def methods(self) -> frozenset[str]:
        """The kinds of encryption met first on the ways down."""
        if self.cipher:
            return frozenset({self.cipher})
        return frozenset().union(*(parent.methods for parent in self.parents))

    def __str__(self) -> str:
        own = f"{self.label} ({self.cipher})" if self.cipher else self.label
        below = " | ".join(str(parent) for parent in self.parents)
        return f"{own} < {f'[{below}]' if len(self.parents) > 1 else below}" if below else own


def device_by_number(host: Host, number: str) -> BlockDevice | None:
    """The device `major:minor` with all that it lies on; None when /sys does not know it."""
    try:
        folder = real_path(host, f"/sys/dev/block/{number}")
    except OSError:
        return None
    name = folder.rpartition("/")[2]
    return device_by_name(host, name) if name != number else None


def device_by_path(host: Host, path: str) -> BlockDevice | None:
    """The device that `path` (below /dev) names, links followed; None when /sys lacks it."""
    try:
        return device_by_name(host, real_path(host, path).rpartition("/")[2])
    except OSError:
        return None


def device_by_name(host: Host, name: str) -> BlockDevice | None:
    """The device the kernel calls `name` (sda1, dm-0); None when /sys does not know it."""
    return _device(host, name, depth=0) if is_there(host, f"/sys/class/block/{name}") else None


def _device(host: Host, name: str, *, depth: int) -> BlockDevice:
    folder = f"/sys/class/block/{name}"
    kind, _, rest = host.text_or_empty(f"{folder}/dm/uuid").strip().partition("-")
    cipher = rest.partition("-")[0] if kind == "CRYPT" else ""
    below = _parents(host, folder) if depth < _MAX_DEPTH else ()
    return BlockDevice(
        name=name,
        label=host.text_or_empty(f"{folder}/dm/name").strip() or name,
        cipher=cipher if cipher in _CIPHERS else "",
        parents=tuple(_device(host, parent, depth=depth + 1) for parent in below),
    )


def _parents(host: Host, folder: str) -> tuple[str, ...]:
    try:
        slaves = sorted(item.name for item in host.path(f"{folder}/slaves").iterdir())
    except OSError:
        slaves = []
    if not slaves and is_there(host, f"{folder}/partition"):
        # A partition's folder lies in its disk's.
        return (real_path(host, folder).split("/")[-2],)
    return tuple(slaves)
