"""What the rules in force are: the side of a join that says question and severity of a rule."""

from collections.abc import Iterable
from typing import Final, Protocol

from vigie_server.domain.documents import Texts
from vigie_server.domain.verdicts import Severity
from vigie_server.metrics.exposition import Family, labels
from vigie_server.metrics.site_families import CommonFamily

RULE_INFO: Final = Family(
    "vigie_rule_info",
    "A rule in force, of devices, sites or mail domains; the value is always 1.",
)


class Described(Protocol):
    """A rule, whatever it judges."""

    @property
    def id(self) -> str: ...

    @property
    def question(self) -> int: ...

    @property
    def severity(self) -> Severity: ...

    @property
    def title(self) -> Texts: ...


def rule_lines(rules: Iterable[Described]) -> CommonFamily:
    """One line a rule."""
    return CommonFamily(
        RULE_INFO,
        [
            f"{RULE_INFO.name}{{{labels(_named(rule))}}} 1\n"
            for rule in sorted(rules, key=lambda rule: rule.id)
        ],
    )


def _named(rule: Described) -> tuple[tuple[str, str], ...]:
    return (
        ("rule", rule.id),
        ("question", str(rule.question)),
        ("severity", rule.severity.value),
        ("title", rule.title["fr"]),
        ("title_en", rule.title["en"]),
    )
