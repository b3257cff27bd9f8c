"""What rsyslog does with what it gets: files it writes, machines it sends to. Pure.

Three ways of writing live side by side in one file: `*.* @@host:514` of old, `$Directives` that
hold for the actions after them, and RainerScript, `action(type="omfwd" target="host")`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.log_targets import LogTarget

_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|#[^\n]*')
_CONTINUED: Final = re.compile(r"\\\n\s*")
_CALL: Final = re.compile(r"(?<![\w.$])(action|include)\s*\(", re.IGNORECASE)
_PAIR: Final = re.compile(
    r'([\w.]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|(\[[^\]]*\])|([^\s"()\[\]]+))', re.IGNORECASE
)
_QUOTED: Final = re.compile(r'"((?:\\.|[^"\\])*)"')
_SELECTOR: Final = re.compile(
    r"^\s*(?:&|:[^,\s]+\s*,.*?\"[^\"]*\"|[\w*,;!=]+\.[\w*,.;!=]+)\s+(\S.*)$"
)
_THEN: Final = re.compile(r"\bthen\s+(?:\{\s*)?(?=[@/?:-])")
_IN_BLOCK: Final = re.compile(r"^\s*(?:\}?\s*(?:else\s*)?\{\s*)?(?=@@?[\w(\[]|-?/\w|:omrelp:)")
_OLD: Final = re.compile(
    r"^(?P<at>@@?)(?:\([^)]*\))?(?P<host>\[[^\]]+\]|[^\s:;\[\]]+)(?::(?P<port>\d+))?"
)
_OLD_RELP: Final = re.compile(r"^:omrelp:(?P<host>[^\s:;]+)(?::(?P<port>\d+))?")
_TLS_DRIVERS: Final = frozenset({"gtls", "ossl", "mbedtls"})
_SERVER_KEYS: Final = {
    "omelasticsearch": "server",
    "omhttp": "server",
    "omkafka": "broker",
    "omgelf": "target",
}


@dataclass(frozen=True, slots=True)
class Rsyslog:
    """What one file makes of the messages, and the patterns of the files it includes."""

    targets: tuple[LogTarget, ...] = ()
    writes_files: bool = False
    includes: tuple[str, ...] = ()


def read_rsyslog(text: str) -> Rsyslog:
    """The actions in a configuration file; what cannot be understood is left out."""
    plain = _CONTINUED.sub(" ", _COMMENT.sub(lambda found: found[1] or "", text))
    targets, includes, files = list[LogTarget](), list[str](), False
    for kind, arguments in _calls(plain):
        said = _arguments(arguments)
        if kind == "include":
            includes += said.get("file", ())
        elif said.get("type") == ("omfile",):
            files = True
        else:
            targets += _of_action(said)
    tls = False
    for line in _without_calls(plain).splitlines():
        directive = line.strip().lower().split()
        match directive:
            case ["$includeconfig", _]:
                includes.append(line.split()[1].strip('"'))
            case ["$actionsendstreamdrivermode", mode]:
                tls = mode == "1"
            case _:
                action = _old_action(line)
                files = files or action.startswith(("/", "-/", "?", "-?"))
                targets += _of_old(action, tls=tls)
    return Rsyslog(tuple(targets), files, tuple(includes))


def _calls(text: str) -> Iterator[tuple[str, str]]:
    for found in _CALL.finditer(text):
        end = _closing(text, found.end())
        yield found[1].lower(), text[found.end() : end]


def _without_calls(text: str) -> str:
    kept, start = [], 0
    for found in _CALL.finditer(text):
        if found.start() >= start:
            kept.append(text[start : found.start()])
            start = _closing(text, found.end()) + 1
    return "".join([*kept, text[start:]])


def _closing(text: str, start: int) -> int:
    """Where the bracket that was opened before `start` closes; the end where it never does."""
    depth, quoted = 1, False
    for place in range(start, len(text)):
        sign = text[place]
        if sign == '"' and text[place - 1] != "\\":
            quoted = not quoted
        elif not quoted and sign in "()":
            depth += 1 if sign == "(" else -1
            if depth == 0:
                return place
    return len(text)


def _arguments(text: str) -> Mapping[str, tuple[str, ...]]:
    """`key="value"` and `key=["one", "two"]`; keys and plain words in small letters."""
    found = dict[str, tuple[str, ...]]()
    for key, quoted, many, word in _PAIR.findall(text):
        name = key.lower()
        if many:
            found[name] = tuple(_QUOTED.findall(many))
        else:
            found[name] = ((quoted or word).strip(),)
    return {
        name: tuple(value.lower() for value in values) if name in {"type", "protocol"} else values
        for name, values in found.items()
    }


def _of_action(said: Mapping[str, tuple[str, ...]]) -> Iterator[LogTarget]:
    (kind, *_) = said.get("type", ("",))
    ports = said.get("port", ("",))
    port = ports[0]
    if kind == "omfwd":
        protocol = said.get("protocol", ("udp",))[0]
        driver = said.get("streamdriver", said.get("streamdriver.name", ("",)))[0].lower()
        mode = said.get("streamdrivermode", said.get("streamdriver.mode", ("",)))[0]
        tls = protocol == "tcp" and mode == "1" and driver in {*_TLS_DRIVERS, ""}
        for host in said.get("target", ()):
            yield LogTarget(host, port or "514", protocol, tls)
    elif kind == "omrelp":
        tls = said.get("tls", ("off",))[0].lower() == "on"
        for host in said.get("target", ()):
            yield LogTarget(host, port or "514", "relp", tls)
    elif kind in _SERVER_KEYS:
        for server in said.get(_SERVER_KEYS[kind], ()):
            yield _of_url(server, port, kind.removeprefix("om"))


def _of_url(server: str, port: str, protocol: str) -> LogTarget:
    scheme, _, rest = server.rpartition("://")
    place = rest.partition("/")[0].rpartition("@")[2]
    host, _, own_port = place.rpartition(":") if place.count(":") == 1 else (place, "", "")
    return LogTarget(host, own_port or port, protocol, scheme == "https" if scheme else None)


def _old_action(line: str) -> str:
    found = _SELECTOR.match(line)
    if found:
        return found[1].strip()
    then = _THEN.search(line) or _IN_BLOCK.match(line)
    return line[then.end() :].strip() if then else ""


def _of_old(action: str, *, tls: bool) -> Iterator[LogTarget]:
    if found := _OLD.match(action):
        protocol = "tcp" if found["at"] == "@@" else "udp"
        yield LogTarget(
            found["host"].strip("[]"), found["port"] or "514", protocol, tls and protocol == "tcp"
        )
    elif found := _OLD_RELP.match(action):
        yield LogTarget(found["host"], found["port"] or "514", "relp", encrypted=False)
