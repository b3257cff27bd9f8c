"""`dns_resolvers` and `etc_hosts`: how this machine turns names into addresses."""

import ipaddress
from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

RESOLVERS: Final = osquery_columns(
    "id INTEGER, type, address, netmask, options BIGINT, "
    "pid_with_namespace INTEGER hidden additional"
)
HOSTS: Final = osquery_columns("address, hostnames, pid_with_namespace INTEGER hidden additional")
_LINUX: Final = frozenset({"linux"})

_DEFAULT_OPTIONS: Final = 0x2C1  # glibc's RES_INIT and RES_DEFAULT
_OPTIONS: Final = {
    "debug": 0x2,
    "use-vc": 0x8,
    "rotate": 0x4000,
    "edns0": 0x10_0000,
    "single-request": 0x20_0000,
    "single-request-reopen": 0x40_0000,
    "no-tld-query": 0x100_0000,
    "trust-ad": 0x400_0000,
}
_MAX_SERVERS: Final = 3


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "dns_resolvers",
            RESOLVERS,
            lambda _request: read_resolvers(host.text_or_empty("/etc/resolv.conf")),
            _LINUX,
        ),
        Table(
            "etc_hosts",
            HOSTS,
            lambda _request: read_hosts(host.text_or_empty("/etc/hosts")),
            _LINUX,
        ),
    )


def read_resolvers(text: str) -> Iterator[TableRow]:
    """Name servers, then search domains. osqueryd leaves the address of an IPv6 server empty."""
    servers, domains, options = list[str](), list[str](), _DEFAULT_OPTIONS
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                servers.append(address)
            case ["search" | "domain", *names]:
                domains = names  # the last line of the two kinds counts
            case ["options", *names]:
                for name in names:
                    options |= _OPTIONS.get(name, 0)
            case _:
                continue
    for n, address in enumerate(servers[:_MAX_SERVERS]):
        yield _resolver(n, "nameserver", address if _is_ipv4(address) else "", "32", options)
    for n, domain in enumerate(domains):
        yield _resolver(n, "search", domain, "", options)


def read_hosts(text: str) -> Iterator[TableRow]:
    """The rows in the text of /etc/hosts."""
    for line in text.splitlines():
        match line.partition("#")[0].split():
            case [address, first, *others]:
                yield {
                    "address": address,
                    "hostnames": " ".join([first, *others]),
                    "pid_with_namespace": 0,
                }
            case _:
                continue


def _resolver(n: int, kind: str, address: str, netmask: str, options: int) -> TableRow:
    return {
        "id": n,
        "type": kind,
        "address": address,
        "netmask": netmask,
        "options": options,
        "pid_with_namespace": 0,
    }


def _is_ipv4(address: str) -> bool:
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return True
