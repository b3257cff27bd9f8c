"""What is told of backups on every system: the columns of `vigie_backups`, and kinds of places."""

from enum import StrEnum
from typing import Final

from vigie_agent.tables.columns import COLLECTED, integer, text, unix_time

COLUMNS: Final = (
    text("part", "schedules, repositories, snapshots, marker or local_data"),
    text("mechanism", "The program: restic, borg, Time Machine, File History, ..."),
    text("kind", "backup keeps former versions elsewhere; copy and snapshot do not"),
    text("account", "Whose backup it is; empty for the whole device"),
    text("identifier", "Tells two of one mechanism apart: a unit, a number of a repository"),
    integer("scheduled", "It starts by itself"),
    text("destination", "internal, external, disk (it may be either), network, cloud or empty"),
    integer("encrypted", "The repository is encrypted; NULL when that is not known"),
    unix_time("last_success_time", "When the last backup ended well; of a snapshot, the day"),
    unix_time("last_run_time", "When it was last started, whatever came of it"),
    text("time_source", "What the times were read from"),
    integer("holds_data", "local_data: somebody's documents lie on this device"),
    *COLLECTED,
)
"""One row for each that is set up; names of documents are never in one."""

DAY: Final = 86_400


class Part(StrEnum):
    """What a row is about."""

    SCHEDULES = "schedules"
    REPOSITORIES = "repositories"
    SNAPSHOTS = "snapshots"
    MARKER = "marker"
    LOCAL_DATA = "local_data"


class Kind(StrEnum):
    """What it is good for: only a backup brings back what was lost or encrypted yesterday."""

    BACKUP = "backup"
    COPY = "copy"  # a mirror, which loses or keeps encrypted what its origin does
    SNAPSHOT = "snapshot"  # on the same disk, and lost with it
