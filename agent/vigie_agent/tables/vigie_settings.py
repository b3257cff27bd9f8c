"""vigie_settings: the settings in force, with the precedence of drop-in files resolved (Linux)."""

from typing import Final

from vigie_agent.domain.table import Column, ColumnType
from vigie_agent.tables.columns import COLLECTED, text

COLUMNS: Final = (
    Column(
        "family",
        ColumnType.TEXT,
        "pwquality, faillock, pwhistory, login_defs, apt, dnf_automatic, journald, timesyncd, "
        "logind, ufw, ufw_default, firewalld, usbguard, freshclam, clamd",
        index=True,
    ),
    text("key", "Setting, spelt as its program documents it: minlen, PASS_MAX_DAYS, ..."),
    text("value", "The value in force; empty for a setting that is a bare word"),
    text("source", "The file that set it"),
    *COLLECTED,
)
