"""vigie_password_policy: what PAM and login.defs enforce on this device (Linux).

One row a part. Includes are followed, arguments on a module's line override its file, and the
defaults of a module that is in the stack count.
"""

from typing import Final

from vigie_agent.tables.columns import COLLECTED, integer, text

COLUMNS: Final = (
    text("part", "quality, lockout or ageing"),
    text("source", "The module or file that decides, and where it is named"),
    integer("enforced", "Something checks it when a password is set (or when one fails)"),
    integer("min_length", "quality: shortest password that passes"),
    integer("min_classes", "quality: how many of the four kinds of characters are required"),
    integer("upper_required", "quality: a capital is required"),
    integer("lower_required", "quality: a lower-case letter is required"),
    integer("digit_required", "quality: a digit is required"),
    integer("special_required", "quality: a special character is required"),
    integer("applies_to_root", "quality and lockout: root is held to it too"),
    integer("lockout_threshold", "lockout: failures before the account locks; 0 never locks"),
    integer("lockout_seconds", "lockout: how long it stays locked; 0 until someone unlocks it"),
    integer("max_age_days", "ageing: of new accounts' passwords; -1 when there is none"),
    integer("min_age_days", "ageing: of new accounts' passwords"),
    integer("history", "ageing: former passwords that are refused"),
    *COLLECTED,
)
