"""What the rules say of the recorded devices: packs, topics and rules held together.

A change of a pack or of a rule shows here as a changed letter: read it, and if it is what was
wanted, write it down.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.declared import Declarations
from vigie_server.domain.describing import described
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.facts import Fact
from vigie_server.domain.judge import Judge
from vigie_server.domain.topics import Topic
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.domain.whereabouts import OFF_SITE, Whereabouts

FIXTURES: Final = Path(__file__).parents[1] / "fixtures"
NOW: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)
PLATFORMS: Final = ("windows", "darwin", "linux")
SCENARIOS: Final = ("compliant", "partial", "neglected", "no-rights")
DEVICES: Final = [(platform, scenario) for platform in PLATFORMS for scenario in SCENARIOS]
OTHERS: Final = {
    "windows": ("domain-joined", "third-party-antivirus", "server", "reimaged", "english"),
    "darwin": ("domain-joined", "third-party-antivirus", "server", "reimaged", "french"),
    "linux": ("domain-joined", "third-party-antivirus", "server", "reimaged", "french"),
}
"""Devices of other kinds, a table of letters a platform below."""
EVERY_DEVICE: Final = [
    *DEVICES,
    *((platform, scenario) for platform, names in OTHERS.items() for scenario in names),
]
CATALOGUE: Final = bundled_catalogue()
LETTERS: Final = {"P": "pass", "F": "fail", "?": "unknown", "-": "not_applicable"}

DAY: Final = 86_400
CARD: Final[Declarations] = {
    "asset.recorded": True,
    "asset.supplier": "Informatique des Lilas",
    "asset.purchased_at": int(NOW.timestamp()) - 400 * DAY,
    "asset.place": "Infirmerie",
    "asset.usage": "shared",
    "asset.warranty_ends_at": int(NOW.timestamp()) + 600 * DAY,
    "asset.maintenance_contract": "M-2024-118",
    "asset.renewal_planned_at": int(NOW.timestamp()) + 1400 * DAY,
    "asset.last_maintenance_at": int(NOW.timestamp()) - 90 * DAY,
}
SAID: Final[Mapping[str, Declarations]] = {
    "compliant": CARD,
    "partial": {**CARD, "asset.maintenance_contract": "", "asset.renewal_planned_at": None},
    "neglected": {"asset.recorded": True},
    "no-rights": {},
}
"""What people said of the devices, by scenario; all of them store data."""

ADMINISTRATORS: Final = {"approved": ["adm-maint", "admsi", "admin-si"]}
SET: Final[Mapping[str, Mapping[str, object]]] = {
    "Q01-remote-access-approved": {"approved": ["TeamViewer"]},
    "Q08-admins-approved": ADMINISTRATORS,
    "Q08-admins-few": ADMINISTRATORS,
}
"""What their facility set, by rule."""

SKEW: Final[Mapping[str, float]] = {"partial": -1.5, "neglected": 1260.0}
"""Seconds by which their clocks were ahead when they last reported; the others by 0.4."""

# One letter a device, in the order of DEVICES: windows, darwin and linux, each compliant, partial,
# neglected and without rights.
EXPECTED: Final = """
Q01-accounts-inventoried     P P P P P P P ? P P P ?
Q01-asset-recorded           P F F ? P F F ? P F F ?
Q01-hardware-identified      P P F ? P P F P P P F ?
Q01-no-unexpected-listener   P P F P P P F ? P P F F
Q01-remote-access-approved   P P F P P P F ? P F P ?
Q01-software-inventoried     P P P P P P P P P P P P
Q02-backup-configured        P P F ? P F F ? P ? F P
Q02-backup-recent            P ? F ? P F F ? P F F P
Q03-auto-update              P P F P P P F ? P P F F
Q03-no-obsolete-software     P P F P P P F P P P F P
Q03-no-pending-reboot        P F F P - - - - P P F ?
Q03-os-support-horizon       P F F F P P F P P P F F
Q03-os-supported             P F F F P P F P P P F P
Q03-patched-recently         P F F ? P P F P P P F P
Q03-software-auto-update     P F F P P P F F P F F F
Q04-antivirus-active         P P F P P P P P P F F F
Q04-auto-update              P P F ? P P F ? P P F F
Q04-edr-active               P F F F P F F F P F F ?
Q04-scan-recent              P P F ? - - - - ? ? F F
Q04-signatures-fresh         P F F P P P ? ? P P F F
Q05-complexity               P F F ? P F F ? P F F F
Q05-lockout                  P F F ? P F F ? P P F F
Q05-min-length               P F F ? P F F ? P F F F
Q05-no-empty-password        P P ? P - - - - P P F ?
Q05-no-generic-account       P P F P P P F P P P F ?
Q05-no-guest                 P P F ? P P F P P F F ?
Q05-password-vault           P P F ? P P F ? P P F ?
Q05-rotation                 P P F ? P F F ? P P F F
Q05-screen-lock              P F F ? P F F ? P F F ?
Q06-drops-logged             P P F F P F F ? P F F ?
Q06-firewall-enabled         P P F P P F F P P F F ?
Q06-inbound-blocked          P P F P P F F P P F F ?
Q08-admins-approved          P P F F P F F ? P P F ?
Q08-admins-few               P P F F P F F ? P P F ?
Q08-daily-user-not-admin     P P F ? P F F ? P P F F
Q08-elevation-guarded        P P F P P P F ? P P F ?
Q08-no-admin-browsing        P P F ? P P F P P P F P
Q08-no-peer-access           P F F ? P F F ? P F F F
Q08-no-stale-account         P P F P P P F P P P F ?
Q09-bluetooth-off            P P F ? P P F ? P P F ?
Q09-disk-encrypted           P F - ? P P F - P F - -
Q09-managed-device           P P F P P F F ? P F F ?
Q09-no-saved-passwords       P F F ? P F F ? P F F F
Q09-no-usb-storage           P P F ? P P F P P P F P
Q09-seen-recently            P P P P P P P P P P P P
Q09-usb-storage-blocked      P F F F P F F F P F F F
Q09-vpn-active-off-site      P F - - P P F - P F - -
Q09-vpn-installed            P P - ? P P F - P P - -
Q11-clock-synchronised       P P F P P P F ? P P F ?
Q11-logging-active           P P F ? P P P P P P F P
Q11-logs-centralised         P F F F P F F F P F F ?
"""

EXPECTED_OF_OTHERS: Final = {
    # Domain-joined, third-party antivirus, server, re-imaged, in the other language.
    "windows": """
