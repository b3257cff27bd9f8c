"""Reads what `iptables-save` and `ip6tables-save` print."""

import shlex
from collections.abc import Iterator
from typing import Final

from vigie_agent.tables.packet_filter import (
    Action,
    Chain,
    Condition,
    Field,
    Rule,
    Ruleset,
    Verdict,
)

_HOOKS: Final = {
    "PREROUTING": "prerouting",
    "INPUT": "input",
    "FORWARD": "forward",
    "OUTPUT": "output",
    "POSTROUTING": "postrouting",
}
_TARGETS: Final = {
    "ACCEPT": Action.ACCEPT,
    "NFQUEUE": Action.ACCEPT,  # a program decides: nothing says that it refuses
    "DROP": Action.DROP,
    "REJECT": Action.DROP,
    "TARPIT": Action.DROP,
    "RETURN": Action.RETURN,
}
_NEW_STATE: Final = frozenset({"--state", "--ctstate"})
_FLAGS: Final = {"-i": Field.INTERFACE, "-p": Field.PROTOCOL}
_MODULES_WITHOUT_CONDITION: Final = frozenset({"tcp", "udp", "conntrack", "state", "comment"})
_OPTIONS_OF_TARGETS: Final = frozenset({"--reject-with", "--log-prefix", "--log-level"})
_ALLOWING_PREFIXES: Final = ("ALLOW", "AUDIT")


def read_ruleset(text: str, family: str) -> Ruleset:
    """The chains of every table in `text`, of `family` ip or ip6; odd lines are left out."""
    table = ""
    policies: dict[tuple[str, str], str] = {}
    rules: dict[tuple[str, str], list[Rule]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":"):
            name, policy = [*line[1:].split(), "-"][:2]
            policies[table, name] = policy
        elif line.startswith("-A ") and (words := _words(line)):
            rules.setdefault((table, words[1]), []).append(_rule(words[2:]))
    return Ruleset(
        tuple(
            Chain(
                family=family,
                table=table,
                name=name,
                rules=tuple(rules.get((table, name), ())),
                type="nat" if table == "nat" else "filter",
                hook=_HOOKS.get(name, "") if policy != "-" else "",
                policy="" if policy == "-" else policy.lower(),
            )
            for (table, name), policy in policies.items()
        )
    )


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    return words if len(words) > 1 else []


def _rule(words: list[str]) -> Rule:
    conditions: list[Condition] = []
    verdict = Verdict(Action.NOTHING)
    logs = False
    for flag, value, negated in _options(words):
        if flag in {"-j", "-g"}:
            action = _TARGETS.get(value)
            logs = logs or value in {"LOG", "NFLOG"}
            jump = Action.GOTO if flag == "-g" else Action.JUMP
            # A target that is no chain of ours (LOG, MARK) leads nowhere: the next rule follows.
            verdict = Verdict(action) if action else Verdict(jump, value)
        elif flag in _FLAGS:
            conditions.append(Condition(_FLAGS[flag], frozenset({value}), negated))
        elif flag in _NEW_STATE:
            states = frozenset(value.lower().split(","))
            conditions.append(Condition(Field.STATE, states, negated))
        elif flag == "--log-prefix":
            logs = not any(word in value for word in _ALLOWING_PREFIXES)
        elif flag == "-m" and value in _MODULES_WITHOUT_CONDITION:
            continue
        elif flag not in _OPTIONS_OF_TARGETS and flag != "--comment":
            conditions.append(Condition(Field.OTHER))
    return Rule(verdict, tuple(conditions), logs, " ".join(words))


def _options(words: list[str]) -> Iterator[tuple[str, str, bool]]:
    """`[!] -flag [value ...]`, one at a time."""
    flag, values, negated, next_negated = "", list[str](), False, False
    for word in [*words, "-"]:
        if word == "!":
            next_negated = True
        elif word.startswith("-"):
            if flag:
                yield flag, " ".join(values), negated
            flag, values, negated, next_negated = word, [], next_negated, False
        else:
            values.append(word)
