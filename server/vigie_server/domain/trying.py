"""Runs the examples that rules carry, and says where a verdict is another than they want."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vigie_server.domain.examples import NOW, Example
from vigie_server.domain.judge import Judge
from vigie_server.domain.rules import Catalogue, Rule
from vigie_server.domain.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Differing:
    """An example and the verdict that it got instead."""

    rule: Rule
    example: Example
    verdict: Verdict

    @property
    def only_words(self) -> bool:
        """Whether the status is as wanted, and the reason lacks what it should say."""
        return self.verdict.status is self.example.verdict


def tried(catalogue: Catalogue, rules: Sequence[Rule]) -> Iterator[Differing]:
    """The examples of these rules that get another verdict, or another reason."""
    judge = Judge(catalogue, memory_bytes=0)
    for rule in rules:
        for example in rule.examples:
            facts = example.facts(catalogue.topics)
            verdict = judge.verdict(rule, example.device, facts, now=NOW)
            said = example.says in verdict.reason["fr"]
            if verdict.status is not example.verdict or not said:
                yield Differing(rule, example, verdict)
