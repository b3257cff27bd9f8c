"""Devices and a whole server over real TLS: enrol, speak, be judged, come back."""

from pathlib import Path

from fakes.running_server import running_server
from fakes.scripted_device import a_firewall, a_report, enrolled, session


async def test_a_device_enrols_reports_and_is_judged(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        async with session(identity) as device:
            welcome = await device.greet()
            await device.send(a_report(1, a_firewall("0")))
            ack = await device.acknowledged(1)

        (verdict,) = running.fleet.verdicts(identity.device_id)

    assert welcome.resume_after == 0
    assert len(welcome.store_epoch) == 16
    assert not ack.rejected
    assert verdict.status == "fail"
    assert verdict.offending[0]["name"] == "ipv4"
