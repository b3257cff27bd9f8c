"""Reads what `nft -j list ruleset` prints."""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from vigie_agent.tables.packet_filter import (
    Action,
    Chain,
    Choice,
    Condition,
    Field,
    Rule,
    Ruleset,
    Verdict,
)

_ACTIONS: Final = {
    "accept": Action.ACCEPT,
    "drop": Action.DROP,
    "reject": Action.DROP,
    "queue": Action.ACCEPT,  # a program decides: nothing says that it refuses
    "return": Action.RETURN,
    "jump": Action.JUMP,
    "goto": Action.GOTO,
    "continue": Action.NOTHING,
}
_HARMLESS: Final = frozenset({"counter", "log", "comment", "mangle", "notrack", "flow"})
"""Statements that let a packet through to the next one."""

_FIELDS: Final = {
    ("meta", "iifname"): Field.INTERFACE,
    ("meta", "iif"): Field.INTERFACE,
    ("meta", "nfproto"): Field.FAMILY,
    ("meta", "protocol"): Field.FAMILY,
    ("meta", "l4proto"): Field.PROTOCOL,
    ("ct", "state"): Field.STATE,
}
_FAMILIES: Final = {"ip": "ipv4", "ip6": "ipv6"}
_XT_DROPS: Final = frozenset({"REJECT", "DROP", "TARPIT"})
_ALLOWING_PREFIXES: Final = ("ALLOW", "AUDIT")
"""In the prefix of a log rule that does not log drops, as ufw spells them."""

_Json = Mapping[str, Any]


def read_ruleset(text: str) -> Ruleset:
    """The ruleset that nft printed. Raises ValueError when it is not one."""
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("nftables"), list):
        raise ValueError("not a ruleset")  # noqa: TRY004 (the text is wrong, not a type of ours)
    items = [item for item in document["nftables"] if isinstance(item, dict)]
    maps = {_key(item["map"]): item["map"] for item in items if isinstance(item.get("map"), dict)}
    rules: defaultdict[tuple[str, str, str], list[Rule]] = defaultdict(list)
    for item in items:
        if isinstance(rule := item.get("rule"), dict):
            place = (str(rule.get("family")), str(rule.get("table")), str(rule.get("chain")))
            rules[place].append(_rule(rule, maps))
    return Ruleset(
        tuple(
            _chain(item["chain"], tuple(rules[_key(item["chain"])]))
            for item in items
            if isinstance(item.get("chain"), dict)
        )
    )


def _key(item: _Json) -> tuple[str, str, str]:
    return str(item.get("family")), str(item.get("table")), str(item.get("name"))


def _chain(chain: _Json, rules: tuple[Rule, ...]) -> Chain:
    family, table, name = _key(chain)
    priority = chain.get("prio")
    return Chain(
        family=family,
        table=table,
        name=name,
        rules=rules,
        type=str(chain.get("type", "")),
        hook=str(chain.get("hook", "")),
        priority=priority if isinstance(priority, int) else 0,
        policy=str(chain.get("policy", "")),
    )


def _rule(rule: _Json, maps: Mapping[tuple[str, str, str], _Json]) -> Rule:
    conditions: list[Condition] = []
    verdict: Verdict | Choice = Verdict(Action.NOTHING)
    logs = False
    statements = [one for one in rule.get("expr") or () if isinstance(one, dict)]
    for statement in statements:
        for name, body in statement.items():
            if name in _ACTIONS:
                target = str(body.get("target", "")) if isinstance(body, dict) else ""
                verdict = Verdict(_ACTIONS[name], target if name in {"jump", "goto"} else "")
            elif name == "vmap" and isinstance(body, dict):
                verdict = _choice(body, rule, maps)
            elif name == "xt" and isinstance(body, dict) and body.get("type") == "target":
                logs = logs or body.get("name") in {"LOG", "NFLOG"}
                verdict = Verdict(Action.DROP) if body.get("name") in _XT_DROPS else verdict
            elif name == "match" and isinstance(body, dict):
                conditions.append(_condition(body))
            elif name == "log":
                prefix = str(body.get("prefix", "")) if isinstance(body, dict) else ""
                logs = logs or not any(word in prefix for word in _ALLOWING_PREFIXES)
            elif name not in _HARMLESS:
                conditions.append(Condition(Field.OTHER))
    return Rule(verdict, tuple(conditions), logs, _text(statements))


def _condition(body: _Json) -> Condition:
    looked_at = _field(body.get("left"))
    values = _values(body.get("right"))
    if values is None or body.get("op") not in {"==", "!=", "in"}:
        return Condition(Field.OTHER)
    return Condition(looked_at, values, negated=body["op"] == "!=")


def _choice(body: _Json, rule: _Json, maps: Mapping[tuple[str, str, str], _Json]) -> Choice:
    data = body.get("data")
    if isinstance(data, str) and data.startswith("@"):
        named = maps.get((str(rule.get("family")), str(rule.get("table")), data[1:]), {})
        pairs = named.get("elem")
    else:
        pairs = data.get("set") if isinstance(data, dict) else None
    verdicts: dict[str, Verdict] = {}
    for pair in pairs if isinstance(pairs, list) else ():
        match pair:
            case [value, dict() as verdict]:
                name, inner = next(iter(verdict.items()), ("continue", None))
                target = str(inner.get("target", "")) if isinstance(inner, dict) else ""
                action = _ACTIONS.get(name, Action.NOTHING)
                verdicts[_word(value)] = Verdict(action, target)
            case _:
                continue
    return Choice(_field(body.get("key")), verdicts)


def _field(expression: object) -> Field:
    match expression:
        case {"meta": {"key": str(key)}}:
            return _FIELDS.get(("meta", key), Field.OTHER)
        case {"ct": {"key": str(key)}}:
            return _FIELDS.get(("ct", key), Field.OTHER)
        case _:
            return Field.OTHER


def _values(right: object) -> frozenset[str] | None:
    """What is compared with, None for what we cannot list (a named set, a range)."""
    match right:
        case {"set": [*elements]}:
            return frozenset(_word(element) for element in elements)
        case str() if right.startswith("@"):
            return None
        case [*elements]:
            return frozenset(_word(element) for element in elements)
        case str() | int():
            return frozenset({_word(right)})
        case _:
            return None


def _word(value: object) -> str:
    match value:
        case {"elem": {"val": inner}}:
            return _word(inner)
        case str():
            return _FAMILIES.get(value, value)
        case _:
            return str(value)


def _text(statements: list[dict[str, Any]]) -> str:
    """The rule without its counters, the same whenever it is read."""
    kept = [one for one in statements if "counter" not in one]
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))
