"""vigie_clamav: ClamAV on this device, its daemons and its signatures (Linux)."""

from typing import Final

from vigie_agent.tables.columns import COLLECTED, integer, text, unix_time

COLUMNS: Final = (
    integer("active", "clamd runs"),
    integer("real_time", "clamonacc runs: files are scanned when opened"),
    integer("auto_update", "freshclam runs, or a timer or cron job starts it"),
    text("signatures_version", "Version of the daily set"),
    unix_time("signatures_time", "Build time of the daily set: daily.cvd or daily.cld, the newer"),
    text("main_version", "Version of the main set"),
    unix_time("main_time", "Build time of the main set"),
    text("detail", "What was found running, and the databases' folder"),
    *COLLECTED,
)
"""One row when ClamAV is installed, none when it is not."""
