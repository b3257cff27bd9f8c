"""What syslog-ng does with what it gets: only destinations that a log path names count. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.log_targets import LogTarget

_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|#[^\n]*')
_BLOCK: Final = re.compile(r"(?<![\w-])(destination|log)(?:\s+([\w.-]+))?\s*\{")
_NAMED: Final = re.compile(r"(?<![\w-])destination\s*\(\s*\"?([\w.-]+)\"?\s*\)")
_DRIVER: Final = re.compile(
    r"(?<![\w-])(network|syslog|tcp6?|udp6?|file|elasticsearch-http|http|loki)\s*\("
)
_HOST: Final = re.compile(r"^\s*\"([^\"]*)\"|^\s*([\w.:-]+)")
_INCLUDE: Final = re.compile(r'^\s*@include\s+"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SyslogNg:
    """What a configuration makes of the messages, and the patterns of the files it includes."""

    targets: tuple[LogTarget, ...] = ()
    writes_files: bool = False
    includes: tuple[str, ...] = ()


def read_syslog_ng(text: str) -> SyslogNg:
    """The drivers of the destinations that are used; what cannot be understood is left out."""
    plain = _COMMENT.sub(lambda found: found[1] or "", text)
    destinations, used = dict[str, str](), set[str]()
    for kind, name, body in _blocks(plain):
        if kind == "destination" and name:
            destinations[name] = body
        elif kind == "log":
            used |= set(_NAMED.findall(body))
            # A destination may stand in the log path itself.
            destinations |= {f"{len(destinations)} inline": b for _, _, b in _blocks(body)}
    inline = {name for name in destinations if name.endswith(" inline")}
    drivers = [
        driver
        for name, body in destinations.items()
        if name in used | inline
        for driver in _drivers(body)
    ]
    return SyslogNg(
        tuple(target for kind, body in drivers for target in _target(kind, body)),
        any(kind == "file" for kind, _ in drivers),
        tuple(_INCLUDE.findall(plain)),
    )


def _blocks(text: str) -> Iterator[tuple[str, str, str]]:
    for found in _BLOCK.finditer(text):
        yield found[1], found[2] or "", text[found.end() : _closing(text, found.end(), "{}")]


def _drivers(text: str) -> Iterator[tuple[str, str]]:
    for found in _DRIVER.finditer(text):
        yield found[1], text[found.end() : _closing(text, found.end(), "()")]


def _target(kind: str, body: str) -> Iterator[LogTarget]:
    if kind == "file":
        return
    host = _HOST.match(body)
    name = (host[1] or host[2] or "") if host else ""
    if kind in {"http", "elasticsearch-http", "loki"}:
        url = re.search(r"url\s*\(\s*\"([^\"]+)\"", body)
        scheme, _, rest = (url[1] if url else "").partition("://")
        if rest:
            place = rest.partition("/")[0].rpartition("@")[2]
            yield LogTarget(
                place.partition(":")[0], place.partition(":")[2], kind, scheme == "https"
            )
        return
    port = re.search(r"(?<!\w)port\s*\(\s*\"?(\d+)", body)
    transport = re.search(r"transport\s*\(\s*\"?([\w-]+)", body)
    default = "udp" if kind.startswith("udp") else "tcp"
    protocol = (transport[1] if transport else default).lower()
    tls = protocol == "tls" or protocol.endswith("encrypted") or re.search(r"(?<!\w)tls\s*\(", body)
    if name:
        yield LogTarget(name, port[1] if port else "514", protocol, bool(tls))


def _closing(text: str, start: int, signs: str) -> int:
    """Where the bracket that was opened before `start` closes; the end where it never does."""
    depth, quoted = 1, False
    for place in range(start, len(text)):
        sign = text[place]
        if sign == '"' and text[place - 1] != "\\":
            quoted = not quoted
        elif not quoted and sign in signs:
            depth += 1 if sign == signs[0] else -1
            if depth == 0:
                return place
    return len(text)
