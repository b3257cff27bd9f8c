"""What a process learns of the changes that others committed to the store they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Noticed:
    """What happened since the last look, in any process or by an act in this one.

    `moved`: devices by key, with a revision that their row has come to: a record below it is past.
    `ended`: the same, where a session that began below it is over. `shown`: keys of devices of
    which readers see something else. `seen`: devices by id that only reported, and when.
    `subjects`: what acts were about; `acted`: the devices among them, by key and revision.
    `assessed`: sites by name.
    `missed`: changes were missed, everything is to be read again. `more`: look again at once.
    """

    moved: Mapping[int, int] = field(default_factory=dict)
    ended: Mapping[int, int] = field(default_factory=dict)
    shown: Sequence[int] = ()
    seen: Mapping[str, datetime] = field(default_factory=dict)
    subjects: Sequence[str] = ()
    acted: Mapping[int, int] = field(default_factory=dict)
    assessed: Sequence[str] = ()
    mail: bool = False
    all_moved: bool = False
    missed: bool = False
    more: bool = False
