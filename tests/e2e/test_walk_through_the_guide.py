"""A facility walks through the guide: from nothing known to N4 in each question, and down again.

Twelve devices of three systems report over mTLS to a whole server. Each time the staff does what
the site is told to do, neither more nor less, and its level rises; so the actions are complete.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from fakes.facility import SITE, Action, Facility, Question, facility
from fakes.mail_world import D, world
from fakes.postgres import postgres_url
from fakes.stored import STORES, opened_store
from vigie_server.domain.site_figures import COMPLEMENTS
from vigie_server.settings import VerdictSettings
from vigie_server.settings_messages import MailSettings

DEVICES: Final = [
    (platform, scenario)
    for scenario in ("neglected", "partial", "no-rights", "compliant")
    for platform in ("windows", "darwin", "linux")
]
NOTHING_KNOWN: Final = dict.fromkeys(range(1, 14))
BY_PEOPLE_ALONE: Final = {7, 10, 12, 13}
"""Questions on which no device says anything."""
AT_THE_TOP: Final = dict.fromkeys(range(1, 14), 4)
LEVEL: Final = "vigie_site_maturity_level"

ADMINISTRATORS: Final = ["adm-maint", "admsi", "admin-si"]
SETTINGS: Final[Mapping[str, tuple[str, list[str]]]] = {
    "Q05-no-empty-password": ("checked", ["adm-maint", "c.martin"]),
    "Q08-admins-approved": ("approved", ADMINISTRATORS),
    "Q09-vpn-installed": ("approved", ["OpenVPN", "WireGuard"]),
}
"""What a rule's remediation has the facility set, beside what it does on the devices."""
CARD: Final = {
    "supplier": "Informatique des Lilas",
    "place": "Infirmerie",
    "usage": "shared",
    "owner": "facility",
    "roles": "stores-data",
}
VALUES: Final[Mapping[str, object]] = {"days": 7, "count": 4, "percent": 80, "yes_no": "yes"}
"""What the facility answers where no action asks for a value."""
THE_OTHER_WAY: Final = {"Q09-remote-access-need", "Q09-no-local-data"}
"""The facility's laptops travel, with data: it takes the alternative to saying that they do not."""


@pytest.fixture(params=STORES)
async def home(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Facility]:
    """A site of a server, with DNS and a mail server beside it."""
    with opened_store(request.param, tmp_path):  # a store is empty at first
        url = postgres_url() if request.param == "postgres" else ""
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(world(tmp_path / "world"))
        yield await stack.enter_async_context(
            facility(
                tmp_path / "data",
                store={"url": url},
                mail=MailSettings.model_validate(around.settings()),
                verdicts=VerdictSettings(grace=timedelta(0)),
            )
        )


async def follow(home: Facility, action: Action) -> None:
    """Somebody does what an action says."""
    subject = action["subject"]
    if subject in THE_OTHER_WAY and action["alternatives"]:
        for other in action["alternatives"][0]:
            await follow(home, other)
        return
    match action["need"]:
        case "attest":
            await home.attest(subject, **await value_of(home, action))
        case "apply":
            await home.attest(subject, outcome="not_applicable", reason="rien n'est concerné")
        case "declare":
            await home.declare(declared_devices=len(DEVICES))
        case "mend":
            await mend(home, subject, action["devices"])
        case "site" if subject == "Q07-starttls":
            await home.of_site(f"/mail/{D}", "PUT", json={"selectors": ["s1"]})
        case "site" if subject == "Q01-coverage":
            pass  # every device reports: to declare how many there are is the rest of it
        case need:
            raise AssertionError(f"nobody knows how to do {need} {subject}")


async def value_of(home: Facility, action: Action) -> Mapping[str, object]:
    """What an attestation has to carry."""
    items = (await home.asks("GET", "/api/v1/attestations?limit=1000"))["items"]
    (kind,) = [item["value"] for item in items if item["id"] == action["subject"]]
    if action["at_least"] is not None:
        return {"value": int(action["at_least"])}
    return {} if kind is None else {"value": action["value"] or VALUES[kind]}