Q01-accounts-inventoried     P P P P P
Q01-asset-recorded           ? ? ? ? ?
Q01-hardware-identified      P P P P P
Q01-no-unexpected-listener   P P F P P
Q01-remote-access-approved   P P P P P
Q01-software-inventoried     P P P P P
Q02-backup-configured        F F P F F
Q02-backup-recent            F F P F F
Q03-auto-update              P P P P P
Q03-no-obsolete-software     F F P P P
Q03-no-pending-reboot        P P F P P
Q03-os-support-horizon       P P P P F
Q03-os-supported             P P P P F
Q03-patched-recently         P P F F P
Q03-software-auto-update     P P P P P
Q04-antivirus-active         P P P P P
Q04-auto-update              P ? P P P
Q04-edr-active               P P F F F
Q04-scan-recent              P ? P ? P
Q04-signatures-fresh         P P P F P
Q05-complexity               F F F F F
Q05-lockout                  P P P P P
Q05-min-length               P P P F F
Q05-no-empty-password        P P P ? ?
Q05-no-generic-account       P P P F P
Q05-no-guest                 P P P F P
Q05-password-vault           P P F F P
Q05-rotation                 P P P P P
Q05-screen-lock              P P P F F
Q06-drops-logged             P ? F F F
Q06-firewall-enabled         P P P P P
Q06-inbound-blocked          P ? P P P
Q08-admins-approved          F P F F F
Q08-admins-few               F P F F F
Q08-daily-user-not-admin     P P F F F
Q08-elevation-guarded        P P P P P
Q08-no-admin-browsing        P P P P P
Q08-no-peer-access           P ? - P P
Q08-no-stale-account         P P F P F
Q09-bluetooth-off            P P P P P
Q09-disk-encrypted           - P - F F
Q09-managed-device           P F P F F
Q09-no-saved-passwords       P F F P F
Q09-no-usb-storage           P P F F P
Q09-seen-recently            P P P P P
Q09-usb-storage-blocked      P F F F F
Q09-vpn-active-off-site      - P - F F
Q09-vpn-installed            - P - F P
Q11-clock-synchronised       P P P P P
Q11-logging-active           P P P P P
Q11-logs-centralised         P F P F F
""",
    "darwin": """
