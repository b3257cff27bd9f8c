"""`deb_packages` and `rpm_packages`: what the system's package manager has installed."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from vigie_agent.domain.table import LibraryMissing, Table, TableError, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host, Outcome
from vigie_agent.tables.links import is_there

DEB: Final = osquery_columns(
    "name, version, source, size BIGINT, arch, revision, status, maintainer, section, priority, "
    "admindir, pid_with_namespace INTEGER hidden additional, mount_namespace_id hidden"
)
RPM: Final = osquery_columns(
    "name index, version index, release index, source, size BIGINT, sha1, arch index, "
    "epoch INTEGER index, install_time INTEGER, vendor, package_group, "
    "pid_with_namespace INTEGER hidden additional, mount_namespace_id hidden"
)
_LINUX: Final = frozenset({"linux"})

_DPKG: Final = "/var/lib/dpkg"
_BETWEEN_BLOCKS: Final = re.compile(r"\n[ \t]*\n")
_PACKAGE: Final = re.compile(r"^Package:(.*)$", re.MULTILINE)
_MAX_STATUS: Final = 64 * 1024 * 1024
_RPM_DATABASES: Final = (
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages",
    "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/Packages.db",
)
_RPM_TAGS: Final = {
    "name": "NAME",
    "version": "VERSION",
    "release": "RELEASE",
    "source": "SOURCERPM",
    "size": "LONGSIZE",
    "sha1": "SHA1HEADER",
    "arch": "ARCH",
    "epoch": "EPOCH",
    "install_time": "INSTALLTIME",
    "vendor": "VENDOR",
    "package_group": "GROUP",
}
_RPM_FORMAT: Final = "\\t".join(f"%{{{tag}}}" for tag in _RPM_TAGS.values()) + "\\n"
_RPM_NUMBERS: Final = frozenset({"size", "epoch", "install_time"})
_TIMEOUT: Final = timedelta(seconds=60)
_MAX_OUTPUT: Final = 32 * 1024 * 1024


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table("deb_packages", DEB, lambda _request: _deb(host), _LINUX),
        Table("rpm_packages", RPM, lambda _request: _rpm(host), _LINUX),
    )


def _deb(host: Host) -> Iterator[TableRow]:
    try:
        text = host.read_text(f"{_DPKG}/status", max_bytes=_MAX_STATUS)
    except FileNotFoundError:
        return
    except OSError as error:
        raise TableError(f"deb_packages: {error.strerror or error}") from error
    # Rows are made one by one: a desktop has thousands of packages, and this file has megabytes.
    blocks = sorted(_BETWEEN_BLOCKS.split(text), key=_package_of)
    del text
    for block in blocks:
        yield from read_dpkg_status(block)


def _package_of(block: str) -> str:
    found = _PACKAGE.search(block)
    return "" if found is None else found[1].strip()


def read_dpkg_status(text: str) -> Iterator[TableRow]:
    """The packages in the text of dpkg's status file, those with leftover settings included."""
    for fields in control_blocks(text):
        if not fields.get("Package") or fields.get("Status", "").endswith("not-installed"):
            continue
        version = fields.get("Version", "")
        _, dash, revision = version.rpartition("-")
        size = fields.get("Installed-Size", "")
        yield {
            "name": fields["Package"],
            "version": version,
            "source": fields.get("Source", ""),
            "size": int(size) if size.isdecimal() else 0,
            "arch": fields.get("Architecture", ""),
            "revision": revision if dash else "",
            "status": fields.get("Status", ""),
            "maintainer": fields.get("Maintainer", ""),
            "section": fields.get("Section", ""),
            "priority": fields.get("Priority", ""),
            "admindir": _DPKG,
            "pid_with_namespace": 0,
        }


def control_blocks(text: str) -> Iterator[Mapping[str, str]]:
    """Debian's `Field: value` blocks; continued lines are joined to their field with a newline."""
    fields: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line.strip()
        elif not line.startswith("#"):
            last, _, value = line.partition(":")
            fields[last] = value.strip()


def _rpm(host: Host) -> Iterator[TableRow]:
    if not any(is_there(host, path) for path in _RPM_DATABASES):
        return
    argv = ["rpm", "-qa", "--queryformat", _RPM_FORMAT]
    result = host.run(argv, timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
    if result.outcome is Outcome.MISSING:
        raise LibraryMissing("there is an rpm database, but rpm is not installed to read it")
    if not result.ok:
        raise TableError(f"rpm -qa: {result.stderr.strip()[:200] or result.outcome.value}")
    skipped = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    if skipped:  # rpm passes over a package that it cannot read, and calls that a success
        raise TableError(f"rpm -qa: {skipped[0][:200]}")
    yield from read_rpm_list(result.stdout)


def read_rpm_list(printed: str) -> Iterator[TableRow]:
    """The packages that rpm printed with our format; keys that only sign packages are left out."""
    for line in printed.splitlines():
        values = line.split("\t")
        if len(values) != len(_RPM_TAGS) or values[0] == "gpg-pubkey":
            continue
        said = ("" if value == "(none)" else value for value in values)
        row = dict(zip(_RPM_TAGS, said, strict=True))
        yield {
            **{name: _number(row[name]) if name in _RPM_NUMBERS else row[name] for name in row},
            "pid_with_namespace": 0,
        }


def _number(written: str) -> int | None:
    return int(written) if written.isdecimal() else None
