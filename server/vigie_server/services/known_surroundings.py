"""What was declared around devices that spoke lately, for as long as it stands.

A declaration raises the revision of every device that it holds for, in the transaction that makes
it. So what was read at a revision of the device's row stands at that revision, and goes on to the
next one with each change that this process commits, since a change lands only on the revision that
it was made from. A revision that anybody else raised is not known here, and is read again.

A device that reports to be another (a chassis, a name) may come under declarations that did not
hold for it when they were made, and did not raise it: `forget` it then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vigie_server.domain.memory import Memory
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.surroundings import Surroundings
from vigie_server.domain.waivers import Waiver

_ENTRY_BYTES: Final = 256
"""An entry, roughly, whose surroundings other devices share."""
_OWN_BYTES: Final = 2_048
"""Beside it, roughly, what was declared of this device alone."""

Waivers = Mapping[str, tuple[Waiver, ...]]


@dataclass(slots=True)
class _Known:
    revision: int
    around: Surroundings
    waivers: Waivers


class KnownSurroundings:
    """Surroundings by device, up to `capacity` bytes of them, roughly. For one thread."""

    def __init__(self, capacity: int) -> None:
        self._capacity: Final = capacity
        self.forget_all()

    def get(self, key: int, revision: int) -> tuple[Surroundings, Waivers] | None:
        """What stands around a device whose row is at this revision, if it is known."""
        known = self._known.get(key)
        if known is None or known.revision != revision:
            return None
        return known.around, known.waivers

    def put(
        self, key: int, revision: int, site: str, around: Surroundings, waivers: Waivers
    ) -> None:
        """Keeps what was read while the device's row was at this revision."""
        shared = self._of_sites.get(site)
        if around == shared:
            around = shared
        elif not around.declared:
            self._of_sites[site] = around
        own = around is not self._of_sites.get(site) or bool(waivers)
        weight = _ENTRY_BYTES + (_OWN_BYTES if own else 0)
        self._known.put(key, _Known(revision, around, dict(waivers)), weight=weight)

    def began(self, key: int, revision_before: int, revision: int) -> None:
        """The device's row came to a revision by a session that this process began."""
        known = self._known.get(key)
        if known is not None and known.revision == revision_before:
            known.revision = revision

    def committed(self, change: DeviceChange) -> None:
        """The device's row came to a revision by a change that this process committed."""
        known = self._known.get(change.key)
        if known is None or known.revision != change.revision_before:
            return
        if change.reopened:  # the change ended waivers
            known.revision = -1
        else:
            known.revision = change.revision

    def forget(self, key: int) -> None:
        """Has a device's surroundings read again."""
        known = self._known.get(key)
        if known is not None:
            known.revision = -1

    def forget_all(self) -> None:
        """Has all surroundings read again."""
        self._known = Memory[int, _Known](self._capacity)
        self._of_sites: dict[str, Surroundings] = {}