Q01-accounts-inventoried     P P P P P
Q01-asset-recorded           ? ? ? ? ?
Q01-hardware-identified      P P P P P
Q01-no-unexpected-listener   P P F P P
Q01-remote-access-approved   P P P P P
Q01-software-inventoried     P P P P P
Q02-backup-configured        F P ? F P
Q02-backup-recent            F P ? F P
Q03-auto-update              P P F ? P
Q03-no-obsolete-software     P P P P P
Q03-no-pending-reboot        - - - - -
Q03-os-support-horizon       P P P P P
Q03-os-supported             P P P P P
Q03-patched-recently         P P F P P
Q03-software-auto-update     P P P - P
Q04-antivirus-active         P P F P P
Q04-auto-update              P P F ? P
Q04-edr-active               P P F F F
Q04-scan-recent              - - - - -
Q04-signatures-fresh         P P F F P
Q05-complexity               P F F F F
Q05-lockout                  P F F F F
Q05-min-length               P F F F F
Q05-no-empty-password        - - - - -
Q05-no-generic-account       P P P P F
Q05-no-guest                 P P F P F
Q05-password-vault           P P F F P
Q05-rotation                 P F F F F
Q05-screen-lock              P ? F F ?
Q06-drops-logged             P P F F F
Q06-firewall-enabled         P P F F P
Q06-inbound-blocked          P P F F P
Q08-admins-approved          F P F F F
Q08-admins-few               F P F F F
Q08-daily-user-not-admin     F P F F P
Q08-elevation-guarded        P P P P P
Q08-no-admin-browsing        P P P P P
Q08-no-peer-access           P P F P P
Q08-no-stale-account         P P ? P F
Q09-bluetooth-off            P P P P P
Q09-disk-encrypted           - P - F P
Q09-managed-device           P P F F F
Q09-no-saved-passwords       ? F ? ? F
Q09-no-usb-storage           P P F P F
Q09-seen-recently            P P P P P
Q09-usb-storage-blocked      P ? F F F
Q09-vpn-active-off-site      - P - F F
Q09-vpn-installed            - P - F F
Q11-clock-synchronised       P P P P P
Q11-logging-active           P P P P P
Q11-logs-centralised         P F F F F
""",
    "linux": """
