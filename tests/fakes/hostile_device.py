"""A device whose every word is hostile, and what looks whether something of it acts."""

from typing import Final

from fakes.running_server import RunningServer
from fakes.scripted_device import (
    FIREWALL_COLUMNS,
    a_hello,
    a_report,
    a_snapshot,
    enrolled,
    session,
)

HOSTILE: Final = (
    '=HYPERLINK("http://evil.test")<script>alert(1)</script><img src=x onerror=alert(2)>'
    '#panic("typst") {{7*7}} "},up 1\\\n# HELP up x\r\n\x1b[2J\x07\u202etxt.exe \u05e9\u05dc\u05d5'
)
WATCH: Final = """
window.seen = [];
document.addEventListener('securitypolicyviolation', e => window.seen.push(e.violatedDirective));
"""


async def reports_hostile_words(running: RunningServer) -> str:
    """The id of a device that says nothing else, and whose firewall is off."""
    identity = await enrolled(
        running.token(), running.authority.certificate_pem, hostname=HOSTILE, serial=HOSTILE
    )
    rows = [("inbound", "yes", HOSTILE, HOSTILE, "0")]
    async with session(identity) as device:
        await device.greet(a_hello(boot_id='=1+1<script>"}\r\n\x1b[2J\u202e', highest_seq=1))
        await device.send(a_report(1, a_snapshot("firewall", FIREWALL_COLUMNS, rows)))
        assert not (await device.acknowledged(1)).rejected
    return identity.device_id


def acts(text: str) -> list[str]:
    """The characters of a text that would act on a terminal or turn what is beside them."""
    return [sign for sign in text if not sign.isprintable() and sign != "\n"]
