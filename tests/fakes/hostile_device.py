"""A device and people whose every word is hostile, and what looks whether something of it acts."""

from collections.abc import Mapping, Sequence
from typing import Final

import httpx2

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
OF_PEOPLE: Final = "".join(
    sign if sign.isprintable() and sign not in "/\u202e" else " " for sign in HOSTILE
).strip()
"""The same, in the signs that names have."""
SOFTWARE_COLUMNS: Final = (
    *("part", "collected", "why", "name", "version", "publisher", "arch", "installed_time"),
)
ACCOUNT_COLUMNS: Final = (
    *("part", "collected", "why", "username", "account_id", "source", "enabled", "interactive"),
    *("is_admin", "is_guest", "password_status", "password_last_change_time", "created_time"),
)
OURS: Final = "\n\u00a0\u202f"
"""Ends of lines, and the spaces of French."""
WATCH: Final = """
window.seen = [];
document.addEventListener('securitypolicyviolation', e => window.seen.push(e.violatedDirective));
"""


async def reports_hostile_words(running: RunningServer) -> str:
    """The id of a device that says nothing else, and whose firewall is off.

    Its programs have versions without a number, and one has the name of a product that is followed.
    """
    identity = await enrolled(
        running.token(), running.authority.certificate_pem, hostname=HOSTILE, serial=HOSTILE
    )
    rows = [("inbound", "yes", HOSTILE, HOSTILE, "0")]
    said: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str]]]] = {
        "software": (SOFTWARE_COLUMNS, [_software(HOSTILE), _software("firefox-esr")]),
        "inventory": (
            ("part", "collected", "why", "hostname", "hardware_vendor", "hardware_model"),
            [("hardware", "yes", "", HOSTILE, HOSTILE, HOSTILE)],
        ),
        "accounts": (ACCOUNT_COLUMNS, [("local", "yes", *[HOSTILE] * 4, *"1110", *[""] * 3)]),
    }
    async with session(identity) as device:
        await device.greet(a_hello(boot_id='=1+1<script>"}\r\n\x1b[2J\u202e', highest_seq=1))
        await device.send(a_report(1, a_snapshot("firewall", FIREWALL_COLUMNS, rows)))
        assert not (await device.acknowledged(1)).rejected
        more = [a_snapshot(topic, *held) for topic, held in said.items()]
        await device.send(a_report(2, *more))
        assert not (await device.acknowledged(2)).rejected
    return identity.device_id


def _software(name: str) -> tuple[str, ...]:
    return ("deb", "yes", "", name, HOSTILE, HOSTILE, HOSTILE, "")


async def people_write_hostile_words(client: httpx2.AsyncClient, site: str, device: str) -> None:
    """What people can write of a site, in the signs that each field takes."""
    for method, path, sent in (
        ("PUT", f"/api/v1/sites/{site}", {"body": OF_PEOPLE, "contacts": [
            {"name": OF_PEOPLE, "email": "a@example.org", "about": OF_PEOPLE}]}),
        ("POST", f"/api/v1/sites/{site}/incidents", {"text": HOSTILE, "person": OF_PEOPLE}),
        ("POST", f"/api/v1/sites/{site}/attestations", {"item": "Q02-restore-test",
            "outcome": "held", "author": HOSTILE, "document": HOSTILE, "reason": HOSTILE}),
        ("PUT", f"/api/v1/devices/{device}/asset", {"place": OF_PEOPLE}),
        ("PUT", "/api/v1/groups/g", {"selector": {"hostname": [OF_PEOPLE]}}),
        ("POST", "/api/v1/api-tokens", {"name": HOSTILE[:200], "role": "auditor"}),
        ("POST", "/api/v1/accounts", {"name": OF_PEOPLE[:60], "role": "auditor"}),
    ):  # fmt: skip
        answer = await client.request(method, path, json=sent)
        assert answer.is_success, (path, answer.text)


def acts(text: str) -> list[str]:
    """The characters of a text that would act on a terminal or turn what is beside them."""
    return [sign for sign in text if not sign.isprintable() and sign not in OURS]
