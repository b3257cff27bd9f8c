"""vigie_inbound_services: what this device offers to the others on its network (Linux).

A service counts as offered when it is set to start, or runs now and listens beyond the device
itself. Where systemd does not run the machine, what runs is all that is known of it. What a service
would offer is read from its own files: shares, guests, addresses.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.config_text import ConfigLine, Grammar, config_lines
from vigie_agent.tables.file_shares import nfs_shares, samba_shares, samba_speaks_smb1
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.running import running_programs
from vigie_agent.tables.sockets import internet_socket
from vigie_agent.tables.vigie_services import runs_systemd, started_units

COLUMNS: Final = (
    text("part", "services, shares or smb1"),
    text("service", "file_sharing, remote_desktop, ssh, vnc, remote_management, telnet or smb1"),
    text("name", "The product, or the share"),
    text("product", "Of a share: Samba or NFS"),
    integer("offered", "Other devices can reach it; of smb1: the server still speaks it"),
    integer("guarded", "Of a share: only to those who say who they are; NULL where nothing says"),
    text("origin", "How it is known: unit, process, listener, or the file"),
    *COLLECTED,
)
"""One row a service at least, one a share, one for SMBv1. `collected` = no for what stays open."""


@dataclass(frozen=True, slots=True)
class Product:
    """A program that offers a service: its units, its name among the processes, its ports."""

    service: str
    name: str
    units: frozenset[str]
    programs: frozenset[str]
    ports: range
    session: bool = False  # its unit runs in each session, switched on or not: only its port tells


_PRODUCTS: Final = (
    Product(
        "ssh",
        "OpenSSH",
        frozenset({"ssh.service", "sshd.service", "ssh.socket", "sshd.socket"}),
        frozenset({"sshd"}),
        range(22, 23),
    ),
    Product(
        "ssh",
        "Dropbear",
        frozenset({"dropbear.service", "dropbear.socket"}),
        frozenset({"dropbear"}),
        range(22, 23),
    ),
    Product(
        "remote_desktop",
        "xrdp",
        frozenset({"xrdp.service"}),
        frozenset({"xrdp"}),
        range(3389, 3390),
    ),
    Product(
        "remote_desktop",
        "GNOME Remote Desktop",
        frozenset({"gnome-remote-desktop.service"}),
        frozenset({"gnome-remote-de"}),
        range(3389, 3400),
        session=True,
    ),
    Product(
        "remote_desktop",
        "KDE krdp",
        frozenset(),
        frozenset({"krdpserver"}),
        range(3389, 3400),
        session=True,
    ),
    Product(
        "vnc",
        "VNC",
        frozenset(
            {"vncserver.service", "vncserver@.service", "tigervncserver@.service",
             "x0vncserver.service", "x11vnc.service", "vncserver-x11-serviced.service",
             "wayvnc.service"}
        ),
        frozenset(
            {"Xvnc", "Xtigervnc", "Xtightvnc", "x0vncserver", "X0tigervnc", "x11vnc", "wayvnc",
             "vino-server", "krfb", "vncserver-x11-s", "vncserver-x11-c"}
        ),
        range(5900, 6000),
    ),
    Product(
        "file_sharing",
        "FTP",
        frozenset(
            {"vsftpd.service", "proftpd.service", "pure-ftpd.service", "vsftpd.socket",
             "proftpd.socket"}
        ),
        frozenset({"vsftpd", "proftpd", "pure-ftpd"}),
        range(21, 22),
    ),
    Product(
        "remote_management",
        "Cockpit",
        frozenset({"cockpit.socket", "cockpit.service"}),
        frozenset(),
        range(9090, 9091),
    ),
    Product(
        "telnet",
        "Telnet",
        frozenset({"telnet.socket", "inetutils-telnetd.service"}),
        frozenset({"telnetd", "in.telnetd"}),
        range(23, 24),
    ),
)  # fmt: skip
_SERVICES: Final = (
    "file_sharing",
    *dict.fromkeys(product.service for product in _PRODUCTS if product.service != "file_sharing"),
)
_SAMBA_UNITS: Final = frozenset({"smbd.service", "smb.service", "samba-ad-dc.service"})
_NFS_UNITS: Final = frozenset({"nfs-server.service"})
_SSH_FILE: Final = "/etc/ssh/sshd_config"
_MAX_BYTES: Final = 512 * 1024
_LOOPBACK: Final = ("127.", "::1", "[::1]", "localhost", "::ffff:127.")


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_inbound_services",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="What this device offers to others on its network",
        ),
    )


@dataclass
class _Device:
    """What starts, what runs and what listens on the device, each looked up once."""

    host: Host
    unread: dict[str, str] = field(default_factory=dict)

    @cached_property
    def systemd(self) -> bool:
        return runs_systemd(self.host)

    @cached_property
    def started(self) -> frozenset[str]:
        if not self.systemd:
            return frozenset()
        folders = started_units(self.host)
        found = folders.started_from("default.target")
        self.unread |= folders.unread
        return frozenset(found) | {re.sub(r"@.*\.", "@.", name) for name in found}

    @cached_property
    def running(self) -> frozenset[str]:
        return running_programs(self.host)

    @cached_property
    def idle(self) -> TableRow:
        """How a service that is not offered is told: what proves it, or what is missing."""
        if self.systemd:
            return collected(offered=0, origin="unit")
        if is_there(self.host, "/proc/1/comm"):
            return collected(offered=0, origin="process")
        return not_collected("needs root: the programs of other accounts are hidden")

    @cached_property
    def ports(self) -> frozenset[int]:
        """The TCP ports that are listened on beyond the device itself."""
        return frozenset(
            found.local_port
            for name, family in (("tcp", 2), ("tcp6", 10))
            for line in self.host.text_or_empty(f"/proc/self/net/{name}").splitlines()[1:]
            for found in internet_socket(line, family, 6)
            if found.state == "LISTEN" and not found.local_address.startswith(_LOOPBACK)
        )

    def starts(self, units: frozenset[str], program: str) -> bool:
        return bool(units & self.started) or program in self.running

    def listens(self, product: Product) -> bool:
        runs = bool(product.programs & self.running)
        return runs and any(port in product.ports for port in self.ports)


def _rows(host: Host) -> Iterator[TableRow]:
    device = _Device(host)
    offers = [row for product in _PRODUCTS for row in _offered(device, product)]
    shares = [*_samba(device), *_nfs(device)]
    offers += _sharing(shares)
    yield from offers
    told = {row["service"] for row in offers}
    for service in _SERVICES:
        if service not in told:
            yield _nothing(device, service)
    yield from shares
    yield _smb1(device)
    for path, why in sorted(device.unread.items()):
        yield not_collected(f"{path}: {why}", part="services")


def _offered(device: _Device, product: Product) -> Iterator[TableRow]:
    units = frozenset() if product.session else product.units & device.started
    if units and product.service == "ssh" and _ssh_stays_inside(device.host, units):
        units = frozenset()
    origin = "unit" if units else "listener" if device.listens(product) else ""
    if origin:
        yield _service(product.service, product.name, origin=origin)


def _sharing(shares: Sequence[TableRow]) -> Iterator[TableRow]:
    """Whether folders are shared at all: a server without a share shares none."""
    for name in dict.fromkeys(str(row["product"]) for row in shares):
        rows = [row for row in shares if row["product"] == name]
        if any(row["collected"] == "yes" for row in rows):
            yield _service("file_sharing", name, origin="unit")
        else:
            why = str(rows[0]["why"])
            yield not_collected(why, part="services", service="file_sharing", name=name)


def _nothing(device: _Device, service: str) -> TableRow:
    return {"part": "services", "service": service, "name": "", **device.idle}


def _service(service: str, name: str, *, origin: str) -> TableRow:
    return collected(part="services", service=service, name=name, offered=1, origin=origin)


def _ssh_stays_inside(host: Host, units: frozenset[str]) -> bool:
    """Whether every address that sshd listens on is the device's own; a socket unit decides alone.

    The files below sshd_config.d add addresses: where one cannot be read, ssh counts as offered.
    """
    if any(unit.endswith(".socket") for unit in units):
        return False
    try:
        lines = [line for path in _ssh_files(host) for line in _words(host, path)]
    except OSError:
        return False
    addresses = [line.value for line in lines if line.key.lower() == "listenaddress"]
    return bool(addresses) and all(each.startswith(_LOOPBACK) for each in addresses)


def _ssh_files(host: Host) -> Iterator[str]:
    yield _SSH_FILE
    try:
        names = sorted(item.name for item in host.path(f"{_SSH_FILE}.d").iterdir())
    except FileNotFoundError:
        return
    yield from (f"{_SSH_FILE}.d/{name}" for name in names if name.endswith(".conf"))


def _words(host: Host, path: str) -> tuple[ConfigLine, ...]:
    return config_lines(host.read_text(path, max_bytes=_MAX_BYTES), Grammar.WORDS)


def _samba(device: _Device) -> Iterator[TableRow]:
    if device.starts(_SAMBA_UNITS, "smbd"):
        yield from samba_shares(device.host)


def _nfs(device: _Device) -> Iterator[TableRow]:
    if device.starts(_NFS_UNITS, "nfsd"):
        yield from nfs_shares(device.host)


def _smb1(device: _Device) -> TableRow:
    if device.starts(_SAMBA_UNITS, "smbd"):
        return samba_speaks_smb1(device.host)
    return {"part": "smb1", "service": "smb1", "name": "Samba", **device.idle}
