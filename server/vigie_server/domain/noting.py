"""Under what the judge notes with an answer's cells what rules said of it.

Cells are those of every device with the same answer: what is noted is found with them.
"""

from typing import Final

from vigie_server.domain.declared import UNSAID
from vigie_server.domain.devices import Device
from vigie_server.domain.parameters import Setting

NOTES_KEPT: Final = 64
"""Of one answer, what rules said of it included."""


class Named(dict[str, object]):
    """What conditions see of a device under full names, each looked up once."""

    def __init__(self, device: Device) -> None:
        super().__init__(UNSAID)  # of a rule on asset cards nine are asked, and few are said
        self.update(device.declared)
        self.device: Final = device

    def __missing__(self, name: str) -> object:
        found = self[name] = self.device.named(name)
        return found


def own_place(setting: Setting, names: tuple[str, ...], named: Named) -> tuple[object, ...]:
    """Under what cells note the answer of a rule that reads them alone."""
    if not names:
        return (setting, named.device.platform)
    return (setting, named.device.platform, *[named[name] for name in names])
