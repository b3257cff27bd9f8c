"""vigie_admin_rights, vigie_sessions and vigie_elevation: who rules this device (Linux)."""

from typing import Final

from vigie_agent.tables.columns import COLLECTED, integer, text

RIGHTS_COLUMNS: Final = (
    text("account", "Account, or the group or netgroup whose members are not known here"),
    text("account_id", "uid; empty when it is not a local account"),
    text("source", "local, or remote for a name that the device's own files do not know"),
    text("kind", "user or group"),
    text("via", "What gives the rights: uid 0, sudoers <rule's name>, group <name>"),
    integer("enabled", "The account can be used; NULL when not known"),
    integer("builtin", "root, the system's own administration account"),
    *COLLECTED,
)
"""vigie_admin_rights: one row an account and a way; one of `collected` = no for closed sudoers."""

SESSION_COLUMNS: Final = (
    text("username", "Account with an open session"),
    text("uid", "Its number, empty when unknown"),
    integer("remote", "From another machine"),
    integer("is_admin", "The account has administration rights; NULL when not known"),
    text("admin_via", "What gives them"),
    *COLLECTED,
)
"""vigie_sessions: one row an account with at least one open session; no row when there is none."""

ELEVATION_COLUMNS: Final = (
    text("setting", "The sudoers rule's user or group, `Defaults`, or autologin"),
    text("value", "The rule's words that decide"),
    integer("guarded", "Raising rights through it asks for a password"),
    text("source", "The file it stands in"),
    *COLLECTED,
)
"""vigie_elevation: one row a way to raise rights."""
