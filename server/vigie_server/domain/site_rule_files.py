"""The rules of a whole site as data: `queries/guide/site/rules.yaml`.

`rules` is a list; unknown keys are refused, with file and line. A rule:

`id`            one of `domain/site_rules.py`, which decides it
`severity`      `critical`, `major` or `minor`
`beyond_guide`  `true` where it is good practice beyond the guide, or its figure is ours
`title`, `why`, `remediation`   as in the rules of devices
`parameters`    those that the decision takes, as for devices; a whole number says `most`
`reasons`       the sentence of each of its outcomes, with `{name}`, `{name:date}`
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vigie_server.domain.documents import Section, read_document
from vigie_server.domain.parameters import Parameter, ParameterType, read_parameter
from vigie_server.domain.reference_files import References
from vigie_server.domain.site_rules import DECISIONS, Decision, SiteRule
from vigie_server.domain.statements import LANGUAGES, Template, TemplateMalformed
from vigie_server.domain.suggesting import meant
from vigie_server.domain.verdicts import Severity

_TYPES: Final = frozenset({ParameterType.INTEGER, ParameterType.PRODUCTS})


def load_site_rules(path: Path, references: References) -> Mapping[str, SiteRule]:
    """The rules of a file, by id. Raises RulesMalformed."""
    document = read_document(path)
    rules: dict[str, SiteRule] = {}
    for section in document.sections("rules"):
        rule = _rule(section, references)
        if rule.id in rules:
            raise section.wrong("is there twice", "id")
        rules[rule.id] = rule
    document.close()
    for missing in DECISIONS.keys() - rules.keys():
        raise document.wrong(f"lacks the rule {missing}")
    return rules


def _rule(section: Section, references: References) -> SiteRule:
    rule_id = section.text("id")
    decision = DECISIONS.get(rule_id)
    if decision is None:
        raise section.wrong(f"`{rule_id}` is no rule of a site{meant(rule_id, DECISIONS)}", "id")
    parameters = {
        name: read_parameter(name, held, references)
        for name, held in section.named_sections("parameters")
    }
    _refuse_others(section, "parameters", parameters, decision.parameters)
    for name, parameter in parameters.items():
        if parameter.type not in _TYPES:
            raise section.wrong(f"`{name}` must be a whole number or products", "parameters")
        if parameter.type is ParameterType.INTEGER and parameter.most is None:
            raise section.wrong(f"`{name}` must say the most it can be (`most`)", "parameters")
    reasons = {
        name: _templates(held, name, decision, parameters)
        for name, held in section.named_sections("reasons")
    }
    _refuse_others(section, "reasons", reasons, decision.reasons)
    rule = SiteRule(
        id=rule_id,
        severity=Severity(section.choice("severity", frozenset(Severity))),
        beyond_guide=section.flag("beyond_guide", default=False),
        title=section.both_languages("title"),
        why=section.both_languages("why"),
        remediation=section.both_languages("remediation", lines=True),
        parameters=parameters,
        reasons=reasons,
    )
    section.close()
    return rule


def _refuse_others(
    section: Section,
    key: str,
    given: Mapping[str, object],
    wanted: Mapping[str, object] | frozenset[str],
) -> None:
    for name in given:
        if name not in wanted:
            raise section.wrong(
                f"holds `{name}`, which the rule does not know{meant(name, wanted)}", key
            )
    for name in wanted:
        if name not in given:
            raise section.wrong(f"lack `{name}`", key)


def _templates(
    section: Section, reason: str, decision: Decision, parameters: Mapping[str, Parameter]
) -> Mapping[str, Template]:
    if reason not in decision.reasons:
        return {}  # refused by the caller, with its name
    _, names = decision.reasons[reason]
    numbers = {name for name, held in parameters.items() if held.type is ParameterType.INTEGER}
    texts = {language: section.line_of_text(language) for language in LANGUAGES}
    section.close()
    try:
        return {
            language: Template.of(text, language, names | numbers)
            for language, text in texts.items()
        }
    except TemplateMalformed as error:
        raise section.wrong(f"{reason}: {error}") from error