async def mend(home: Facility, rule: str, devices: Collection[str]) -> None:
    """What the rule reads of these devices becomes what a compliant one answers."""
    if rule in SETTINGS:
        await home.set(rule, *SETTINGS[rule])
    for name in devices:
        await home.change(name, list(home.catalogue.rules[rule].reads))


def told_by(question: Question) -> set[tuple[str, str]]:
    return {(action["need"], action["subject"]) for action in question["actions"]}


def devices_of(question: Question) -> list[list[str]]:
    return [action["devices"] for action in question["actions"]]


async def climb(home: Facility, number: int) -> list[list[str]]:
    """Climbs to N4 by the actions told; gives what was to do after all that was told was done."""
    later = []
    found = await home.question(number)
    while found["level"] != 4:
        before = found["level"] or 0
        told = told_by(found)
        assert told, found
        for action in found["actions"]:
            await follow(home, action)
        found = await home.until(
            number,
            lambda one, before=before, told=told: (  # type: ignore[misc]
                (one["level"] or 0) > before or told.isdisjoint(told_by(one))
            ),
        )
        if (found["level"] or 0) == before:
            later.append([action["subject"] for action in found["actions"]])
    return later


@pytest.mark.timeout(480)
async def test_a_facility_climbs_each_question_by_what_it_is_told_and_falls_when_it_lets_go(
    home: Facility,
) -> None:
    await starts_unknown(home)
    await enrols_its_devices(home)
    await climbs(home)
    await looks_after_what_no_level_asks(home)
    await lets_an_attestation_expire(home)
    await waives_a_fail(home)
    await loses_sight_of_a_device(home)


async def starts_unknown(home: Facility) -> None:
    await home.declare(networks=["10.20.0.0/16"], region="84", body="Les Fleurs")
    found = await home.until(1, lambda one: one["judged_at"] is not None)

    assert await home.levels() == NOTHING_KNOWN
    assert found["reason"]["fr"].startswith("Non évalué")
    assert await home.metric(LEVEL, "question") == {}


async def enrols_its_devices(home: Facility) -> None:
    await home.enrol(DEVICES)
    for device in (await home.ids()).values():
        await home.asks("PUT", f"/api/v1/devices/{device}/asset", json=CARD)
    await home.until(
        1,
        lambda one: (
            {(action["need"], action["subject"]) for action in one["actions"]}
            == {
                ("declare", "declared_devices"),
                ("attest", "Q01-equipment-inventory-complete"),
                ("attest", "Q01-renewal-plan"),
                ("mend", "Q01-hardware-identified"),
                ("site", "Q01-coverage"),
            }
        ),
    )
    await home.until_levels(
        {number: None if number in BY_PEOPLE_ALONE else 0 for number in range(1, 14)}
    )
    await home.until_rule("Q01-coverage", "unknown", "12 devices reported")


async def climbs(home: Facility) -> None:
    later = {number: await climb(home, number) for number in range(1, 14)}

    assert await home.levels() == AT_THE_TOP
    assert {number: told for number, told in later.items() if told} == {
        # Backups made centrally leave nothing to judge on the devices, and that has to be said.
        2: [["Q02-backup-configured", "Q02-backup-recent"]],
    }
    await home.until_metric({str(number): 4 for number in range(1, 14)}, LEVEL, "question")
    history = (await home.of_site("/maturity/history", params={"limit": 1000}))["items"]
    for number in range(1, 14):
        reached = [one["after"] for one in reversed(history) if one["question"] == number]
        assert reached == sorted(reached)
        assert reached[-1] == 4
    body = await home.asks("GET", "/api/v1/bodies/Les Fleurs/maturity")
    assert [one["n4"] for one in body["questions"]] == [1] * 13


