"""What a rule's verdicts can follow beside evidence, parameters set and time, as one digest.

Its own section, but for texts that are shown beside a verdict and not in it; the declarations of
the topics it reads and the reference files it uses, as they stand; how whys are worded; and what
the judge's own code means by all that (`MEANING`). Where two catalogues hold a rule of the same
digest, a verdict by the one stands for the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from vigie_server.domain.casefile import columns_read
from vigie_server.domain.rules import Rule

MEANING: Final = 2
"""Rises when the server's code can judge the same rule and evidence otherwise, or word it so: a
change of the judge, of CEL's version or functions, of how answers are converted."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The files beside the rules' own, by name: their content as it stands."""

    topics: Mapping[str, bytes]
    references: Mapping[str, bytes]
    whys: bytes


def with_digests(rules: Mapping[str, Rule], sources: Sources) -> Mapping[str, Rule]:
    """The same rules, in the order of their ids, each with its digest."""
    columns = columns_read(tuple(rules.values()))
    return {
        name: replace(rule, digest=_digest_of(rule, sources, columns))
        for name, rule in sorted(rules.items())
    }


def catalogue_digest(rules: Mapping[str, Rule]) -> str:
    """Of all of them."""
    return _digest(*(f"{name} {rule.digest}".encode() for name, rule in rules.items()))


def _digest_of(rule: Rule, sources: Sources, columns: Mapping[str, frozenset[str]]) -> str:
    held = [f"{MEANING} {rule.own}".encode(), rule.content.encode()]
    for topic, read in sorted(rule.reads.items()):
        held += [topic.encode(), sources.topics[topic]]
        if rule.follows[topic] is None:  # it may see what other rules have its rows hold
            held.append(" ".join(sorted(columns[read.variable])).encode())
    for reference in sorted(rule.refers):
        held += [reference.encode(), sources.references[reference]]
    if rule.reads:
        held.append(sources.whys)
    return _digest(*held)


def _digest(*held: bytes) -> str:
    content = blake2b(digest_size=16)
    for one in held:
        content.update(f"{len(one)}\n".encode())
        content.update(one)
    return content.hexdigest()
