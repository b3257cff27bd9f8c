"""Telling a reconnection from a clone: two machines that hold one identity.

A machine has one boot id at a time and never returns to an older one. So a boot id that comes back
after another was seen means two machines; and a message from the first session, well after a second
one with another boot id knocked, means that both are alive.
"""

from datetime import timedelta
from typing import Final

REMEMBERED_BOOTS: Final = 8
"""Boot ids kept of a device, the newest last."""

STRAGGLING: Final = timedelta(seconds=5)
"""How long messages that were under way when a machine died may still arrive."""


def returns_to_an_older_boot(boot_ids: tuple[str, ...], boot_id: str) -> bool:
    """Whether this boot id was left for another one before."""
    return boot_id in boot_ids[:-1]


def remembered(boot_ids: tuple[str, ...], boot_id: str) -> tuple[str, ...]:
    """The boot ids to keep once `boot_id` has been seen."""
    if boot_ids and boot_ids[-1] == boot_id:
        return boot_ids
    return (*boot_ids, boot_id)[-REMEMBERED_BOOTS:]