Q01-accounts-inventoried     P P P P P
Q01-asset-recorded           ? ? ? ? ?
Q01-hardware-identified      P P P P P
Q01-no-unexpected-listener   P P F P F
Q01-remote-access-approved   P P P P F
Q01-software-inventoried     P P P P P
Q02-backup-configured        F P P F F
Q02-backup-recent            F P P F F
Q03-auto-update              P P P F P
Q03-no-obsolete-software     P P P P P
Q03-no-pending-reboot        ? P F P P
Q03-os-support-horizon       P P F P P
Q03-os-supported             P P P P P
Q03-patched-recently         P P P P P
Q03-software-auto-update     P P - F P
Q04-antivirus-active         P P F F F
Q04-auto-update              ? ? F F F
Q04-edr-active               P P F F F
Q04-scan-recent              ? ? F F F
Q04-signatures-fresh         ? ? F F F
Q05-complexity               P P F F F
Q05-lockout                  P P F F F
Q05-min-length               P P F F F
Q05-no-empty-password        P P P P P
Q05-no-generic-account       P P F F F
Q05-no-guest                 P P P P P
Q05-password-vault           P P F F F
Q05-rotation                 P P F F F
Q05-screen-lock              P P - P P
Q06-drops-logged             P P F F F
Q06-firewall-enabled         P P F F P
Q06-inbound-blocked          P P F F P
Q08-admins-approved          F P F F F
Q08-admins-few               F P F F F
Q08-daily-user-not-admin     ? P ? F P
Q08-elevation-guarded        P P F P P
Q08-no-admin-browsing        P P P P P
Q08-no-peer-access           P P - P F
Q08-no-stale-account         P P F P F
Q09-bluetooth-off            P P P P F
Q09-disk-encrypted           - P - F -
Q09-managed-device           P F F F F
Q09-no-saved-passwords       P F P P F
Q09-no-usb-storage           P P P F F
Q09-seen-recently            P P P P P
Q09-usb-storage-blocked      P F F F F
Q09-vpn-active-off-site      - P - F -
Q09-vpn-installed            - P - F -
Q11-clock-synchronised       P P P P P
Q11-logging-active           P P P P P
Q11-logs-centralised         P F F F F
""",
}

DRAWER: Final = timedelta(days=40)
"""How long later the devices are judged once more, as if they lay in a drawer since."""

ONE_WAY: Final = {
    ("Q04-scan-recent", "linux", Status.PASS): "ClamAV keeps no register of its scans",
    ("Q05-no-empty-password", "windows", Status.FAIL): "Windows never tells that one is empty",
    ("Q11-logging-active", "darwin", Status.FAIL): "the unified log cannot be turned off",
}
"""Verdicts that no device of a platform gets, and why that is so."""


def test_every_recorded_device_has_its_verdicts_written_down() -> None:
    recorded = {(path.parts[-3], path.parts[-2]) for path in FIXTURES.glob("*/*/machine.yaml")}

    assert recorded == {*EVERY_DEVICE}


def fact_of(topic: Topic, rows: list[dict[str, str]]) -> Fact:
    columns = sorted(topic.columns)
    return topic.convert(
        topic_version=topic.version,
        status="ok",
        message="",
        columns=columns,
        values=[row[column] for row in rows for column in columns],
        observed_at=NOW,
    )


def facts_of(platform: str, scenario: str) -> dict[str, Fact]:
    folder = FIXTURES / platform / scenario
    return {
        topic.name: fact_of(topic, json.loads((folder / f"{topic.name}.json").read_text("utf-8")))
        for topic in CATALOGUE.topics.values()
    }


def verdicts_of(platform: str, scenario: str, *, now: datetime = NOW) -> list[Verdict]:
    facts = facts_of(platform, scenario)
    device = Device(
        id="d1",
        site="s1",
        profile="standard",
        platform=platform,
        state=DeviceState.ACTIVE,
        last_report_at=NOW,
        clock_skew_seconds=SKEW.get(scenario, 0.4),
        parameters=SET,
        declared={"device.roles": ("stores-data",), **SAID.get(scenario, {})},
    )
    device = described(device, facts["inventory"])
    if device.chassis == "laptop":
        device = replace(device, whereabouts=Whereabouts(presence=OFF_SITE))
    return Judge(CATALOGUE).judge(device, facts, now=now)


def expected(platform: str, scenario: str) -> dict[str, str]:
    if scenario in SCENARIOS:
        written, place = EXPECTED, DEVICES.index((platform, scenario))
    else:
        written, place = EXPECTED_OF_OTHERS[platform], OTHERS[platform].index(scenario)
    lines = [line.split() for line in written.strip().splitlines()]
    return {line[0]: LETTERS[line[1 + place]] for line in lines}


@pytest.mark.parametrize(("platform", "scenario"), EVERY_DEVICE)
def test_a_recorded_device_gets_the_verdicts_written_down(platform: str, scenario: str) -> None:
    verdicts = verdicts_of(platform, scenario)

    assert {v.rule: v.status.value for v in verdicts} == expected(platform, scenario)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_rule_passes_on_a_recorded_device_and_fails_on_another(platform: str) -> None:
    given = {
        (verdict.rule, verdict.status)
        for named, scenario in EVERY_DEVICE
        if named == platform
        for now in (NOW, NOW + DRAWER)
        for verdict in verdicts_of(platform, scenario, now=now)
    }
    wanted = {
        (rule.id, status)
        for rule in CATALOGUE.rules.values()
        if platform in rule.platforms
        for status in (Status.PASS, Status.FAIL)
    }

    assert wanted - given == {
        (rule, status) for rule, where, status in ONE_WAY if where == platform
    }


@pytest.mark.parametrize(("platform", "scenario"), EVERY_DEVICE)
def test_every_value_of_a_recorded_device_is_readable(platform: str, scenario: str) -> None:
    unreadable = {
        name: dict(fact.unreadable)
        for name, fact in facts_of(platform, scenario).items()
        if fact.unreadable
    }

    assert unreadable == {}


@pytest.mark.parametrize(("platform", "scenario"), EVERY_DEVICE)
def test_no_rule_fails_by_itself_on_a_recorded_device(platform: str, scenario: str) -> None:
    broken = [
        verdict.reason["en"]
        for verdict in verdicts_of(platform, scenario)
        if verdict.status is Status.UNKNOWN and "The rule " in verdict.reason["en"]
    ]

    assert broken == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_inventories_of_a_silent_device_fail_when_they_grow_old(platform: str) -> None:
    later = NOW + timedelta(days=10)

    verdicts = {v.rule: v for v in verdicts_of(platform, "compliant", now=later)}

    for rule in ("Q01-accounts-inventoried", "Q01-software-inventoried"):
        assert verdicts[rule].status is Status.FAIL
        assert "20/11/2026" in verdicts[rule].reason["fr"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_compliant_device_fails_nothing(platform: str) -> None:
    failed = [v.rule for v in verdicts_of(platform, "compliant") if v.status is Status.FAIL]

    assert failed == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_device_without_rights_passes_nothing_that_it_could_not_read(platform: str) -> None:
    seen = {v.rule: v.status for v in verdicts_of(platform, "compliant")}
    hidden = {v.rule: v.status for v in verdicts_of(platform, "no-rights")}

    assert Status.UNKNOWN in hidden.values()
    assert list(hidden.values()).count(Status.PASS) < list(seen.values()).count(Status.PASS)
