"""From a device that goes wrong to a message in French, over Prometheus and Alertmanager.

The rules and routes are those that are shipped. Only their waiting times are shortened, and their
addresses point to this test.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components import required_program
from fakes.hook_receiver import HookReceiver, hook_receiver
from fakes.scripted_device import (
    ScriptedIdentity,
    ScriptedSession,
    a_report,
    a_snapshot,
    enrolled,
    session,
)
from monitoring import prometheus_program, scrape_token, served
from ports import free_ports
from programs import ANSWERS_WITHIN, Program, ServerProgram

DEPLOY = Path(__file__).parents[2] / "deploy"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "linux"
SITE = "Les Tilleuls"
RULE = "Q06-firewall-enabled"
ALERT = "VigieFirewallOff"

PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}/*.yml"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
  - job_name: vigie-fleet
    scheme: https
    metrics_path: /metrics
    tls_config: {{ca_file: "{authority}"}}
    authorization: {{credentials_file: "{token_file}"}}
    static_configs: [{{targets: ["127.0.0.1:{server}"]}}]
"""


@dataclass
class Kit:
    """Everything as it is shipped, and where its messages arrive."""

    server: ServerProgram
    hooks: HookReceiver
    authority: bytes
    seen: int = 0

    async def message(self, status: str) -> Mapping[str, Any]:
        """The next message with this status that is about the firewall."""
        async with asyncio.timeout(ANSWERS_WITHIN):
            while True:
                await self.hooks.heard(self.seen + 1, within=ANSWERS_WITHIN)
                _, _, body = self.hooks.requests[self.seen]
                self.seen += 1
                told = json.loads(body)
                if told["status"] == status and told["groupLabels"]["alertname"] == ALERT:
                    return dict(told)


def hurried(folder: Path) -> Path:
    """The rules, with waits of a second."""
    folder.mkdir()
    for shipped in (DEPLOY / "prometheus" / "rules").glob("*.yml"):
        text = shipped.read_text(encoding="utf-8")
        text = re.sub(r"interval: \w+", "interval: 1s", text)
        text = re.sub(r"keep_firing_for: \w+", "keep_firing_for: 1s", text)
        text = re.sub(r"> (900|3600)$", "> 1", text, flags=re.MULTILINE)
        (folder / shipped.name).write_text(text, encoding="utf-8")
    return folder


def routed(folder: Path, hooks: int) -> Path:
    """The routes, with waits of a second, to this test and to no mail server."""
    text = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    text = re.sub(r"group_(wait|interval): \w+", r"group_\1: 1s", text)
    text = text.replace("http://127.0.0.1:9095/vigie", f"http://127.0.0.1:{hooks}/vigie")
    text = text.replace("/etc/alertmanager/templates", str(DEPLOY / "alertmanager" / "templates"))
    text = text.replace("smtp.example.org:587", "127.0.0.1:1")
    written = folder / "alertmanager.yml"
    written.write_text(text)
    return written


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Kit]:
    alertmanager, prometheus = free_ports(2)
    async with AsyncExitStack() as stack:
        hooks = await stack.enter_async_context(hook_receiver(HookReceiver(tls=None)))
        server = await served(
            tmp_path / "server",
            VIGIE_SERVER_VERDICTS__GRACE="PT0S",
            VIGIE_SERVER_VERDICTS__HOLD="PT1S",
            VIGIE_SERVER_SWEEP__EVERY="PT1S",
        )
        stack.push_async_callback(server.program.stop)
        (tmp_path / "token").write_text(await scrape_token(server))
        (tmp_path / "prometheus.yml").write_text(
            PROMETHEUS.format(
                rules=hurried(tmp_path / "rules"),
                alertmanager=alertmanager,
                authority=server.https_authority,
                token_file=tmp_path / "token",
                server=server.http,
            )
        )
        for program in (
            Program(
                (
                    required_program("prometheus-alertmanager"),
                    f"--config.file={routed(tmp_path, hooks.port)}",
                    f"--storage.path={tmp_path / 'silences'}",
                    f"--web.listen-address=127.0.0.1:{alertmanager}",
                    "--cluster.listen-address=",
                    "--log.format=json",
                ),
                {},
            ),
            prometheus_program(tmp_path / "prometheus.yml", tmp_path / "tsdb", prometheus),
        ):
            await program.start()
            stack.push_async_callback(program.stop)
        yield Kit(server, hooks, (server.data / "ca" / "devices.crt").read_bytes())


async def a_device(kit: Kit, hostname: str) -> ScriptedIdentity:
    text = await kit.server.command("token", "create", "--site", SITE)
    token = text.strip().splitlines()[-1]
    return await enrolled(token, kit.authority, hostname=hostname)


async def reports(device: ScriptedSession, seq: int, scenario: str) -> None:
    """Reports the firewall of a recorded device."""
    rows = json.loads((FIXTURES / scenario / "firewall.json").read_text())
    columns = sorted({column for row in rows for column in row})
    values = [[row.get(column, "") for column in columns] for row in rows]
    await device.send(a_report(seq, a_snapshot("firewall", columns, values)))
    await device.acknowledged(seq)


@pytest.mark.timeout(180)
async def test_a_device_goes_wrong_and_is_put_right_and_another_is_waived(kit: Kit) -> None:
    first, second = await a_device(kit, "accueil"), await a_device(kit, "infirmerie")
    async with session(first) as one, session(second) as two:
        await one.greet()
        await two.greet()

        await reports(one, 1, "neglected")
        fired = await kit.message("firing")
        await reports(two, 1, "neglected")
        together = await kit.message("firing")
        while len(together["alerts"]) < 2:
            together = await kit.message("firing")

        await reports(one, 2, "compliant")
        # The other one still fails: it is told as put right within the message on both.
        while "resolved" not in {alert["status"] for alert in together["alerts"]}:
            together = await kit.message("firing")
        await kit.server.command(*a_waiver(second.device_id))
        resolved = await kit.message("resolved")

    (alert,) = fired["alerts"]
    assert fired["receiver"] == "astreinte"
    assert fired["groupLabels"] == {"alertname": ALERT, "site": SITE}
    assert alert["labels"]["device"] == first.device_id
    assert (alert["labels"]["severity"], alert["labels"]["question"]) == ("critical", "6")
    assert "pare-feu désactivé" in alert["annotations"]["summary"]
    assert "firewall off" in alert["annotations"]["summary_en"]
    assert alert["annotations"]["runbook_url"].endswith(f"{ALERT}.md")
    assert {told["labels"]["device"] for told in together["alerts"]} == {
        first.device_id,
        second.device_id,
    }
    assert {told["status"] for told in resolved["alerts"]} == {"resolved"}
    assert {told["labels"]["device"] for told in resolved["alerts"]} >= {second.device_id}


def a_waiver(device: str) -> tuple[str, ...]:
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    return (
        *("waive", "grant", RULE, "--site", SITE, "--device", device, "--expires", until),
        *("--reason", "Remplacé le mois prochain", "--author", "A. Martin"),
        *("--approver", "B. Petit"),
    )
