"""Which columns of evidence name people: what a contractor does not see.

A topic says in words which personal data it holds; here are the columns it means. Of a topic that
is not here and has personal data, a site's own, every column of text counts.
"""

from collections.abc import Mapping
from typing import Any, Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import FactRow
from vigie_server.domain.rules import Catalogue, Rule
from vigie_server.domain.topics import COMMON_COLUMNS, ColumnType, Topic

NAMING: Final[Mapping[str, frozenset[str]]] = {
    "accounts": frozenset({"username", "account_id"}),
    "automatic_login": frozenset({"account", "origin"}),
    "backups": frozenset({"account", "identifier"}),
    "browsers": frozenset({"username", "profile"}),
    "inbound_services": frozenset({"name"}),
    "local_admins": frozenset({"account", "account_id", "via", "value"}),
    "network": frozenset({"mac", "address", "gateway_mac"}),
    "screen_lock": frozenset({"username", "source"}),
}
"""By topic."""

HIDDEN: Final = "***"
REASON: Final[Texts] = {
    "fr": "Le détail nomme des personnes : il n'est pas montré aux prestataires.",
    "en": "The detail names people: contractors are not shown it.",
}
"""Stands for the reason of a rule that reads what names people: a reason quotes rows."""


def naming_columns(catalogue: Catalogue) -> Mapping[str, frozenset[str]]:
    """By the id of each rule that reads what names people: the columns that do."""
    found = {rule.id: _of_rule(rule, catalogue.topics) for rule in catalogue.rules.values()}
    return {rule: columns for rule, columns in found.items() if columns}


def without_names(row: FactRow, columns: frozenset[str]) -> FactRow:
    """The row, with `HIDDEN` for every name in it."""
    hidden: dict[str, Any] = {
        name: HIDDEN if name in columns and value not in (None, "") else value
        for name, value in row.items()
    }
    return hidden


def _of_rule(rule: Rule, topics: Mapping[str, Topic]) -> frozenset[str]:
    columns: frozenset[str] = frozenset()
    for read in rule.reads.values():
        topic = topics[read.topic]
        if topic.personal_data is not None:
            columns |= NAMING.get(topic.name, _texts(topic))
    return columns


def _texts(topic: Topic) -> frozenset[str]:
    return frozenset(
        column.name
        for column in topic.columns.values()
        if column.type is ColumnType.TEXT and column.name not in COMMON_COLUMNS
    )
