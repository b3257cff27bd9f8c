"""Which devices a group picks."""

import pytest

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.selectors import selector_of


def a_device(
    *, hostname: str = "SRV-01", chassis: str = "server", roles: tuple[str, ...] = ()
) -> Device:
    return Device(
        id="d1",
        site="les-lilas",
        profile="standard",
        platform="linux",
        state=DeviceState.ACTIVE,
        hostname=hostname,
        chassis=chassis,
        declared={"device.roles": roles},
    )


@pytest.mark.parametrize(
    ("selector", "picks"),
    [
        ('{"platform": ["linux"]}', True),
        ('{"platform": "linux"}', True),
        ('{"platform": ["windows", "darwin"]}', False),
        ('{"hostname": ["srv-*"]}', True),
        ('{"hostname": ["srv"]}', False),
        ('{"hostname": ["poste-?", "SRV-0[1-3]"]}', True),
        ('{"roles": ["stores-data", "kiosk"]}', True),
        ('{"roles": ["kiosk"]}', False),
        ('{"devices": ["d1"]}', True),
        ('{"profile": ["critical"]}', False),
        ('{"platform": ["linux"], "chassis": ["laptop"]}', False),
        ('{"platform": ["linux"], "chassis": ["server", "laptop"]}', True),
    ],
)
def test_a_device_is_picked_when_it_meets_every_criterion(selector: str, *, picks: bool) -> None:
    assert selector_of(selector).picks(a_device(roles=("stores-data",))) is picks


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        ("{", "not JSON"),
        ("[]", "a selector is an object"),
        ("{}", "needs one of"),
        ('{"plateform": ["linux"]}', "did you mean `platform`"),
        ('{"platform": ["linus"]}', "did you mean `linux`"),
        ('{"platform": []}', "a list of 1 to"),
        ('{"platform": [1]}', "not a text"),
        ('{"hostname": {"a": 1}}', "a list of 1 to"),
    ],
)
def test_a_wrong_selector_is_told_with_what_was_meant(selector: str, told: str) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        selector_of(selector)


def test_a_selector_comes_back_from_its_own_json() -> None:
    selector = selector_of('{"hostname": "SRV-*", "platform": ["linux", "linux"]}')

    assert selector.as_json() == '{"platform": ["linux"], "hostname": ["SRV-*"]}'
    assert selector_of(selector.as_json()) == selector
