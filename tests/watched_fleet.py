"""A fleet in all states, as a real Prometheus with the rules that are shipped has watched it.

A week does not pass in a test. Prometheus is told to take the newest sample as the present one,
however old: asked about a moment to come, it answers what it will say then if nothing changes.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import time

from alert_files import FOLDER, alerts
from components import required_program
from fakes.scripted_device import enrolled, session
from monitoring import (
    Joined,
    answers,
    commanded,
    first_answer,
    fleet_of,
    joined,
    prometheus_program,
    scrape_token,
    served,
)
from ports import free_ports
from programs import ServerProgram
from vigie_server.backups.sealing import new_key
from vigie_server.domain.rolling_out import Told, UpdateState
from vigie_server.ports.sessions import Peer
from vigie_server.simulator.fleet import FleetRefused, SimulatedDevice
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.updates import Updates

SITE = "les-lilas"
GROUP = "portables"
RECORDED = 27
DEVICES = RECORDED + 2
"""With one that stays connected and says nothing, and one that claims to be another."""
LOST = 0
GOES_BACK = 1
"""Which device did not get on with a new version of its agent."""
STAYS_IN = 6
"""Which device is a laptop without encryption that never leaves: others do, having no network."""
FAILING = "vigie_device_rule_failing_since_timestamp_seconds"
WRONG_TOKENS = 15
LOOKBACK = "20y"
# A scrape may take as long as the pause between two: one that fails leaves nothing to be shown.
CONFIGURATION = """
global: {{scrape_interval: 3s, evaluation_interval: 1s}}
rule_files: ["{rules}/*.yml"]
scrape_configs:
  - job_name: vigie-fleet
    metrics_path: /metrics/fleet
    {asked}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: vigie-server
    metrics_path: /metrics/server
    {asked}
    static_configs: [{{targets: ["127.0.0.1:{port}", "127.0.0.1:{nobody}"]}}]
