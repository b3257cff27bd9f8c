"""Who may do what in the agent's folder on Windows, and what there is not to be trusted.

Anyone may make folders in `%PROGRAMDATA%`, and owns what they made: whoever made `Vigie` before the
agent came could have it read their settings, as SYSTEM. What others own is set aside, unread.

Rights are written in SDDL ([MS-DTYP] 2.5.1.1): SY is the system, BA its administrators, BU its
users. O: is the owner, D: who may do what, P that nothing is inherited from above.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

TOP: Final = "O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"
"""The folder `Vigie`: users read the settings in it, administrators alone change anything."""
DATA: Final = "O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
"""The folder of identity, spool and state: administrators alone."""
SECRET: Final = "O:BAG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)"  # noqa: S105 (rights, no secret)
"""The file with the enrolment token."""
FOR_EVERYONE: Final = "D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)(A;;FR;;;BU)"
"""A file that `explain` shows to whoever uses the device. OW is who owns it, and stays so: an agent
that an ordinary user runs writes such files too."""

TRUSTED_OWNERS: Final = frozenset(
    {
        "S-1-5-18",  # the system
        "S-1-5-32-544",  # administrators
        "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",  # TrustedInstaller
    }
)
_MADE_BY_OTHERS: Final = frozenset({PurePath("last-backup")})
"""What other programs write: it is never run and sets nothing."""


def is_closed(owner: str, sddl: str) -> bool:
    """Whether the folder `Vigie` has been closed: since then administrators alone wrote in it."""
    return owner in TRUSTED_OWNERS and sddl.partition("D:")[2] == TOP.partition("D:")[2]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder, by its path below `Vigie` (`.` is that folder itself)."""

    path: PurePath
    owner: str
    """Its SID."""
    leads_elsewhere: bool = False
    """It is a link or a junction."""


def is_trusted(entry: Entry) -> bool:
    """Whether the agent may use it."""
    return entry.path in _MADE_BY_OTHERS or (
        entry.owner in TRUSTED_OWNERS and not entry.leads_elsewhere
    )


def to_set_aside(entries: Iterable[Entry]) -> tuple[PurePath, ...]:
    """What is not to be trusted; of a folder that is not, nothing below it."""
    found: list[PurePath] = []
    for path in sorted(entry.path for entry in entries if not is_trusted(entry)):
        if not any(above in (path, *path.parents) for above in found):
            found.append(path)
    return tuple(found)
