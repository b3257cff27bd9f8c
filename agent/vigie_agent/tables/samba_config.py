"""What Samba's smb.conf offers: shares, guests, and the oldest protocol it speaks. Pure.

Words of the file are read as Samba reads them: without regard to case and to spaces in a name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.config_text import Grammar, config_lines

_YES: Final = frozenset({"yes", "true", "1", "on"})
_OLD_PROTOCOLS: Final = frozenset({"nt1", "lanman2", "lanman1", "coreplus", "core", "cifs"})
_SAFE_SINCE: Final = (4, 11)  # the first release that speaks SMB2 and newer unless told otherwise
_RELEASE: Final = re.compile(r"\b(\d{1,9})\.(\d{1,9})")
_PRINTING: Final = frozenset({"printers", "print$"})
_SYNONYMS: Final = {
    "minprotocol": "serverminprotocol",
    "public": "guestok",
    "onlyguest": "guestonly",
    "printok": "printable",
    "directory": "path",
}


@dataclass(frozen=True, slots=True)
class Share:
    """A folder that is offered. `guests`: without saying who one is."""

    name: str
    guests: bool


@dataclass(frozen=True, slots=True)
class SambaConfig:
    """smb.conf in short. `elsewhere`: what it takes from other places, which were not read."""

    shares: tuple[Share, ...]
    min_protocol: str
    security: str
    realm: str
    workgroup: str
    elsewhere: tuple[str, ...]


def read_samba(text: str) -> SambaConfig:
    """What an smb.conf says. A share that is switched off or only prints is none."""
    sections: dict[str, dict[str, str]] = {}
    titles: dict[str, str] = {}
    elsewhere: list[str] = []
    for line in config_lines(text, Grammar.INI):
        section, key = line.section.strip().lower(), _word(line.key)
        titles.setdefault(section, line.section.strip())
        values = sections.setdefault(section, {})
        if key in {"include", "configfile"} or (key, line.value.lower()) in {
            ("configbackend", "registry"),
            ("registryshares", "yes"),
        }:
            elsewhere.append(f"{line.key} = {line.value}")
        values[_SYNONYMS.get(key, key)] = line.value.strip()
    general = sections.get("global", {})
    return SambaConfig(
        shares=tuple(
            Share(titles[name], _on(values, general, "guestok"))
            for name, values in sections.items()
            if name not in {"global", "", *_PRINTING} and _is_offered(values, general)
        ),
        min_protocol=general.get("serverminprotocol", ""),
        security=general.get("security", "").lower(),
        realm=general.get("realm", ""),
        workgroup=general.get("workgroup", ""),
        elsewhere=tuple(elsewhere),
    )


def speaks_smb1(config: SambaConfig, printed_version: str) -> bool | None:
    """Whether the server still speaks SMBv1; None when the file is silent and so is the program."""
    if config.min_protocol:
        return config.min_protocol.lower() in _OLD_PROTOCOLS
    release = _RELEASE.search(printed_version)
    return None if release is None else (int(release[1]), int(release[2])) < _SAFE_SINCE


def _word(key: str) -> str:
    return key.replace(" ", "").replace("_", "").replace("\t", "").lower()


def _on(values: Mapping[str, str], general: Mapping[str, str], key: str) -> bool:
    return values.get(key, general.get(key, "no")).lower() in _YES


def _is_offered(values: Mapping[str, str], general: Mapping[str, str]) -> bool:
    available = values.get("available", general.get("available", "yes")).lower() in _YES
    return available and not _on(values, general, "printable")