"""
ASKED = """scheme: https
    tls_config: {{ca_file: "{authority}"}}
    authorization: {{credentials_file: "{token_file}"}}"""


@dataclass(frozen=True, slots=True)
class Watched:
    """What was watched: where Prometheus is, a device with failing rules, and moments."""

    prometheus: str
    failing_device: str
    stalled: float
    """When a device was connected and no report had come since Prometheus looks."""
    now: float


@asynccontextmanager
async def watched_fleet(folder: Path) -> AsyncIterator[Watched]:
    """Serves, lets a fleet join, and ends both with the block."""
    async with AsyncExitStack() as stack:
        server = await served(
            folder / "server",
            VIGIE_SERVER_VERDICTS__GRACE="PT0S",
            VIGIE_SERVER_SWEEP__EVERY="PT1S",
            VIGIE_SERVER_MATURITY__EVERY="PT1S",
            VIGIE_SERVER_METRICS__STORE_EVERY="PT1S",
            VIGIE_SERVER_UPDATES__LOOK_EVERY="PT1S",
        )
        stack.push_async_callback(server.program.stop)
        fleet = await joined(server, SITE, RECORDED, pending=False)
        await _one_stays_connected(server, stack)
        url = await _prometheus(server, folder, stack)
        await first_answer(url, f"count(vigie_device_info) == {DEVICES - 1}")
        await first_answer(url, _alert("VigieIngestStalled"))
        stalled = time()
        known = await answers(url, 'vigie_device_info{hostname!="accueil"}')
        ids = {found["metric"]["hostname"]: found["metric"]["device"] for found in known}
        await _in_all_states(server, fleet, [ids[device.hostname] for device in fleet.devices])
        # When devices reported is shown in whole seconds.
        await first_answer(url, "time() - vigie_device_missing_since_timestamp_seconds > 1")
        for number in (LOST, STAYS_IN):  # what is declared of whereabouts is taken at a report
            await fleet.fleet.report(fleet.devices[number])
        await _all_seen(url)
        (failing,) = await first_answer(
            url,
            'topk(1, vigie_device_rules{status="fail"} and on (device) vigie_device_local_admins)',
        )
        yield Watched(url, failing["metric"]["device"], stalled, time())


async def _prometheus(server: ServerProgram, folder: Path, stack: AsyncExitStack) -> str:
    """A Prometheus with the rules, which remembers that the site was at a higher level."""
    port, nobody = free_ports(2)
    (folder / "token").write_text(await scrape_token(server))
    asked = ASKED.format(authority=server.https_authority, token_file=folder / "token")
    (folder / "prometheus.yml").write_text(
        CONFIGURATION.format(
            rules=_hurried(folder / "rules"), asked=asked, port=server.http, nobody=nobody
        )
    )
    await _remembered(folder, f"127.0.0.1:{server.http}")
    program = prometheus_program(
        folder / "prometheus.yml", folder / "tsdb", port, f"--query.lookback-delta={LOOKBACK}"
    )
    await program.start()
    stack.push_async_callback(program.stop)
    return f"http://127.0.0.1:{port}"


def _hurried(folder: Path) -> Path:
    """The rules, evaluated each second."""
    folder.mkdir()
    for shipped in (FOLDER / "rules").glob("*.yml"):
        text = re.sub(r"(?m)^    interval: \w+$", "", shipped.read_text(encoding="utf-8"))
        (folder / shipped.name).write_text(text, encoding="utf-8")
    return folder


async def _remembered(folder: Path, instance: str) -> None:
    """Levels of three hours ago: they are sampled by the hour, and none passes in a test."""
    series = f'{{instance="{instance}",job="vigie-fleet",question="6",site="{SITE}"}}'
    told = folder / "levels.txt"
    told.write_text(
        "# TYPE vigie_site_maturity_level gauge\n"
        f"vigie_site_maturity_level{series} 4 {time() - 3 * 3600:.0f}\n# EOF\n"
    )
    process = await asyncio.create_subprocess_exec(
        required_program("promtool"),
        *("tsdb", "create-blocks-from", "openmetrics", "--quiet", str(told), str(folder / "tsdb")),
    )
    assert await process.wait() == 0


async def _one_stays_connected(server: ServerProgram, stack: AsyncExitStack) -> None:
    token = commanded(server, "token", "create", "--site", SITE)
    authority = (server.data / "ca" / "devices.crt").read_bytes()
    identity = await enrolled(token, authority, hostname="accueil", serial="ACCUEIL-1")
    stream = await stack.enter_async_context(session(identity))
    await stream.greet()


async def _in_all_states(server: ServerProgram, joined: Joined, ids: list[str]) -> None:
    """What people declare, what another machine claims, and what a stranger tries."""
    commanded(
        server, "attest", "record", "Q02-restore-test", "--site", SITE, "--author", "A. Martin"
    )
    commanded(server, "site", "set", SITE, "--devices", "100")
    commanded(
        server,
        *("group", "set", GROUP, json.dumps({"chassis": ["laptop"]}), "--site", SITE),
    )
    commanded(
        server,
        *("param", "set", "Q08-admins-approved", "approved", "adm-*"),
        *("--site", SITE, "--reason", "convenu avec le prestataire"),
    )
    commanded(
        server,
        *(
            "token",
            "api",
            "create",
            "--role",
            "contractor",
            "--name",
            "Informatique",
            "--site",
            SITE,
        ),
    )
    recipient, _ = new_key(None)
    commanded(server, "backup", str(server.data.parent / "vigie.tar"), "--recipient", recipient)
    commanded(server, "devices", "declare", ids[LOST], "lost")
    commanded(server, "devices", "declare", ids[STAYS_IN], "not-nomadic")
    _went_back_from_an_update(server, ids[GOES_BACK])
    claims = SimulatedDevice("copie-01", joined.devices[1].serial, joined.devices[1].recording, 900)
    token = commanded(server, "token", "create", "--site", SITE)
    await fleet_of(server, token).join([claims], joined=lambda _: None)
    stranger = fleet_of(server, token)
    for _ in range(WRONG_TOKENS):
        try:
            await stranger.enrol(claims)
        except FleetRefused:
            continue
        raise AssertionError("a token that is used up let a device in")


def _went_back_from_an_update(server: ServerProgram, device: str) -> None:
    with closing(Database(sqlite_url(server.data / "vigie.db"))) as database:
        back = Told("0.1.0", "linux-x86_64", UpdateState.ROLLED_BACK, "0.2.0", "crash")
        Updates(database).keep(Peer(device, ""), back, datetime.now(UTC))


async def _all_seen(url: str) -> None:
    """What was declared is judged within a round of the sweeper; rates need two scrapes."""
    for shown in (
        f"count(vigie_device_info) == {DEVICES}",
        'vigie_site_devices{state="lost"} == 1',
        "vigie_site_rule_compliant == 0",
        f'{FAILING}{{rule="Q09-disk-encrypted"}} unless on (device) vigie_device_nomadic == 1',
        "vigie_device_identity_conflicts",
        f'vigie_device_group_info{{group="{GROUP}"}}',
        "vigie_backup_last_success_timestamp_seconds > 0",
        'vigie_update_devices{state="rolled_back"} == 1',
        "vigie_site_contractor_token_expiry_timestamp_seconds",
        "site:vigie_site_attestation_expiry_timestamp_seconds:min",
        "rate(vigie_ingest_reports_total[5m]) > 0",
        _alert("VigieMissingDeviceReports"),
        _alert("VigieEnrolmentTokenAbuse"),
        _alert("VigieMaturityLevelLost"),
        "fleet:vigie_device_compliant:ratio",
    ):
        await first_answer(url, shown)


def _alert(name: str) -> str:
    (found,) = (alert.expression for alert in alerts() if alert.name == name)
    return found
