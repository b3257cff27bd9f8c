import json
from pathlib import Path

import pytest

from vigie_agent.tables import iptables_save, nft_json
from vigie_agent.tables.packet_filter import Action, Chain, Inbound, Packet, Ruleset, inbound

RECORDED = Path(__file__).parents[2] / "fixtures/linux/packet_filter"


def recorded(name: str) -> Ruleset:
    return nft_json.read_ruleset((RECORDED / f"nft-{name}.json").read_text())


def of_rules(*expressions: list[dict[str, object]], policy: str = "accept") -> Ruleset:
    """A ruleset with one input chain that holds these rules, as nft prints them."""
    place = {"family": "inet", "table": "t"}
    chain = {**place, "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": policy}
    rules = [{"rule": {**place, "chain": "in", "expr": one}} for one in expressions]
    return nft_json.read_ruleset(json.dumps({"nftables": [{"chain": chain}, *rules]}))


def judged(ruleset: Ruleset, family: str = "ipv4") -> Inbound:
    return inbound(ruleset, family, ["eth0"])


def on_interface(name: object, action: str) -> list[dict[str, object]]:
    left = {"meta": {"key": "iifname"}}
    return [{"match": {"op": "==", "left": left, "right": name}}, {action: None}]


@pytest.mark.parametrize(
    ("name", "blocks", "logs", "rules"),
    [("workstation", True, True, 6), ("firewalld", True, False, 16), ("open", False, False, 2)],
)
def test_a_recorded_ruleset_is_judged(name: str, *, blocks: bool, logs: bool, rules: int) -> None:
    found = judged(recorded(name))

    assert (found.blocks, found.enabled, found.logs_drops, found.rules) == (
        blocks,
        True,
        logs,
        rules,
    )


def test_ufw_through_iptables_nft_blocks_both_families(  # its matches show as `xt` to nft
) -> None:
    ruleset = recorded("ufw")

    found = {family: judged(ruleset, family) for family in ("ipv4", "ipv6")}

    assert {family: (one.blocks, one.chains) for family, one in found.items()} == {
        "ipv4": (True, ("ip filter INPUT",)),
        "ipv6": (True, ("ip6 filter INPUT",)),
    }


def test_rules_for_ipv4_alone_leave_ipv6_open() -> None:
    found = judged(recorded("open"), "ipv6")

    assert (found.blocks, found.enabled, found.chains) == (False, False, ())


def test_legacy_iptables_is_judged_like_nftables() -> None:
    text = (RECORDED / "iptables-save-legacy-ufw.txt").read_text()

    found = judged(iptables_save.read_ruleset(text, "ip"))

    assert (found.blocks, found.logs_drops, found.rules) == (True, True, 17)


@pytest.mark.parametrize(
    ("rules", "blocks"),
    [
        ([], False),
        ([[{"drop": None}]], True),
        ([[{"reject": None}]], True),
        ([[{"accept": None}], [{"drop": None}]], False),
        ([on_interface("lo", "accept"), [{"drop": None}]], True),
        ([on_interface("eth0", "accept"), [{"drop": None}]], False),
        ([on_interface("eth*", "accept"), [{"drop": None}]], False),
        ([on_interface({"set": ["wlan0", "eth0"]}, "accept"), [{"drop": None}]], False),
        ([on_interface("eth1", "drop")], False),
        ([[{"limit": {"rate": 5}}, {"drop": None}]], False),
        ([[{"counter": {"packets": 1}}, {"log": None}, {"drop": None}]], True),
        ([[{"unheard of": {}}, {"accept": None}], [{"drop": None}]], True),
        ([[{"queue": None}], [{"drop": None}]], False),
        ([[{"jump": {"target": "missing"}}], [{"drop": None}]], True),
    ],
)
def test_what_becomes_of_a_packet_that_no_rule_allows(
    rules: list[list[dict[str, object]]], *, blocks: bool
) -> None:
    assert judged(of_rules(*rules)).blocks is blocks


@pytest.mark.parametrize(
    ("op", "right", "blocks"),
    [
        ("in", "new", True),
        ("in", ["new", "untracked"], True),
        ("==", {"set": ["established", "related"]}, False),
        ("!=", {"set": ["established", "related"]}, True),
        ("in", "@named", False),
    ],
)
def test_a_new_connection_is_in_state_new(op: str, right: object, *, blocks: bool) -> None:
    state: dict[str, object] = {
        "match": {"op": op, "left": {"ct": {"key": "state"}}, "right": right}
    }

    assert judged(of_rules([state, {"drop": None}])).blocks is blocks


