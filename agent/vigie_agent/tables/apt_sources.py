"""`apt_sources`: where APT takes packages from, with what the fetched Release files say of it."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host
from vigie_agent.tables.packages import control_blocks

COLUMNS: Final = osquery_columns(
    "name, source, base_uri, release, version, maintainer, components, architectures, "
    "pid_with_namespace INTEGER hidden additional"
)
_LISTS: Final = "/var/lib/apt/lists"
_FOLDER: Final = "/etc/apt/sources.list.d"
_ONE_LINE: Final = re.compile(r"deb(?:-src)?\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)\s*(.*)")
_MAX_RELEASE: Final = 4 * 1024 * 1024


class Source(NamedTuple):
    """One repository that a file names."""

    file: str
    uri: str
    release: str
    components: str


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table("apt_sources", COLUMNS, lambda _request: _rows(host), platforms=frozenset({"linux"})),
    )


def read_list(text: str, file: str) -> Iterator[Source]:
    """The repositories of a `.list` file; `deb` and `deb-src` of one repository are one."""
    for line in text.splitlines():
        if parts := _ONE_LINE.match(line.partition("#")[0].strip()):
            yield Source(file, parts[1].rstrip("/"), parts[2], " ".join(parts[3].split()))


def read_deb822(text: str, file: str) -> Iterator[Source]:
    """The enabled repositories of a `.sources` file."""
    for fields in control_blocks(text):
        if fields.get("Enabled", "yes").lower() in {"no", "false", "0"}:
            continue
        for uri in fields.get("URIs", "").split():
            for release in fields.get("Suites", "").split():
                components = " ".join(fields.get("Components", "").split())
                yield Source(file, uri.rstrip("/"), release, components)


def _rows(host: Host) -> Iterator[TableRow]:
    seen = set[tuple[str, str, str]]()
    for source in _sources(host):
        key = (source.file, source.uri, source.release)
        if key not in seen:
            seen.add(key)
            yield _row(source, _release_of(host, source))


def _sources(host: Host) -> Iterator[Source]:
    main = "/etc/apt/sources.list"
    yield from read_list(host.text_or_empty(main), main)
    try:
        names = sorted(item.name for item in host.path(_FOLDER).iterdir())
    except OSError:
        return
    for path in (f"{_FOLDER}/{name}" for name in names):
        if path.endswith(".list"):
            yield from read_list(host.text_or_empty(path), path)
        elif path.endswith(".sources"):
            yield from read_deb822(host.text_or_empty(path), path)


def _row(source: Source, release: Mapping[str, str]) -> TableRow:
    address = source.uri.partition("://")[2] or source.uri
    return {
        "name": f"{address} {source.release}",
        "source": source.file,
        "base_uri": source.uri,
        "release": release.get("Codename", "") or source.release,
        "version": release.get("Version", ""),
        "maintainer": release.get("Origin", ""),
        "components": release.get("Components", "") or source.components,
        "architectures": release.get("Architectures", ""),
        "pid_with_namespace": 0,
    }


def _release_of(host: Host, source: Source) -> Mapping[str, str]:
    """What was fetched from the repository, signed inline or not; empty when nothing was."""
    address = (source.uri.partition("://")[2] or source.uri).replace("_", "%5f").replace("/", "_")
    for name in ("InRelease", "Release"):
        path = f"{_LISTS}/{address}_dists_{source.release.replace('/', '_')}_{name}"
        text = host.text_or_empty(path, max_bytes=_MAX_RELEASE)
        for fields in control_blocks(text):
            if "Components" in fields or "Origin" in fields:
                return fields
    return {}
