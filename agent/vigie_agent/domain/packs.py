"""Packs: osquery's own format, unmodified, with three keys of ours that tie a query to its topic.

A pack whose text is not JSON cannot be read and raises. A query of it that osqueryd would leave out
(no SQL, an impossible interval) is left out here too and told in `problems`, so that one bad query
costs no other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha1
from typing import Final

from vigie_agent.domain.pack_text import line_of_key, read_json

LONGEST_INTERVAL: Final = timedelta(days=7)
"""osqueryd's own bound: it leaves out a query with a longer interval."""

DEFAULT_INTERVAL: Final = timedelta(hours=1)
"""osqueryd's `schedule_default_interval`, for a query that names none."""

_EVERYWHERE: Final = frozenset({"linux", "darwin", "windows"})
_PLATFORMS: Final[Mapping[str, frozenset[str]]] = {
    "all": _EVERYWHERE,
    "any": _EVERYWHERE,
    "posix": frozenset({"linux", "darwin"}),
    "linux": frozenset({"linux"}),
    "ubuntu": frozenset({"linux"}),
    "centos": frozenset({"linux"}),
    "darwin": frozenset({"darwin"}),
    "windows": frozenset({"windows"}),
}
_NOT_IN_A_TOPIC: Final = re.compile(r"[^a-z0-9_.\-]")
_TOPIC_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Query:
    """One scheduled SELECT of a pack."""

    name: str
    sql: str
    interval: timedelta
    platforms: frozenset[str] = _EVERYWHERE
    version: str = ""
    shard: int = 0
    snapshot: bool = False
    removed: bool = True
    denylist: bool = True
    description: str = ""
    topic: str = ""
    topic_version: int = 1
    part: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack's queries, and what decides whether they run. `problems` is meant for people."""

    name: str
    queries: tuple[Query, ...]
    platforms: frozenset[str] = _EVERYWHERE
    version: str = ""
    shard: int = 0
    discovery: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """What decides where a query runs.

    `osquery_version` is empty while it is not known: then a version restricts nothing, and what the
    engine lacks is said by the engine.
    """

    platform: str
    osquery_version: str = ""
    shard: int = 1


def read_packs(text: str, *, name: str) -> tuple[Pack, ...]:
    """The pack that `text` holds, or all of a configuration of osqueryd: `schedule` and `packs`.

    The packs inside a configuration are named `<name>.<pack>`. One that names a file is told as a
    problem: another machine's path says nothing here. Raises PackMalformed, saying where.
    """
    document = read_json(text, source=f"pack {name}")
    if "queries" in document or not document.keys() & {"schedule", "packs"}:
        return (_pack_of(document, text, name),)
    inside = document.get("packs")
    named = inside if isinstance(inside, dict) else {}
    several = named.get("*")
    if isinstance(several, dict):
        named = {**{key: pack for key, pack in named.items() if key != "*"}, **several}
    problems = tuple(
        f"pack {name}: its pack {key} is a file, {pack!r}: put that file beside this one"
        for key, pack in named.items()
        if not isinstance(pack, dict)
    )
    packs = [
        _pack_of(pack, text, f"{name}.{key}")
        for key, pack in named.items()
        if isinstance(pack, dict)
    ]
    main = _pack_of({"queries": document.get("schedule", {})}, text, name)
    return (replace(main, problems=main.problems + problems), *packs)


def read_pack(text: str, *, name: str) -> Pack:
    """The one pack that `text` holds. Raises PackMalformed when it is not one, saying where."""
    return _pack_of(read_json(text, source=f"pack {name}"), text, name)


def _pack_of(document: Mapping[str, object], text: str, name: str) -> Pack:
    problems: list[str] = []
    queries: list[Query] = []
    written = document.get("queries")
    for query_name, fields in (written if isinstance(written, dict) else {}).items():
        try:
            queries.append(_read_query(fields, pack=name, name=query_name))
        except _QueryMalformed as problem:
            line = line_of_key(text, query_name)
            place = "" if line is None else f" (line {line})"
            problems.append(f"pack {name}, query {query_name}{place}: {problem}")
    if not isinstance(written, dict):
        problems.append(f'pack {name}: it has no "queries" object, so it asks nothing')
    discovery = document.get("discovery")
    return Pack(
        name=name,
        queries=tuple(queries),
        platforms=_platforms(document.get("platform")),
        version=_version(document.get("version")),
        shard=_whole_number(document.get("shard")) or 0,
        discovery=tuple(
            sql for sql in (discovery if isinstance(discovery, list) else ()) if _text(sql)
        ),
        problems=tuple(problems),
    )


