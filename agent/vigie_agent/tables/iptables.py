"""`iptables`: the rules of legacy iptables, IPv4 only.

As in osqueryd, what nftables (or iptables-nft) filters is not here, and each chain ends with a row
without a rule: an empty answer never means that nothing filters. See `vigie_inbound_filter`.
"""

import ipaddress
import shlex
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Final

from vigie_agent.domain.table import LibraryMissing, PermissionNeeded, Table, TableError, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host, Outcome

COLUMNS: Final = osquery_columns(
    "filter_name, chain, policy, target, protocol INTEGER, src_port, dst_port, src_ip, src_mask, "
    "iniface, iniface_mask, dst_ip, dst_mask, outiface, outiface_mask, match, packets INTEGER, "
    "bytes INTEGER"
)
_NAMES: Final = "/proc/net/ip_tables_names"
_PROGRAMS: Final = ("iptables-legacy-save", "iptables-save")
_TIMEOUT: Final = timedelta(seconds=10)
_MAX_OUTPUT: Final = 8 * 1024 * 1024
_PROTOCOLS: Final = {
    "icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51, "sctp": 132,
    "udplite": 136,
}  # fmt: skip
_PORTS: Final = {"--dport": "dst_port", "--sport": "src_port"}


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table("iptables", COLUMNS, lambda _request: _rows(host), platforms=frozenset({"linux"})),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    try:
        names = host.read_text(_NAMES).split()
    except FileNotFoundError:
        return
    except OSError as error:
        raise PermissionNeeded(f"iptables: run as root to read {_NAMES}") from error
    for name in names:
        for program in _PROGRAMS:
            argv = [program, "-c", "-t", name]
            result = host.run(argv, timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
            if result.outcome is not Outcome.MISSING:
                break
        else:
            raise LibraryMissing("the kernel has iptables rules, but iptables is not installed")
        if not result.ok:
            raise TableError(f"{program}: {result.stderr.strip()[:200] or result.outcome.value}")
        yield from read_save(result.stdout, name)


def read_save(text: str, table: str) -> Iterator[TableRow]:
    """The rows of what `iptables-save -c` printed for one table."""
    chains: dict[str, TableRow] = {}
    rules: dict[str, list[TableRow]] = {}
    for line in text.splitlines():
        if line.startswith(":"):
            name, policy, counters, *_ = [*line[1:].split(), "-", "[0:0]"]
            packets, _, transferred = counters.strip("[]").partition(":")
            chains[name] = {
                "filter_name": table,
                "chain": name,
                "policy": "" if policy == "-" else policy,
                "packets": int(packets) if packets.isdecimal() else 0,
                "bytes": int(transferred) if transferred.isdecimal() else 0,
            }
        elif line.startswith("[") and (words := _words(line)):
            rules.setdefault(words[0], []).append(_rule(words[1:]))
    for name, chain in chains.items():
        for rule in rules.get(name, ()):
            yield {**chain, **rule}
        yield {**chain, "target": ""}


def _words(line: str) -> list[str]:
    """Chain and options of `[0:0] -A INPUT ...`."""
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    return words[2:] if words[1:2] == ["-A"] else []


def _rule(words: list[str]) -> TableRow:
    said = {flag: value for flag, value in pairwise(words) if flag[0] == "-"}
    protocol = said.get("-p", "")
    has_ports = bool(_PORTS.keys() & said.keys())
    return {
        "target": said.get("-j") or said.get("-g", ""),
        "protocol": _PROTOCOLS.get(protocol, int(protocol) if protocol.isdecimal() else 0),
        **{
            column: _range(said.get(flag, "0:65535")) if has_ports else ""
            for flag, column in _PORTS.items()
        },
        **_network(said.get("-s", "0.0.0.0/0"), "src"),
        **_network(said.get("-d", "0.0.0.0/0"), "dst"),
        **_interface(said.get("-i", ""), "iniface"),
        **_interface(said.get("-o", ""), "outiface"),
        "match": "yes",
    }


def _range(ports: str) -> str:
    return ports if ":" in ports else f"{ports}:{ports}"


def _network(written: str, prefix: str) -> dict[str, str]:
    try:
        network = ipaddress.IPv4Network(written, strict=False)
    except ValueError:
        return {f"{prefix}_ip": written, f"{prefix}_mask": ""}
    return {f"{prefix}_ip": str(network.network_address), f"{prefix}_mask": str(network.netmask)}


def _interface(name: str, column: str) -> dict[str, str]:
    """The mask covers the name and its final zero; with a final +, what begins so."""
    if not name:
        return {column: "all", f"{column}_mask": ""}
    covered = len(name) - 1 if name.endswith("+") else len(name) + 1
    return {column: name.rstrip("+"), f"{column}_mask": "FF" * covered}
