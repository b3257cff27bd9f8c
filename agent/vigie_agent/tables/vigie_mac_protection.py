"""vigie_mac_protection, vigie_mac_system_extensions: what protects a Mac (macOS).

XProtect, its Remediator and MRT tell their version in their bundles; from macOS 15 the active
signatures lie in a folder of their own, and the old copy lags. `xprotect` (from macOS 15) tells
whether scans are on. Third-party protection is a system extension.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text, unix_time
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import (
    SYSTEMEXTENSIONSCTL,
    XPROTECT,
    Unanswered,
    answer,
    bit,
    plist_file,
    read_answer,
)
from vigie_agent.tables.mac_settings import Installed, installations, update_settings

PROTECTION_COLUMNS: Final = (
    text("component", "XProtect, XProtect Remediator or MRT"),
    text("version", "Version of its signatures, or of the program"),
    unix_time("installed", "When that was installed, as far as the Mac remembers"),
    integer("launch_scans", "XProtect: programs are looked at when started; NULL before macOS 15"),
    integer("background_scans", "XProtect: it also scans by itself; NULL before macOS 15"),
    integer("auto_update", "Its data files are set to install by themselves; NULL when not set"),
    *COLLECTED,
)
"""One row a component that is there; XProtect, which every Mac has, always has one."""

EXTENSIONS_COLUMNS: Final = (
    text("identifier", "Bundle identifier"),
    text("name", "Name as the extension gives it"),
    text("version", "Version"),
    text("team", "Identifier of its developer's team"),
    text("category", "endpoint_security, network_extension, driver_extension, ..."),
    integer("active", "It is activated and enabled"),
    text("state", "Its state in the system's own words"),
    *COLLECTED,
)
"""One row an extension, version and category; no row when there is none."""

_DARWIN: Final = frozenset({"darwin"})
_CORE_SERVICES: Final = "/Library/Apple/System/Library/CoreServices"
_COMPONENTS: Final = {
    "XProtect": (
        (f"{_CORE_SERVICES}/XProtect.bundle", "/private/var/protected/xprotect/XProtect.bundle"),
        ("XProtectPlistConfigData", "XProtectCloudKitUpdate"),
    ),
    "XProtect Remediator": ((f"{_CORE_SERVICES}/XProtect.app",), ("XProtectPayloads",)),
    "MRT": ((f"{_CORE_SERVICES}/MRT.app",), ("MRTConfigData",)),
}
_SCAN: Final = re.compile(r"xprotect (launch|background) scans: *(enabled|disabled)", re.IGNORECASE)
_INSTALLED: Final = re.compile(r"Installed: *(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})")
_VERSION: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,4}")
_COUNT: Final = re.compile(r"^\s*(\d{1,4}) extension\(s\)", re.MULTILINE)
_CATEGORY: Final = re.compile(r"^---\s*com\.apple\.system_extension\.(\w+)")
_EXTENSION: Final = re.compile(
    r"^[*\s-]*\t(?P<team>[^\t]*)\t(?P<identifier>\S+)\s+\((?P<version>[^)]*)\)\t(?P<name>[^\t]*)\t"
    r"\[(?P<state>[^\]]+)\]"
)


@dataclass(frozen=True, slots=True)
class Extension:
    """A system extension as systemextensionsctl lists it."""

    identifier: str
    name: str
    version: str
    team: str
    category: str
    state: str


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_mac_protection",
            PROTECTION_COLUMNS,
            lambda _request: list(_components(host)),
            platforms=_DARWIN,
            description="XProtect, its Remediator and MRT: versions, dates, scans",
        ),
        Table(
            "vigie_mac_system_extensions",
            EXTENSIONS_COLUMNS,
            lambda _request: list(_extensions(host)),
            platforms=_DARWIN,
            description="System extensions: endpoint security, network, drivers",
        ),
    )


def scans_in(said: str) -> dict[str, bool]:
    """`launch` and `background` with whether they are on, as `xprotect status` says."""
    return {found[1].lower(): found[2].lower() == "enabled" for found in _SCAN.finditer(said)}


def installed_in(said: str) -> int | None:
    """When `xprotect version` says that its signatures were installed."""
    found = _INSTALLED.search(said)
    try:
        return (
            int(datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S %z").timestamp()) if found else None
        )
    except ValueError:
        return None


def extensions_in(said: str) -> tuple[Extension, ...] | None:
    """What `systemextensionsctl list` lists; None when it lists less than it announces."""
    count = _COUNT.search(said)
    found, category = [], ""
    for line in said.splitlines():
        if heading := _CATEGORY.match(line):
            category = heading[1]
        elif told := _EXTENSION.match(line):
            found.append(
                Extension(
                    identifier=told["identifier"],
                    name=told["name"].strip(),
                    version=told["version"].partition("/")[0],
                    team=told["team"].strip(),
                    category=category,
                    state=told["state"].strip(),
                )
            )
    if count is None or len(found) < int(count[1]):
        return None
    return tuple(found)


def _components(host: Host) -> Iterator[TableRow]:
    history = _history(host)
    for component, (bundles, packages) in _COMPONENTS.items():
        try:
            version = _newest_version(host, bundles)
        except Unanswered as why:
            yield not_collected(str(why), component=component)
            continue
        if version is not None:
            yield _component(host, component, version, _time_of(history, packages))
        elif component == "XProtect":
            yield not_collected("the bundle of XProtect could not be read", component=component)


def _component(host: Host, component: str, version: str, time: int | None) -> TableRow:
    scans, told = dict[str, bool](), time
    if component == "XProtect":
        scans = scans_in(_said(host, "status"))
        told = max((t for t in (time, installed_in(_said(host, "version"))) if t), default=None)
    try:
        auto_update = update_settings(host).data_files
    except Unanswered:
        auto_update = None
    return collected(
        component=component,
        version=version,
        installed=told,
        launch_scans=bit(scans.get("launch")),
        background_scans=bit(scans.get("background")),
        auto_update=bit(auto_update),
    )


def _newest_version(host: Host, bundles: Sequence[str]) -> str | None:
    """The newest of the copies. Raises Unanswered when those that are there are closed."""
    versions, unread = list[str](), None
    for bundle in bundles:
        try:
            about = plist_file(host, f"{bundle}/Contents/Info.plist") or {}
        except Unanswered as why:
            unread = why
            continue
        version = str(about.get("CFBundleShortVersionString", "")).strip()
        if _VERSION.fullmatch(version):
            versions.append(version)
    if unread is not None and not versions:
        raise unread
    return max(versions, key=lambda v: [int(part) for part in v.split(".")], default=None)


def _history(host: Host) -> Sequence[Installed]:
    try:
        return installations(host)
    except Unanswered:
        return ()


def _time_of(history: Iterable[Installed], packages: tuple[str, ...]) -> int | None:
    return max((entry.time for entry in history if entry.name.startswith(packages)), default=None)


def _said(host: Host, what: str) -> str:
    """What `xprotect` says; nothing before macOS 15, which has no such tool."""
    try:
        return answer(host, XPROTECT, what)
    except Unanswered:
        return ""


def _extensions(host: Host) -> Iterator[TableRow]:
    try:
        found = read_answer(host, extensions_in, SYSTEMEXTENSIONSCTL, "list")
    except Unanswered as why:
        yield not_collected(str(why))
        return
    for extension in found:
        yield collected(
            identifier=extension.identifier,
            name=extension.name,
            version=extension.version,
            team=extension.team,
            category=extension.category,
            active=int(extension.state == "activated enabled"),
            state=extension.state,
        )
