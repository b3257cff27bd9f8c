"""The time servers in the files of chrony, ntpd and openntpd. Pure."""

from dataclasses import dataclass
from typing import Final

_SERVERS: Final = frozenset({"server", "pool", "peer", "servers"})
_SUFFIXES: Final = {"confdir": ".conf", "sourcedir": ".sources"}
_CLOCKS: Final = "127.127."  # how ntpd names clocks of the machine
_OWN: Final = "127.127.1."


@dataclass(frozen=True, slots=True)
class TimeSources:
    """Servers by name, clocks of the machine itself, and what else a file has read."""

    servers: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    folders: tuple[tuple[str, str], ...] = ()  # folder, and how its files end


def read_time_sources(text: str) -> TimeSources:
    """The sources in a file; ntpd's own clock (127.127.1.0) is none, it keeps what it has."""
    lines = [line.split() for line in text.splitlines()]
    said = [(words[0].lower(), words[1:]) for words in lines if len(words) > 1]
    named = [names[0] for word, names in said if word in _SERVERS]
    return TimeSources(
        servers=tuple(name for name in named if not name.startswith(_CLOCKS)),
        clocks=(
            *(name for name in named if name.startswith(_CLOCKS) and not name.startswith(_OWN)),
            *(" ".join(names[:2]) for word, names in said if word == "refclock"),
            *(names[0] for word, names in said if word == "sensor"),
        ),
        files=tuple(names[0] for word, names in said if word in {"include", "includefile"}),
        folders=tuple(
            (name.rstrip("/"), _SUFFIXES[word])
            for word, names in said
            if word in _SUFFIXES
            for name in names
        ),
    )
