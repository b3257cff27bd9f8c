"""vigie_mac_enrolment: whether this Mac is enrolled with an MDM, which osquery does not tell.

`profiles` tells it, in English whatever the language of the Mac; any account may ask.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.enrolment import read_profiles_status
from vigie_agent.tables.host import Host, Outcome

COLUMNS: Final = (
    integer("enrolled", "An MDM manages this Mac"),
    text("server", "The host of the MDM's address"),
    text("state", "user approved, automated (Apple's device enrolment), or both"),
    *COLLECTED,
)
"""One row."""

_COMMAND: Final = ("profiles", "status", "-type", "enrollment")
_TIMEOUT: Final = timedelta(seconds=15)
_MAX_OUTPUT: Final = 64 * 1024


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
    result = host.run(_COMMAND, timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
    found = read_profiles_status(result.stdout)
    if found is not None:
        yield collected(enrolled=int(found.enrolled), server=found.server, state=found.state)
    elif result.outcome is Outcome.EXITED:
        said = result.stderr.strip().partition("\n")[0]
        yield not_collected(f"profiles: {said or 'it says nothing of an MDM'}")
    else:
        yield not_collected(f"profiles: {result.outcome.value}")
