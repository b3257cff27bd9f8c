"""The texts of question 7's measured rules as data: `queries/guide/site/mail.yaml`.

`rules` is a list; unknown keys are refused, with file and line. A rule has `id` (one of
`findings.RULES`), `severity`, `beyond_guide`, `title`, `why` and `remediation`, as the rules of
devices have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vigie_server.domain.documents import Texts, read_document
from vigie_server.domain.mail.findings import RULES
from vigie_server.domain.verdicts import Severity


@dataclass(frozen=True, slots=True)
class MailRule:
    """A rule on mail domains, as people read it."""

    id: str
    severity: Severity
    beyond_guide: bool
    title: Texts
    why: Texts
    remediation: Texts

    @property
    def question(self) -> int:
        """The question of the guide it belongs to."""
        return int(self.id[1:3])


def load_mail_rules(path: Path) -> Mapping[str, MailRule]:
    """All rules on mail domains, by id. Raises RulesMalformed."""
    document = read_document(path)
    rules: dict[str, MailRule] = {}
    for section in document.sections("rules"):
        rule_id = section.choice("id", frozenset(RULES))
        if rule_id in rules:
            raise section.wrong("is there twice", "id")
        rules[rule_id] = MailRule(
            id=rule_id,
            severity=Severity(section.choice("severity", frozenset(Severity))),
            beyond_guide=section.flag("beyond_guide", default=False),
            title=section.both_languages("title"),
            why=section.both_languages("why"),
            remediation=section.both_languages("remediation", lines=True),
        )
        section.close()
    document.close()
    for missing in (rule for rule in RULES if rule not in rules):
        raise document.wrong(f"lacks the rule {missing}")
    return rules