def restriction(item: Pack | Query, host: Host) -> str | None:
    """Why `item` cannot be asked here although it is meant for this platform; None when it can."""
    if item.version and not _version_at_least(host.osquery_version, item.version):
        return f"needs osquery {item.version}"
    return None


def is_meant_for(item: Pack | Query, host: Host) -> bool:
    """Whether `item` concerns this platform and falls into this machine's shard."""
    return host.platform in item.platforms and not 0 < item.shard < host.shard


def machine_shard(hostname: str) -> int:
    """The machine's number from 0 to 100, as osqueryd derives it from the host name."""
    digest = sha1(hostname.encode(), usedforsecurity=False).digest()
    return digest[0] * 100 // 255


class _QueryMalformed(Exception):
    """What is wrong with one query, and what to write instead."""


def _read_query(fields: object, *, pack: str, name: str) -> Query:
    if not isinstance(fields, dict):
        raise _QueryMalformed("a query is an object with at least a `query` key")
    sql = _text(fields.get("query")).strip()
    if not sql:
        raise _QueryMalformed("it has no SQL: write it in `query`")
    topic, version, part = _topic_of(fields, pack=pack, name=name)
    return Query(
        name=name,
        sql=sql,
        interval=_interval(fields.get("interval")),
        platforms=_platforms(fields.get("platform")),
        version=_version(fields.get("version")),
        shard=_whole_number(fields.get("shard")) or 0,
        snapshot=_boolean(fields.get("snapshot"), default=False),
        removed=_boolean(fields.get("removed"), default=True),
        denylist=_boolean(fields.get("denylist", fields.get("blacklist")), default=True),
        description=_text(fields.get("description")),
        topic=topic,
        topic_version=version,
        part=part,
    )


def _in_a_topic(name: str) -> str:
    """A name as the server takes it in that of a topic: packs and queries are called anything."""
    return _NOT_IN_A_TOPIC.sub("_", name.lower())


def _topic_of(fields: Mapping[str, object], *, pack: str, name: str) -> tuple[str, int, str]:
    if "topic" not in fields:
        return f"pack.{_in_a_topic(pack)}.{_in_a_topic(name)}", 1, ""
    topic = _text(fields["topic"])
    if not _TOPIC_NAME.fullmatch(topic):
        raise _QueryMalformed(f"`topic` {fields['topic']!r} is not a name such as local_admins")
    version = _whole_number(fields.get("topic_version"))
    if not version:
        raise _QueryMalformed("`topic_version` is missing: write a whole number from 1")
    part = _text(fields.get("part"))
    if not part:
        raise _QueryMalformed("`part` is missing: name the part of the topic that it answers")
    return topic, version, part


def _interval(written: object) -> timedelta:
    if written is None:
        return DEFAULT_INTERVAL
    seconds = _whole_number(written)
    longest = int(LONGEST_INTERVAL.total_seconds())
    if seconds is None or not 1 <= seconds <= longest:
        raise _QueryMalformed(
            f"interval {written!r} is out of range: write a number of seconds from 1 to {longest}"
        )
    return timedelta(seconds=seconds)


def _platforms(written: object) -> frozenset[str]:
    # osqueryd looks for its words anywhere in the text ("linux;darwin"), and so do we. A text
    # without any of them (freebsd) names a system that we do not run on.
    text = _text(written).strip().lower()
    if text in {"", "null"}:
        return _EVERYWHERE
    return frozenset().union(*(where for word, where in _PLATFORMS.items() if word in text))


def _text(written: object) -> str:
    return written if isinstance(written, str) else ""


def _version(written: object) -> str:
    return _text(written).strip().removeprefix("null")


def _whole_number(written: object) -> int | None:
    """Numbers and numbers in quotes, as osqueryd takes both; None for anything else."""
    match written:
        case bool():
            return None
        case int():
            return written
        case float() if written.is_integer():
            return int(written)
        case str() if re.fullmatch(r"\s*\d{1,18}\s*", written):
            return int(written)
        case _:
            return None


def _boolean(written: object, *, default: bool) -> bool:
    match written:
        case None:
            return default
        case str():
            return written.lower() in {"true", "t"}
        case bool() | int() | float():
            return bool(written)
        case _:
            return False


def _version_at_least(running: str, needed: str) -> bool:
    return not running or _numbers(running) >= _numbers(needed)


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", version.partition("-")[0])[:4]]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
