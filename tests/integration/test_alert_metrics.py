"""What alerts and recorded series ask for is what a server with a fleet in every state shows."""

import asyncio
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alert_files import METRIC, ROOT, alerts, recordings
from fakes.facility import LOOK, SITE, WITHIN, Facility, facility
from metric_pages import samples_of
from vigie.v1 import enrolment_token
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.rolling_out import Told, UpdateState
from vigie_server.ports.sessions import Peer
from vigie_server.settings import MetricsSettings
from vigie_server.settings_updates import UpdatesSettings
from vigie_server.simulator.fleet import Addresses, Fleet, SimulatedDevice
from vigie_server.store.administration import Administration
from vigie_server.store.updates import Updates

LABEL = re.compile(r"(vigie_\w+){([^}]*)}")
MATCHED = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")

Shown = Mapping[str, set[str]]
"""The labels of each metric by name, of all its series together."""

pytestmark = pytest.mark.timeout(180)


async def shown(place: Facility) -> Shown:
    found: dict[str, set[str]] = {}
    for name, labels in samples_of(await place.metrics()):
        found.setdefault(name, set()).update(label for label, _ in labels)
    return found


async def once_shown(place: Facility, wanted: AbstractSet[str]) -> Shown:
    """What is shown once all of these are, or in the end: what is shown follows what is stored."""
    found = await shown(place)
    with suppress(TimeoutError):
        async with asyncio.timeout(WITHIN):
            while wanted - found.keys():
                await asyncio.sleep(LOOK)
                found = await shown(place)
    return found


async def claim_hardware_of(place: Facility, name: str) -> None:
    """A machine enrols that says it has this device's serial number."""
    known = place.devices[name]
    joining = Fleet(
        Addresses(
            f"localhost:{place.running.addresses.enrolment}",
            f"localhost:{place.running.addresses.telemetry}",
            place.running.authority.certificate_pem,
        ),
        enrolment_token.decode(place.running.token(site=SITE)).secret,
        place.catalogue.topics,
        place.clock,
    )
    claims = SimulatedDevice("copie-01", known.serial, known.recording, 900)
    await joining.join([claims], joined=lambda _: None)


async def in_every_state(place: Facility) -> None:
    """A site whose devices pass, fail, are unknown, lost, pending with a claim, and retired."""
    await place.declare(declared_devices=4)
    await place.enrol([("windows", "compliant"), ("windows", "neglected")])
    await place.enrol([("linux", "neglected"), ("darwin", "neglected"), ("linux", "compliant")])
    acts = Administration(place.running.server.database)
    names = list(place.devices)
    ids = await place.ids()
    place.contractor(frozenset({SITE}))
    await place.attest("Q02-restore-test")
    await claim_hardware_of(place, names[0])
    acts.declare_state(ids[names[2]], DeviceState.LOST, now=place.clock(), actor="test")
    acts.retire(ids[names[3]], now=place.clock(), actor="test")
    await place.later(timedelta(days=4), *names[:3])
    tells = Told("1.1.0", "windows-x86_64", UpdateState.ROLLED_BACK, "1.2.0", "it crashed")
    peer = Peer(ids[names[0]], "")
    Updates(place.running.server.database).keep(peer, tells, place.clock())
    await place.until_metric({"pending": 1, "lost": 1}, "vigie_device_state", "state")


async def test_a_live_server_shows_every_metric_that_rules_name(tmp_path: Path) -> None:
    wanted = {
        name
        for expression in (*recordings().values(), *[alert.expression for alert in alerts()])
        for name in METRIC.findall(expression)
    }
    assert len(wanted) > 20

    async with facility(
        tmp_path,
        metrics=MetricsSettings(store_every=timedelta(milliseconds=50)),
        updates=UpdatesSettings(look_every=timedelta(milliseconds=50)),
    ) as place:
        await in_every_state(place)
        found = await once_shown(place, wanted)

    assert wanted - found.keys() == set()
    wrong = {
        (name, label)
        for expression in (*recordings().values(), *[alert.expression for alert in alerts()])
        for name, matchers in LABEL.findall(expression)
        for label in MATCHED.findall(re.sub(r'"[^"]*"', "", matchers))
        if label not in found[name]
    }
    assert wrong == set()


async def test_every_metric_of_a_live_server_is_documented(tmp_path: Path) -> None:
    text = "".join(
        (ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("server.md", "mail.md")
    )
    documented = set(re.findall(r"`(vigie_[a-z0-9_]+)", text))

    async with facility(tmp_path) as place:
        await in_every_state(place)
        page = await place.metrics()

    families = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(page)
        if family.name.startswith("vigie_") and not family.name.endswith("_created")
    }
    assert len(families) > 30
    assert families - documented == set()
