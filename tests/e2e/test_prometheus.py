"""A real Prometheus scrapes the server over TLS; promtool finds nothing wrong with it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from alert_files import FOLDER, alerts, recordings
from components import required_program
from fakes.scraping import scrape
from fakes.secure_http import secure_client
from metric_pages import Labels, samples_of
from monitoring import asked, first_answer, joined, prometheus_program, scrape_token, served
from ports import free_ports
from programs import ANSWERS_WITHIN, ServerProgram
from vigie_server.ports.scraping import TextFormat

DEVICES = 9
ATTESTED = 'vigie_site_attestation_expiry_timestamp_seconds{site="les-lilas"'


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProgram]:
    """A server with nine simulated devices of three platforms that have reported."""
    server = await served(tmp_path / "server")
    await joined(server, "les-lilas", DEVICES)
    yield server
    await server.program.stop()


async def metrics_page(server: ServerProgram, token: str, accept: str = "") -> str:
    headers = {"Authorization": f"Bearer {token}", "Accept": accept}
    async with secure_client(server.https_authority, headers=headers) as client:
        return await scrape(client, f"https://127.0.0.1:{server.http}/metrics")


async def complete_page(server: ServerProgram, token: str, *, attested: bool = False) -> str:
    """The page once every device shows on it: views follow their commits within a second."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        while True:
            page = await metrics_page(server, token)
            shown = page.count("vigie_device_info{")
            if shown == DEVICES and (not attested or ATTESTED in page):
                return page
            await asyncio.sleep(0.1)


def of_the_fleet(samples: Mapping[tuple[str, Labels], float]) -> set[tuple[str, Labels]]:
    """The series of devices and sites."""
    return {key for key in samples if key[0].startswith(("vigie_device_", "vigie_site_"))}


@pytest.mark.timeout(120)
async def test_promtool_finds_nothing_wrong_and_both_formats_say_the_same(
    server: ServerProgram,
) -> None:
    promtool = required_program("promtool")
    await server.command(
        "attest", "record", "Q02-restore-test", "--site", "les-lilas", "--author", "A. Martin"
    )
    token = await scrape_token(server)
    page = await complete_page(server, token, attested=True)
    other = await metrics_page(server, token, accept="application/openmetrics-text;version=1.0.0")

    process = await asyncio.create_subprocess_exec(
        promtool,
        "check",
        "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(page.encode())

    assert (process.returncode, output.decode()) == (0, "")
    shown = of_the_fleet(samples_of(page))
    assert len(shown) > DEVICES * 10
    assert of_the_fleet(samples_of(other, TextFormat.OPENMETRICS)) == shown


CONFIGURATION = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: vigie
    {target}
  - job_name: fleet
    metrics_path: /metrics/fleet
    params: {{site: ["les-lilas"]}}
    {target}
  - job_name: server
    metrics_path: /metrics/server
    {target}
"""
TARGET = """scheme: https
    tls_config: {{ca_file: "{authority}"}}
    authorization: {{credentials_file: "{token_file}"}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]"""


@pytest.mark.timeout(120)
async def test_a_real_prometheus_scrapes_the_fleet(server: ServerProgram, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    token_file = tmp_path / "token"
    token_file.write_text(await scrape_token(server))
    configuration = tmp_path / "prometheus.yml"
    target = TARGET.format(
        authority=server.https_authority, token_file=token_file, port=server.http
    )
    configuration.write_text(CONFIGURATION.format(target=target))
    program = prometheus_program(configuration, tmp_path / "tsdb", port)
    await program.start()
    try:
        url = f"http://127.0.0.1:{port}"

        jobs = await first_answer(url, "count(up == 1) == 3")
        devices = await first_answer(
            url, f"count by (job) (vigie_device_info) == {DEVICES} and on() count(up == 1) == 3"
        )
        negotiated = await first_answer(
            url, 'vigie_scrapes_total{job="vigie", format="openmetrics", encoding="gzip"} >= 3'
        )
        apart = await first_answer(url, "count by (job) (vigie_sessions or vigie_site_devices)")
        units = await asked(url, "metadata", metric="vigie_device_compliance_ratio")
        failing = await first_answer(url, 'vigie_device_rule_compliant{rule=~"Q0.+"} == 0')
        by_platform = await first_answer(url, "count by (platform) (vigie_device_info)")
    finally:
        await program.stop()

    assert len(jobs) == 1
    assert {found["metric"]["job"] for found in devices} == {"vigie", "fleet"}
    assert negotiated
    assert {found["metric"]["job"] for found in apart} == {"vigie", "fleet", "server"}
    # Only OpenMetrics tells units.
    assert {told["unit"] for told in units["vigie_device_compliance_ratio"]} == {"ratio"}
    assert failing
    assert len(by_platform) == 3


def shipped(server: ServerProgram, folder: Path, token: str) -> Path:
    """The configuration for large fleets as it is shipped, but for addresses and the pace."""
    text = (FOLDER / "prometheus-sharded.yml").read_text(encoding="utf-8")
    configuration = yaml.safe_load(
        text.replace("vigie.example.org:8445", f"127.0.0.1:{server.http}")
    )
    del configuration["alerting"]
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    fleet = configuration["scrape_configs"][0]
    fleet["http_sd_configs"][0]["refresh_interval"] = "1s"
    fleet["relabel_configs"][0]["modulus"] = 1
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    (folder / "vigie-token").write_text(token)
    (folder / "vigie-https.crt").write_bytes(server.https_authority.read_bytes())
    (folder / "rules").mkdir()
    for path in (FOLDER / "rules").glob("*.yml"):
        rules = re.sub(r"interval: \dm", "interval: 1s", path.read_text(encoding="utf-8"))
        (folder / "rules" / path.name).write_text(rules, encoding="utf-8")
    return folder / "prometheus.yml"


async def evaluated(url: str) -> list[dict[str, Any]]:
    """Every rule, once each has been evaluated."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        while True:
            groups = (await asked(url, "rules"))["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            if rules and all(rule["health"] != "unknown" for rule in rules):
                return rules
            await asyncio.sleep(0.1)


@pytest.mark.timeout(120)
async def test_a_real_prometheus_finds_the_sites_and_evaluates_every_rule(
    server: ServerProgram, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    folder = tmp_path / "prometheus"
    folder.mkdir()
    configuration = shipped(server, folder, await scrape_token(server))
    program = prometheus_program(configuration, folder / "tsdb", port)
    await program.start()
    try:
        url = f"http://127.0.0.1:{port}"
        (up,) = await first_answer(url, 'up{job="vigie-fleet"} == 1')
        devices = await first_answer(
            url, f"sum(site_platform:vigie_device_compliant:count) == {DEVICES}"
        )
        by_question = await first_answer(
            url, "count by (question) (question_severity_status:vigie_site_rule_devices:sum)"
        )
        rules = await evaluated(url)
    finally:
        await program.stop()

    assert up["metric"]["instance"] == "les-lilas"
    assert devices
    assert {found["metric"]["question"] for found in by_question} >= {"3", "4", "6", "9"}
    assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"] == []
    assert {rule["name"] for rule in rules} == {alert.name for alert in alerts()} | set(
        recordings()
    )
