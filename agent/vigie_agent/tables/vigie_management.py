"""vigie_management: who manages this device: a directory, an MDM, an agent that configures it.

Told by the files and by what is set to start (Linux). Names of domains and products, never of the
people who enrolled.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.config_text import ConfigLine, Grammar, config_lines
from vigie_agent.tables.enrolment import SssdDomain, read_sssd
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.running import running_programs
from vigie_agent.tables.samba_config import read_samba
from vigie_agent.tables.vigie_services import runs_systemd, started_units

COLUMNS: Final = (
    text("part", "directory, mdm or agents"),
    text("kind", "active_directory, directory, entra, mdm or agent"),
    text("name", "The domain or the product"),
    integer("managed", "It manages this device; 0 where it is only prepared"),
    text("state", "How it is known"),
    *COLLECTED,
)
"""At least one row for directory and one for mdm; one for each agent."""

_AGENTS: Final[Mapping[str, str]] = {
    "landscape-client.service": "Landscape",
    "puppet.service": "Puppet",
    "puppet-agent.service": "Puppet",
    "salt-minion.service": "Salt",
    "venv-salt-minion.service": "Salt (SUSE Manager, Uyuni)",
    "chef-client.service": "Chef",
    "cfengine3.service": "CFEngine",
    "rudder-agent.service": "Rudder",
    "ansible-pull.service": "Ansible pull",
    "ansible-pull.timer": "Ansible pull",
    "orbit.service": "Fleet",
    "jcagent.service": "JumpCloud",
    "waptservice.service": "WAPT",
    "wapt.service": "WAPT",
    "tacticalagent.service": "Tactical RMM",
    "rhcd.service": "Red Hat remote host configuration",
}
_PROGRAMS: Final = {
    "sssd": "sssd.service",
    "winbindd": "winbind.service",
    "himmelblaud": "himmelblaud.service",
}
"""Where systemd does not run the machine, what runs stands for what starts."""

_CRON_WORDS: Final = {"ansible-pull": "Ansible pull", "puppet agent": "Puppet"}
_CRON_FOLDER: Final = "/etc/cron.d"
_SSSD_FILE: Final = "/etc/sssd/sssd.conf"
_SSSD_FOLDER: Final = "/etc/sssd/conf.d"
_SAMBA_FILE: Final = "/etc/samba/smb.conf"
_HIMMELBLAU_FILE: Final = "/etc/himmelblau/himmelblau.conf"
_KEYTAB: Final = "/etc/krb5.keytab"
_INTUNE: Final = "/opt/microsoft/intune"
_KINDS: Final = {"ad": "active_directory", "ipa": "directory", "ldap": "directory"}
_MAX_BYTES: Final = 256 * 1024
_NO_SYSTEMD: Final = "systemd does not run this machine: what starts is not known"


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_management",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="Who manages this device: a directory, an MDM, an agent",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    folders = started_units(host)
    if runs_systemd(host):
        started = frozenset(folders.started_from("default.target"))
    else:
        started = frozenset(_PROGRAMS.get(name, "") for name in running_programs(host))
    yield from _directories(host, started)
    yield _mdm(host)
    yield from _agents(host, started)
    for path, why in sorted(folders.unread.items()):
        yield not_collected(f"{path}: {why}", part="agents")
    if not runs_systemd(host):
        yield not_collected(_NO_SYSTEMD, part="agents")


def _directories(host: Host, started: frozenset[str]) -> Iterator[TableRow]:
    rows = [*_sssd(host, started), *_winbind(host, started), *_himmelblau(host, started)]
    yield from rows
    if not rows:
        yield collected(part="directory", kind="directory", managed=0, state="none is set up")


def _sssd(host: Host, started: frozenset[str]) -> Iterator[TableRow]:
    if not is_there(host, "/etc/sssd"):
        return
    try:
        domains = _sssd_domains(host)
    except OSError as error:
        yield not_collected(
            f"{error.filename or _SSSD_FILE}: {error.strerror}", part="directory", kind="directory"
        )
        return
    starts = "sssd.service" in started
    keytab = is_there(host, _KEYTAB)
    for domain in domains:
        kind = _KINDS.get(domain.provider)
        if kind is None:
            continue  # `files` and `proxy` serve the device's own accounts
        joined = keytab or domain.provider == "ldap"  # LDAP takes no part in a join
        state = f"sssd {'starts' if starts else 'does not start'}, provider {domain.provider}"
        yield collected(
            part="directory",
            kind=kind,
            name=domain.name,
            managed=int(starts and joined),
            state=state if joined else f"{state}, no keytab: it never joined",
        )


def _sssd_domains(host: Host) -> tuple[SssdDomain, ...]:
    """The main file, then the drop-ins by name. Raises OSError when one stays closed."""
    paths = [_SSSD_FILE] if _exists(host, _SSSD_FILE) else []
    if _exists(host, _SSSD_FOLDER):
        names = sorted(item.name for item in host.path(_SSSD_FOLDER).iterdir())
        paths += [
            f"{_SSSD_FOLDER}/{name}"
            for name in names
            if name.endswith(".conf") and not name.startswith(".")
        ]
    return read_sssd([line for path in paths for line in _lines(host, path)])


def _winbind(host: Host, started: frozenset[str]) -> Iterator[TableRow]:
    if "winbind.service" not in started:
        return
    try:
        config = read_samba(host.read_text(_SAMBA_FILE, max_bytes=_MAX_BYTES))
    except OSError as error:
        yield not_collected(
            f"{_SAMBA_FILE}: {error.strerror}", part="directory", kind="active_directory"
        )
        return
    if config.security in {"ads", "domain"}:
        yield collected(
            part="directory",
            kind="active_directory",
            name=(config.realm or config.workgroup).lower(),
            managed=1,
            state=f"winbind starts, security {config.security}",
        )


def _himmelblau(host: Host, started: frozenset[str]) -> Iterator[TableRow]:
    if not _exists(host, _HIMMELBLAU_FILE):
        return
    try:
        lines = _lines(host, _HIMMELBLAU_FILE)
    except OSError as error:
        yield not_collected(f"{_HIMMELBLAU_FILE}: {error.strerror}", part="directory", kind="entra")
        return
    named = [line.value for line in lines if line.key in {"domain", "domains"} and line.value]
    starts = "himmelblaud.service" in started
    if named:
        yield collected(
            part="directory",
            kind="entra",
            name=named[-1].lower(),
            managed=int(starts),
            state=f"himmelblau {'starts' if starts else 'does not start'}",
        )


def _mdm(host: Host) -> TableRow:
    if is_there(host, _INTUNE):
        why = "Intune is installed; whether the device is enrolled is in each person's own files"
        return not_collected(why, part="mdm", kind="mdm", name="Microsoft Intune")
    return collected(part="mdm", kind="mdm", managed=0, state="none is installed")


def _agents(host: Host, started: frozenset[str]) -> Iterator[TableRow]:
    told = {_AGENTS[unit]: f"{unit} starts" for unit in sorted(started) if unit in _AGENTS}
    for path, words in _cron_lines(host):
        for phrase, product in _CRON_WORDS.items():
            if phrase in words:
                told.setdefault(product, path)
    for product, state in sorted(told.items()):
        yield collected(part="agents", kind="agent", name=product, managed=1, state=state)


def _cron_lines(host: Host) -> Iterator[tuple[str, str]]:
    try:
        names = sorted(item.name for item in host.path(_CRON_FOLDER).iterdir())
    except OSError:
        return
    for name in names:
        content = host.text_or_empty(f"{_CRON_FOLDER}/{name}", max_bytes=_MAX_BYTES)
        for line in content.splitlines():
            if not line.lstrip().startswith("#"):
                yield f"{_CRON_FOLDER}/{name}", line


def _lines(host: Host, path: str) -> tuple[ConfigLine, ...]:
    try:
        return config_lines(host.read_text(path, max_bytes=_MAX_BYTES), Grammar.INI)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error


def _exists(host: Host, path: str) -> bool:
    """Whether it is there, or may be: what this process may not look at counts as there."""
    try:
        host.path(path).stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True
