"""Does what a person says or wants of a device."""

from dataclasses import dataclass

from vigie_server.domain.device_acts import NOMADISM, STATES, DeviceAct
from vigie_server.domain.devices import Device
from vigie_server.ports.administering import KeepsDevices
from vigie_server.ports.declaring import Act


@dataclass(frozen=True, slots=True)
class ActOnDevices:
    """The `DeviceActs` over a store."""

    store: KeepsDevices

    def act_on(self, device: Device, what: DeviceAct, act: Act) -> None:
        """Blocks. Raises ActRefused where it is not for the device, and NotFound."""
        if what in STATES:
            self.store.declare_state(device.id, STATES[what], now=act.at, actor=act.actor)
        elif what in NOMADISM:
            said = NOMADISM[what]
            self.store.declare_nomadic(device.id, nomadic=said, now=act.at, actor=act.actor)
        elif what is DeviceAct.APPROVE:
            self.store.approve(device.id, now=act.at, actor=act.actor)
        elif what is DeviceAct.REVOKE:
            self.store.revoke(device.id, now=act.at, actor=act.actor)
        else:
            self.store.retire(device.id, now=act.at, actor=act.actor)