async def looks_after_what_no_level_asks(home: Facility) -> None:
    for inventory, complement in COMPLEMENTS.items():
        await home.of_site(f"/inventories/{inventory.value}/reviews", "POST", json={})
        await home.attest(complement)
    await home.until_rule("Q01-inventory-reviewed", "pass", "five inventories")
    everywhere = home.contractor(None)
    await home.until_rule("Q13-contractor-access-bounded", "fail", "every site")
    home.revoke(everywhere)
    await home.until_rule("Q13-contractor-access-bounded", "not_applicable")
    home.contractor(frozenset({SITE}))
    await home.until_rule("Q13-contractor-access-bounded", "pass")


async def lets_an_attestation_expire(home: Facility) -> None:
    test = "Q06-intrusion-test"
    await home.attest(test, expires_at=(home.clock() + timedelta(hours=20)).isoformat())
    await home.until_levels(AT_THE_TOP)

    await home.later(timedelta(hours=21))

    await home.until_levels({**AT_THE_TOP, 6: 3})
    found = await home.question(6)
    assert [(one["need"], one["subject"]) for one in found["actions"]] == [("attest", test)]
    assert "N3" in found["reason"]["fr"]
    assert "de nouveau, l'attestation ayant expiré le" in found["reason"]["fr"]
    await home.until_metric(
        {str(number): 3 if number == 6 else 4 for number in range(1, 14)}, LEVEL, "question"
    )
    history = (await home.of_site("/maturity/history"))["items"]
    (newest, *_) = (one for one in history if one["question"] == 6)
    assert (newest["before"], newest["after"]) == (4, 3)
    await home.attest(test)
    await home.until_levels(AT_THE_TOP)


async def waives_a_fail(home: Facility) -> None:
    name, rule = "ACCUEIL-000", "Q06-firewall-enabled"
    below = {**AT_THE_TOP, 1: 2, 6: 1}
    await home.change(name, ["firewall"], "neglected")
    await home.until_levels(below)
    waiver = {
        "rule": rule,
        "devices": [(await home.ids())[name]],
        "reason": "pare-feu du réseau, le temps d'un dépannage",
        "author": "A. Martin",
        "approver": "C. Direction",
        "expires_at": (home.clock() + timedelta(hours=20)).isoformat(),
    }
    await home.of_site("/waivers", "POST", json=waiver)
    waived = await home.until_verdict(name, rule, lambda one: one["waived"])
    held = await home.until(6, lambda one: one["level"] == 1)
    await home.until_metric(
        {"pass": 11, "waived": 1}, "vigie_site_rule_devices", "status", rule=rule
    )

    await home.later(timedelta(hours=21))

    open_again = await home.until_verdict(name, rule, lambda one: not one["waived"])
    await home.until_levels(below)
    assert waived["status"] == open_again["status"] == "fail"
    assert [one["devices"] for one in held["actions"] if one["subject"] == rule] == [[name]]
    await home.change(name, ["firewall"])
    await home.until_levels(AT_THE_TOP)


async def loses_sight_of_a_device(home: Facility) -> None:
    lost = "DIRECTION-002"
    everybody_else = [name for name in home.devices if name != lost]

    await home.later(timedelta(days=8), *everybody_else)

    await home.until_rule("Q01-coverage", "fail", "11 of 12")
    found = await home.until(6, lambda one: devices_of(one) == [[lost], [lost]])
    # What stays is said by people, or of devices that are there.
    await home.until_levels({**AT_THE_TOP, 1: 0, 3: 0, 4: 0, 5: 0, 6: 1, 8: 0, 9: 1, 11: 0})
    verdict = await home.verdict(lost, "Q06-firewall-enabled")
    assert verdict["status"] == "unknown"
    assert lost in found["reason"]["fr"]
    await home.report(lost)
    await home.until_levels(AT_THE_TOP)
