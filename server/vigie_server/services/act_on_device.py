"""Does what a person says or wants of a device."""

from vigie_server.domain.device_acts import NOMADISM, STATES, DeviceAct, check_act
from vigie_server.domain.devices import Device
from vigie_server.ports.administering import DeviceActs
from vigie_server.ports.declaring import Act


def act_on_device(acts: DeviceActs, device: Device, what: DeviceAct, act: Act) -> None:
    """Blocks. Raises DeclarationRefused where it is not for the device, and NotFound."""
    check_act(device, what)
    if what in STATES:
        acts.declare_state(device.id, STATES[what], now=act.at, actor=act.actor)
    elif what in NOMADISM:
        acts.declare_nomadic(device.id, nomadic=NOMADISM[what], now=act.at, actor=act.actor)
    elif what is DeviceAct.APPROVE:
        acts.approve(device.id, now=act.at, actor=act.actor)
    elif what is DeviceAct.REVOKE:
        acts.revoke(device.id, now=act.at, actor=act.actor)
    else:
        acts.retire(device.id, now=act.at, actor=act.actor)
