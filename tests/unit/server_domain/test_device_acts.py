"""What a person may do about a device follows from how it stands."""

from dataclasses import replace

import pytest

from vigie_server.domain.device_acts import DeviceAct, Standing, acts_on, check_act
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import ActRefused


def a_device(state: DeviceState, *, nomadic: bool | None = None) -> Standing:
    return Standing(state, revoked=False, declared_nomadic=nomadic)


@pytest.mark.parametrize(
    ("state", "nomadic", "expected"),
    [
        (DeviceState.PENDING, None, "approve lost stolen nomadic not-nomadic revoke retire"),
        (DeviceState.ACTIVE, True, "lost stolen not-nomadic worked-out revoke retire"),
        (DeviceState.STOLEN, False, "found lost nomadic worked-out revoke retire"),
        (DeviceState.LOST, None, "found stolen nomadic not-nomadic revoke retire"),
        (DeviceState.RETIRED, None, ""),
    ],
)
def test_what_may_be_done_follows_from_the_state(
    state: DeviceState, nomadic: bool | None, expected: str
) -> None:
    assert " ".join(acts_on(a_device(state, nomadic=nomadic))) == expected


def test_a_revoked_device_is_not_revoked_again() -> None:
    device = replace(a_device(DeviceState.ACTIVE), revoked=True)

    assert " ".join(acts_on(device)) == "lost stolen nomadic not-nomadic retire"
    with pytest.raises(ActRefused, match=r"a device that is active and revoked, .*retire"):
        check_act(device, DeviceAct.REVOKE)


def test_an_act_that_changes_nothing_is_refused_with_those_that_do() -> None:
    check_act(a_device(DeviceState.LOST), DeviceAct.FOUND)

    with pytest.raises(ActRefused, match=r"for a device that is lost, .*found"):
        check_act(a_device(DeviceState.LOST), DeviceAct.APPROVE)


@pytest.mark.parametrize("act", list(DeviceAct))
def test_nothing_brings_a_retired_device_back_but_to_enrol_it_again(act: DeviceAct) -> None:
    with pytest.raises(ActRefused, match=rf"^{act}: .*retired, .*enrol it with a"):
        check_act(a_device(DeviceState.RETIRED), act)
