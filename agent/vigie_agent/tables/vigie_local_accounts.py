"""vigie_local_accounts: the device's accounts, their state and their rights (Linux)."""

from typing import Final

from vigie_agent.tables.columns import COLLECTED, integer, text, unix_time

COLUMNS: Final = (
    text("username", "Account name"),
    integer("uid", "Account number"),
    integer("gid", "Primary group number"),
    text("shell", "Login shell"),
    integer("interactive", "A person can log in with it: its shell is one; 0 for service accounts"),
    integer("enabled", "Not locked, not expired, with a shell; NULL when shadow is not readable"),
    integer(
        "is_admin",
        "Has administration rights; NULL when sudoers is not readable and no group tells",
    ),
    text(
        "admin_via", "What gives them, comma separated: uid 0, sudoers user, sudoers %group, group"
    ),
    text("password_status", "set, empty, locked or none; NULL when shadow is not readable"),
    unix_time("password_last_change", "Day of the last password change"),
    unix_time("expires", "Day the account expires"),
    integer("password_max_days", "Maximum age of its password; -1 when there is none"),
    unix_time("last_login_day", "00:00 UTC of the day of the last login that the device remembers"),
    integer("shadow_read", "Whether /etc/shadow could be read"),
    integer("sudoers_read", "Whether sudoers could be read"),
    integer("logins_read", "Whether a register of logins could be read"),
    *COLLECTED,
)
"""One row an account, `collected` = yes; `why` names what could not be read about it."""
