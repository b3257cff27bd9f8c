"""What a rule names: of its device, of time, of attestations. Its verdict follows these alone."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from vigie_server.domain.attested import CARRIERS, EVERY_ATTESTATION
from vigie_server.domain.rules import MOVING

TEXT_LITERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
"""A text in an expression: what stands in it is no name."""
_BRACKETS: Final = {"(": 1, ")": -1, "[": 1, "]": -1, "{": 1, "}": -1}
_OBSERVED: Final = re.compile(r"\bobserved_at\b")
_TIME: Final = re.compile(r"\bnow\b|\bobserved_at\b")
_OF_DEVICE: Final = re.compile(r"\b(?:device|site|asset)\.\w+")
_ITEM: Final = re.compile(r"Q(0[1-9]|1[0-3])-[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Names:
    """The expressions of a rule, and the names in its sentences."""

    expressions: Sequence[str]
    sentences: Collection[str]

    def beside_evidence(self) -> tuple[str, ...] | None:
        """What is named beside rows and parameters; None when a time is."""
        if any(_TIME.search(text) for text in self._bare):
            return None
        names = self.of_device
        return None if names & MOVING else tuple(sorted(names))

    def at_a_moment(self) -> tuple[str, ...] | None:
        """What is named beside rows, parameters and `now`; None when another time is."""
        names = self.of_device
        if any(_OBSERVED.search(text) for text in self._bare) or names & MOVING:
            return None
        return tuple(sorted(names))

    @property
    def of_device(self) -> set[str]:
        """The names of the device, its site and its asset card that the rule uses anywhere."""
        texts = (*self._bare, *self.sentences)
        return {name for text in texts for name in _OF_DEVICE.findall(text)}

    def attestations(self) -> frozenset[str]:
        """The attestations that conditions name in a text, or by the name of their value."""
        named = set(_OF_DEVICE.findall(" ".join(self._bare)))
        items = {item for name, item in CARRIERS.items() if name in named}
        if named & {"site.attested", "site.not_applicable"}:
            texts = [
                literal[1:-1]
                for text in self.expressions
                for literal in TEXT_LITERAL.findall(text)
                if _ITEM.fullmatch(literal[1:-1])
            ]
            items |= set(texts or [EVERY_ATTESTATION])
        return frozenset(items)

    @property
    def _bare(self) -> list[str]:
        return [TEXT_LITERAL.sub("", text) for text in self.expressions]


def stands_alone(text: str) -> bool:
    """Whether no bracket of an expression can pair with one of a greater whole it is put into."""
    depth = 0
    for sign in TEXT_LITERAL.sub("", text):
        depth += _BRACKETS.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0 and "\\" not in text
