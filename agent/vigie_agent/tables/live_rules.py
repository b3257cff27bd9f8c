"""What filters packets on this device now: nftables (with iptables-nft) and legacy iptables."""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from vigie_agent.tables import iptables_save, nft_json
from vigie_agent.tables.host import CommandResult, Host, Outcome
from vigie_agent.tables.netfilter_socket import DumpChains, read_chains
from vigie_agent.tables.packet_filter import Chain, Ruleset

_TIMEOUT: Final = timedelta(seconds=10)
_MAX_OUTPUT: Final = 16 * 1024 * 1024
_NO_RIGHTS: Final = "run as root: the kernel shows its packet filter to root only"
_INSTALL_NFT: Final = "there are nftables rules, but nft is not installed: install nftables"
_NOT_IN_THIS_KERNEL: Final = frozenset(
    {errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT}
)
_FILTERING_HOOKS: Final = frozenset({"input", "prerouting"})


@dataclass(frozen=True, slots=True)
class LiveRules:
    """Rulesets in force together, or why they could not be read (`why` is then not empty)."""

    rulesets: tuple[Ruleset, ...] = ()
    read_with: str = ""
    why: str = ""


def live_rules(host: Host, dump: DumpChains) -> LiveRules:
    """What is in force. A packet must pass every ruleset."""
    nftables = live_nftables(host, dump)
    if nftables.why:
        return nftables
    legacy = _legacy(host)
    if legacy.why:
        return legacy
    names = [name for name in (nftables.read_with, legacy.read_with) if name]
    return LiveRules(nftables.rulesets + legacy.rulesets, ", ".join(names))


def live_nftables(host: Host, dump: DumpChains) -> LiveRules:
    """The nftables ruleset, iptables-nft's included, through `nft` or else the kernel's list."""
    result = host.run(["nft", "-j", "list", "ruleset"], timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
    if result.outcome is Outcome.MISSING:
        return _without_nft(host, dump)
    return _parsed(result, "nft", nft_json.read_ruleset)


def _without_nft(host: Host, dump: DumpChains) -> LiveRules:
    try:
        chains = read_chains(dump())
    except PermissionError:
        return LiveRules(why=_NO_RIGHTS)
    except OSError as error:
        if error.errno in _NOT_IN_THIS_KERNEL:
            return LiveRules((), "the kernel's list of chains")
        return LiveRules(why=f"nft is not installed, and {error.strerror or error}")
    base = tuple(chain for chain, _ in chains)
    inbound = [(chain, rules) for chain, rules in chains if chain.hook in _FILTERING_HOOKS]
    if not any(rules for _, rules in inbound):
        return LiveRules((Ruleset(base),), "the kernel's list of chains")
    if all(_is_of_iptables(chain) for chain, _ in inbound):
        return _saved(host, ("iptables-nft-save", "ip6tables-nft-save"))
    return LiveRules(why=_INSTALL_NFT)


def _legacy(host: Host) -> LiveRules:
    """Legacy iptables, for the families whose tables the kernel has loaded."""
    try:
        loaded = [
            command
            for command, path in (
                ("iptables-legacy-save", "/proc/net/ip_tables_names"),
                ("ip6tables-legacy-save", "/proc/net/ip6_tables_names"),
            )
            if _names(host, path)
        ]
    except PermissionError:
        return LiveRules(why=_NO_RIGHTS)
    return _saved(host, tuple(loaded)) if loaded else LiveRules()


def _names(host: Host, path: str) -> list[str]:
    try:
        return host.read_text(path).split()
    except FileNotFoundError:
        return []


def _saved(host: Host, commands: tuple[str, ...]) -> LiveRules:
    """What the `-save` programs print; the plain name is tried where the long one is missing."""
    rulesets: list[Ruleset] = []
    for command in commands:
        family = "ip6" if command.startswith("ip6") else "ip"
        plain = f"{command.partition('-')[0]}-save"
        result = _run(host, command)
        if result.outcome is Outcome.MISSING:
            result = _run(host, plain)
        if result.outcome is Outcome.MISSING:
            return LiveRules(why=f"there are iptables rules, but {plain} is not installed")
        parsed = _parsed(result, plain, partial(iptables_save.read_ruleset, family=family))
        if parsed.why:
            return parsed
        rulesets += parsed.rulesets
    return LiveRules(tuple(rulesets), "iptables-save")


def _run(host: Host, command: str) -> CommandResult:
    return host.run([command], timeout=_TIMEOUT, max_output=_MAX_OUTPUT)


def _parsed(result: CommandResult, name: str, parse: Callable[[str], Ruleset]) -> LiveRules:
    if not result.ok:
        return LiveRules(why=_failure(result, name))
    try:
        return LiveRules((parse(result.stdout),), name)
    except ValueError:
        return LiveRules(why=f"{name} printed something else than a ruleset")


def _failure(result: CommandResult, name: str) -> str:
    said = " ".join(result.stderr.split())
    if "not permitted" in said or "ermission denied" in said:
        return _NO_RIGHTS
    if result.outcome is Outcome.EXITED:
        return f"{name} failed: {said[:200]}"
    return f"{name}: {result.outcome.value.replace('_', ' ')}"


def _is_of_iptables(chain: Chain) -> bool:
    return chain.family in {"ip", "ip6"} and chain.table in {
        "filter", "nat", "mangle", "raw", "security",
    }  # fmt: skip
