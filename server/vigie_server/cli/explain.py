"""`vigie-server rules explain`: how one rule comes to its verdict on one device."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import click

from vigie_server.bootstrap.store import catalogue_in_force
from vigie_server.cli.output import LANGUAGE, opened, printable, show_table, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.documents import Texts
from vigie_server.domain.errors import NotFound
from vigie_server.domain.explaining import Explained, Looked
from vigie_server.domain.explaining import explain as explained
from vigie_server.domain.facts import Fact
from vigie_server.domain.judge import Judge
from vigie_server.domain.overrides import all_in_force, plain
from vigie_server.domain.reasons import STATUSES
from vigie_server.domain.records import DeviceRecord
from vigie_server.domain.rules import Catalogue, Rule
from vigie_server.domain.statements import shown
from vigie_server.domain.suggesting import meant
from vigie_server.domain.topics import ColumnType, Topic
from vigie_server.services.device_records import content_of
from vigie_server.services.rule_book import RuleBook
from vigie_server.settings import read_settings
from vigie_server.store.administration import Administration
from vigie_server.store.overrides import Overrides
from vigie_server.store.records import Records

ROWS: Final = 30
NAMES: Final = 10
_INSTANT: Final = ColumnType.TIMESTAMP
_LAST_INSTANT: Final = 253_402_300_799
"""The last second of the year 9999."""
_ORIGINS: Final[dict[str, Texts]] = {
    "default": {"fr": "valeur par défaut", "en": "default"},
    "profile": {"fr": "profil de l'équipement", "en": "profile"},
    "site": {"fr": "établissement", "en": "site"},
    "group": {"fr": "groupe", "en": "group"},
    "device": {"fr": "équipement", "en": "device"},
}

_WORDS: Final[dict[str, Texts]] = {
    "rule": {"fr": "Règle", "en": "Rule"},
    "device": {"fr": "Équipement", "en": "Device"},
    "parameters": {"fr": "Réglages en vigueur", "en": "Parameters in force"},
    "declared": {"fr": "Ce qui est connu ou déclaré", "en": "What is known or declared"},
    "evidence": {"fr": "Preuves", "en": "Evidence"},
    "none": {"fr": "(aucun)", "en": "(none)"},
    "colon": {"fr": " :", "en": ":"},
    "unsaid": {"fr": "(non dit)", "en": "(not said)"},
    "steps": {"fr": "Étapes", "en": "Steps"},
    "verdict": {"fr": "Verdict", "en": "Verdict"},
    "stands": {"fr": "Enregistré", "en": "Recorded"},
    "next": {"fr": "Peut changer le", "en": "Can change on"},
    "set_by": {"fr": "de", "en": "by"},
    "more": {"fr": "… et {count} de plus", "en": "… and {count} more"},
    "rows": {"fr": "lignes ; * : celles qui ont décidé", "en": "rows, *: they decided"},
    "not_kept": {
        "fr": "« {topic} » n'est pas conservé par le serveur : il est jugé à la réception.",
        "en": "“{topic}” is not kept by the server: it is judged as it comes.",
    },
}


def rule_of(catalogue: Catalogue, rule_id: str) -> Rule:
    """Raises NotFound, with what was probably meant."""
    rule = catalogue.rules.get(rule_id)
    if rule is None:
        raise NotFound(f"there is no rule `{rule_id}`{meant(rule_id, catalogue.rules)}")
    return rule


@click.command("explain")
@click.argument("device_id")
@click.argument("rule_id")
@LANGUAGE
@told_errors
def explain(*, device_id: str, rule_id: str, language: str) -> None:
    """Explain RULE_ID on DEVICE_ID: rows, parameters, what is declared, and each step."""
    catalogue = catalogue_in_force(read_settings())
    rule = rule_of(catalogue, rule_id)
    with opened() as (_, database):
        key = Administration(database).key_of(device_id)
        ((record, forms),) = Records(database).many_with_forms([key])
        device, holding = Overrides(database).holding(device_id)
    found = explained(
        Judge(catalogue, memory_bytes=0),
        rule,
        record.device,
        _facts(catalogue, rule, record, forms),
        now=utc_now(),
    )
    word = {name: texts[language] for name, texts in _WORDS.items()}
    click.echo(f"{word['rule']}{word['colon']} {rule.id} v{rule.version}, {rule.title[language]}")
    click.echo(f"{word['device']}{word['colon']} {device.id} {printable(device.hostname)}")
    for topic in sorted(rule.reads):
        if not catalogue.topics[topic].retention:
            click.echo(word["not_kept"].format(topic=catalogue.topics[topic].title[language]))

    _heading(word["parameters"])
    table = []
    for _, parameter, value in all_in_force({rule.id: rule}, device, holding):
        origin = _ORIGINS[value.origin][language]
        if value.override is not None:
            set_by = value.override
            origin += f" {set_by.of}, {word['set_by']} {set_by.author}, {set_by.at:%Y-%m-%d}"
        table.append((parameter.name, _value(plain(value.value), language), printable(origin)))
    _table(table, word["none"])
    _heading(word["declared"])
    said = {name: found.declared.get(name) for name in rule.names} | dict(found.named)
    _table(
        [
            (name, word["unsaid"] if value is None else _value(value, language))
            for name, value in sorted(said.items())
        ],
        word["none"],
    )
    _heading(f"{word['evidence']} ({word['rows']})")
    for looked in found.looked:
        _rows(looked, catalogue.topics[looked.topic], word, language)
    _heading(word["steps"])
    _steps(found, word["colon"], language)
    _heading(f"{word['verdict']}{word['colon']} {STATUSES[found.verdict.status][language]}")
    click.echo(f"  {printable(found.verdict.reason[language])}")
    if found.verdict.next_check_at is not None:
        click.echo(f"  {word['next']} {found.verdict.next_check_at:%Y-%m-%d %H:%M} UTC")
    stands = record.verdicts.get(rule.id)
    if stands is not None:
        status, since = STATUSES[stands.verdict.status][language], stands.since
        click.echo(f"  {word['stands']}{word['colon']} {status} ({since:%Y-%m-%d %H:%M} UTC)")


def _facts(
    catalogue: Catalogue, rule: Rule, record: DeviceRecord, forms: Mapping[str, bytes]
) -> dict[str, Fact]:
    book = RuleBook(catalogue, memory_bytes=0)
    facts = {}
    for topic in rule.reads.keys() & forms.keys():
        held = record.snapshots[topic]
        content = partial(content_of, forms[topic])
        fact = book.stored_fact(topic, held.digest, content, held.observed_at)
        if fact is not None:
            facts[topic] = fact
    return facts


def _steps(found: Explained, colon: str, language: str) -> None:
    for number, step in enumerate(found.steps, start=1):
        end = "" if step.status is None else f"  => {STATUSES[step.status][language]}"
        click.echo(
            f"  {number}. {step.asked[language]}{colon} {printable(step.found[language])}{end}"
        )
        if step.expression:
            click.echo(f"       {' '.join(step.expression.split())}")


def _rows(looked: Looked, topic: Topic, word: dict[str, str], language: str) -> None:
    instants = {name for name, column in topic.columns.items() if column.type is _INSTANT}
    click.echo(f"  {looked.topic}{word['colon']} {len(looked.rows)}")
    order = sorted(range(len(looked.rows)), key=lambda place: place not in looked.deciding)
    lines = [
        (
            "*" if place in looked.deciding else "",
            *(
                _cell(looked.rows[place].get(column), language, instant=column in instants)
                for column in looked.columns
            ),
        )
        for place in order[:ROWS]
    ]
    if lines:
        show_table(("", *looked.columns), lines)
    if len(order) > ROWS:
        click.echo(word["more"].format(count=len(order) - ROWS))


def _cell(value: object, language: str, *, instant: bool) -> str:
    """What a cell holds; instants are UNIX seconds, which nobody reads."""
    if instant and type(value) is int and 0 <= value <= _LAST_INSTANT:
        value = datetime.fromtimestamp(value, UTC)
    return _value(value, language)


def _value(value: object, language: str) -> str:
    if isinstance(value, tuple | list):
        return printable(", ".join(map(str, value[:NAMES]))) + (
            ", ..." if len(value) > NAMES else ""
        )
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
    return printable(shown(value, "", language)) if value is not None else ""


def _heading(text: str) -> None:
    click.echo("")
    click.echo(text)


def _table(rows: Sequence[tuple[str, ...]], none: str) -> None:
    if not rows:
        click.echo(f"  {none}")
        return
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        click.echo(("  " + "  ".join(cells)).rstrip())
