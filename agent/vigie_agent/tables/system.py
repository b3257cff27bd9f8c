"""`os_version`, `kernel_info`: the operating system and its kernel."""

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

OS_VERSION: Final = osquery_columns(
    "name, version, major INTEGER, minor INTEGER, patch INTEGER, build, platform, "
    "platform_like, codename, arch, extra hidden, install_date BIGINT hidden, "
    "revision INTEGER hidden, pid_with_namespace INTEGER hidden additional, "
    "mount_namespace_id hidden"
)
KERNEL_INFO: Final = osquery_columns("version, arguments, path, device")

_RED_HAT: Final = re.compile(r"(.+) release (\d+)\.(\d+)(?:\.(\w+))?")
_NUMBERS: Final = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")


def tables(host: Host) -> tuple[Table, ...]:
    linux = frozenset({"linux"})
    return (
        Table("os_version", OS_VERSION, lambda _request: _os_version(host), linux),
        Table("kernel_info", KERNEL_INFO, lambda _request: _kernel(host), linux),
    )


def _os_version(host: Host) -> Iterable[TableRow]:
    release = os_release(
        host.text_or_empty("/etc/os-release") or host.text_or_empty("/usr/lib/os-release")
    )
    version = release.get("VERSION") or release.get("VERSION_ID", "")
    numbers = _NUMBERS.search(version)
    major, minor, patch = numbers.groups(default="0") if numbers else ("0", "0", "0")
    row: TableRow = {
        "name": release.get("NAME", ""),
        "version": version,
        "major": major,
        "minor": minor,
        "patch": patch,
        "build": release.get("BUILD_ID", ""),
        "platform": release.get("ID", ""),
        "platform_like": release.get("ID_LIKE", ""),
        "codename": release.get("VERSION_CODENAME", ""),
        "arch": os.uname().machine,
        "pid_with_namespace": 0,
    }
    if host.path("/etc/redhat-release").exists():
        row = {**row, **_of_red_hat_family(host.text_or_empty("/etc/redhat-release"))}
    yield row


def _of_red_hat_family(text: str) -> TableRow:
    """What osqueryd says otherwise where this file is: Fedora and all kin are `rhel`."""
    line = " ".join(text.split())
    family: TableRow = {"platform": "rhel", "platform_like": "rhel", "build": ""}
    if not line:  # os-release is all there is
        return family
    told: TableRow = {**family, "version": line}
    found = _RED_HAT.match(line)
    if found is None:  # Fedora, CentOS Stream: a release of one number
        return told
    name, major, minor, patch = found.groups(default="0")
    return {**told, "name": name, "major": major, "minor": minor, "patch": patch}


def os_release(text: str) -> Mapping[str, str]:
    """The settings in an os-release file: shell assignments, quoted or not."""
    settings = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            settings[name] = "".join(shlex.split(value))
        except ValueError:  # a quote without its partner
            settings[name] = value
    return settings


def _kernel(host: Host) -> Iterable[TableRow]:
    """The kernel and how it was started: its file and the root device stand apart."""
    special = {"BOOT_IMAGE": "", "root": ""}
    others = []
    for argument in host.text_or_empty("/proc/cmdline").split():
        name, equals, value = argument.partition("=")
        if equals and name in special:
            special[name] = value
        else:
            others.append(argument)
    yield {
        "version": host.text_or_empty("/proc/sys/kernel/osrelease").strip() or os.uname().release,
        "arguments": " ".join(others),
        "path": special["BOOT_IMAGE"],
        "device": special["root"],
    }
