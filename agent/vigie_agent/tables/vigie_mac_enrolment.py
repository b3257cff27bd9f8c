"""vigie_mac_enrolment: whether this Mac is enrolled with an MDM, which osquery does not tell.

`profiles` tells it, in English whatever the language of the Mac; any account may ask.
"""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.enrolment import read_profiles_status
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import PROFILES, Unanswered, read_answer

COLUMNS: Final = (
    integer("enrolled", "An MDM manages this Mac"),
    text("server", "The host of the MDM's address"),
    text("state", "user approved, automated (Apple's device enrolment), or both"),
    *COLLECTED,
)
"""One row."""


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_mac_enrolment",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"darwin"}),
            description="Whether this Mac is enrolled with an MDM",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    try:
        found = read_answer(host, read_profiles_status, PROFILES, "status", "-type", "enrollment")
    except Unanswered as missing:
        yield not_collected(str(missing))
        return
    yield collected(enrolled=int(found.enrolled), server=found.server, state=found.state)
