"""What a person may say or do about a device, as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import ActRefused


class DeviceAct(StrEnum):
    """`found` takes back lost and stolen; `worked-out` takes back what was said of nomadism."""

    APPROVE = "approve"
    FOUND = "found"
    LOST = "lost"
    STOLEN = "stolen"
    NOMADIC = "nomadic"
    NOT_NOMADIC = "not-nomadic"
    WORKED_OUT = "worked-out"
    REVOKE = "revoke"
    RETIRE = "retire"


_AWAY: Final = {DeviceAct.LOST: DeviceState.LOST, DeviceAct.STOLEN: DeviceState.STOLEN}
STATES: Final = {DeviceAct.FOUND: DeviceState.ACTIVE, **_AWAY}
NOMADISM: Final = {
    DeviceAct.NOMADIC: True,
    DeviceAct.NOT_NOMADIC: False,
    DeviceAct.WORKED_OUT: None,
}
_WAITING: Final = frozenset({DeviceState.PENDING, DeviceState.QUARANTINED})
_GONE: Final = (
    "which is for good: if it is there again, enrol it with a new token, as a device of its own"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides which acts there are about a device."""

    state: DeviceState
    revoked: bool
    declared_nomadic: bool | None

    @classmethod
    def of(cls, device: Device) -> "Standing":
        """As it stood when it was read."""
        return cls(device.state, device.revoked, device.whereabouts.declared_nomadic)


def acts_on(device: Standing) -> Sequence[DeviceAct]:
    """What there is to do about a device: nothing that it is already, none of a retired one.

    One that was thought lost may turn out to be stolen, or the other way round.
    """
    if device.state is DeviceState.RETIRED:
        return ()
    return (
        *([DeviceAct.APPROVE] if device.state in _WAITING else ()),
        *([DeviceAct.FOUND] if device.state in _AWAY.values() else ()),
        *[act for act, state in _AWAY.items() if state is not device.state],
        *[act for act, said in NOMADISM.items() if said is not device.declared_nomadic],
        *(() if device.revoked else (DeviceAct.REVOKE,)),
        DeviceAct.RETIRE,
    )


def check_act(device: Standing, act: DeviceAct) -> None:
    """Raises ActRefused where it is not for the device as it stands."""
    possible = acts_on(device)
    if device.state is DeviceState.RETIRED:
        raise ActRefused(f"{act}: not for a device that is retired, {_GONE}")
    if act not in possible:
        others = ", ".join(possible)
        standing = f"{device.state.value} and revoked" if device.revoked else device.state.value
        raise ActRefused(f"{act}: not for a device that is {standing}, which takes {others}")