def test_dropping_tcp_alone_is_not_blocking() -> None:
    def l4proto(name: str) -> dict[str, object]:
        return {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": name}}

    tcp_only = of_rules([l4proto("tcp"), {"drop": None}])
    both = of_rules([l4proto("tcp"), {"drop": None}], [l4proto("udp"), {"drop": None}])

    assert (judged(tcp_only).blocks, judged(both).blocks) == (False, True)


def test_a_verdict_map_is_looked_up() -> None:
    key = {"meta": {"key": "iifname"}}
    elements = [["lo", {"accept": None}], ["eth0", {"drop": None}]]
    inline = of_rules([{"vmap": {"key": key, "data": {"set": elements}}}])
    named = of_rules([{"vmap": {"key": key, "data": "@unknown"}}])

    assert (judged(inline).blocks, judged(named).blocks) == (True, False)


def test_a_device_with_two_interfaces_is_blocked_only_if_both_are() -> None:
    ruleset = of_rules(on_interface("eth0", "drop"))

    assert inbound(ruleset, "ipv4", ["eth0"]).blocks
    assert not inbound(ruleset, "ipv4", ["eth0", "wlan0"]).blocks


def test_an_allowing_log_rule_does_not_log_drops() -> None:
    allow = of_rules([{"log": {"prefix": "[UFW ALLOW] "}}], policy="drop")
    block = of_rules([{"log": {"prefix": "[UFW BLOCK] "}}], policy="drop")

    assert (judged(allow).logs_drops, judged(block).logs_drops) == (False, True)


def test_the_fingerprint_ignores_counters_and_notices_rules() -> None:
    quiet = of_rules([{"counter": {"packets": 0, "bytes": 0}}, {"drop": None}])
    busy = of_rules([{"counter": {"packets": 9, "bytes": 99}}, {"drop": None}])
    other = of_rules([{"accept": None}])

    prints = [judged(ruleset).fingerprint for ruleset in (quiet, busy, other)]

    assert prints[0] == prints[1] != prints[2]


def test_chains_that_jump_in_a_circle_end() -> None:
    text = "*filter\n:INPUT DROP [0:0]\n:A - [0:0]\n-A INPUT -j A\n-A A -j A\nCOMMIT\n"
    ruleset = iptables_save.read_ruleset(text, "ip")

    found = judged(ruleset)

    assert (found.blocks, found.rules) == (True, 2)


@pytest.mark.parametrize(
    ("rules", "blocks"),
    [
        ("-A INPUT -j DROP", True),
        (
            "-A INPUT -m comment --comment 'drop it' -j REJECT --reject-with icmp-port-unreachable",
            True,
        ),
        ("-A INPUT ! -i lo -j DROP", True),
        ("-A INPUT -p tcp -j DROP", False),
        ("-A INPUT -m state --state NEW -j DROP", True),
        ("-A INPUT -s 10.0.0.0/8 -j DROP", False),
        ("-A INPUT -j LOG\n-A INPUT -j DROP", True),
        ("-A INPUT -g CHECK\n-A INPUT -j DROP", False),
        ("-A INPUT -j CHECK\n-A INPUT -j DROP", True),
        ("-A INPUT -j 'unclosed", False),
    ],
)
def test_iptables_rules_are_followed(rules: str, *, blocks: bool) -> None:
    text = f"*filter\n:INPUT ACCEPT [0:0]\n:CHECK - [0:0]\n-A CHECK -j RETURN\n{rules}\nCOMMIT\n"

    assert judged(iptables_save.read_ruleset(text, "ip")).blocks is blocks


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nftables": {}}', "Error: no such file"])
def test_what_is_no_ruleset_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        nft_json.read_ruleset(text)


def test_odd_items_of_a_ruleset_are_left_out() -> None:
    odd = {"nftables": [1, None, {"chain": 3}, {"rule": {"expr": ["x", {"match": 1}]}}, {"map": 1}]}

    assert nft_json.read_ruleset(json.dumps(odd)).chains == ()


def test_a_chains_own_policy_decides_at_its_end() -> None:
    chain = Chain("inet", "t", "in", type="filter", hook="input", policy="drop")
    packet = Packet("ipv4", "tcp", "eth0")

    assert Ruleset((chain,)).fate(chain, packet) is Action.DROP
