"""A real Prometheus scrapes the server over TLS; promtool finds nothing wrong with it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from components import required_program
from programs import ANSWERS_WITHIN, Program, ServerProgram, free_ports
from vigie.v1 import enrolment_token
from vigie_server import clock
from vigie_server.bundled import bundled_catalogue
from vigie_server.simulator.fleet import Addresses, Fleet, simulated_devices
from vigie_server.simulator.recorded import recordings

RECORDED = Path(__file__).parents[1] / "fixtures"
DEVICES = 9
ATTESTED = 'vigie_site_attestation_expiry_timestamp_seconds{site="les-lilas"'


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProgram]:
    """A server with nine simulated devices of three platforms that have reported."""
    server = ServerProgram(tmp_path / "server")
    await server.command("init")
    await server.start()
    text = await server.command("token", "create", "--site", "les-lilas", "--uses", str(DEVICES))
    fleet = Fleet(
        Addresses(
            f"127.0.0.1:{server.enrolment}",
            f"127.0.0.1:{server.telemetry}",
            (server.data / "ca" / "devices.crt").read_bytes(),
        ),
        enrolment_token.decode(text).secret,
        bundled_catalogue().topics,
        clock.utc_now,
    )
    await fleet.join(simulated_devices(DEVICES, recordings(RECORDED)), joined=lambda _: None)
    yield server
    await server.program.stop()


async def scrape_token(server: ServerProgram) -> str:
    printed = await server.command("token", "api", "create", "--role", "scrape", "--name", "test")
    return printed.strip().splitlines()[-1]


async def metrics_page(server: ServerProgram, token: str) -> str:
    trust = ssl.create_default_context(cafile=server.https_authority)
    async with httpx2.AsyncClient(verify=trust) as client:
        answer = await client.get(
            f"https://127.0.0.1:{server.http}/metrics",
            headers={"Authorization": f"Bearer {token}"},
        )
    answer.raise_for_status()
    return answer.text


async def complete_page(server: ServerProgram, token: str, *, attested: bool = False) -> str:
    """The page once every device shows on it: views follow their commits within a second."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        while True:
            page = await metrics_page(server, token)
            shown = page.count("vigie_device_info{")
            if shown == DEVICES and (not attested or ATTESTED in page):
                return page
            await asyncio.sleep(0.1)


@pytest.mark.timeout(120)
async def test_promtool_finds_nothing_wrong_with_the_metrics(server: ServerProgram) -> None:
    promtool = required_program("promtool")
    await server.command(
        "attest", "record", "Q02-restore-test", "--site", "les-lilas", "--author", "A. Martin"
    )
    page = await complete_page(server, await scrape_token(server), attested=True)

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


CONFIGURATION = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: vigie
    scheme: https
    tls_config: {{ca_file: "{authority}"}}
    authorization: {{credentials_file: "{token_file}"}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


async def answers(url: str, query: str) -> list[dict[str, object]]:
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{url}/api/v1/query", params={"query": query})
    return list(answer.json()["data"]["result"])


async def first_answer(url: str, query: str) -> list[dict[str, object]]:
    """What Prometheus answers once it has scraped."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        while True:
            try:
                found = await answers(url, query)
            except httpx2.TransportError:
                found = []
            if found:
                return found
            await asyncio.sleep(0.1)


@pytest.mark.timeout(120)
async def test_a_real_prometheus_scrapes_the_fleet(server: ServerProgram, tmp_path: Path) -> None:
    prometheus = required_program("prometheus")
    (port,) = free_ports(1)
    token_file = tmp_path / "token"
    token_file.write_text(await scrape_token(server))
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(
        CONFIGURATION.format(
            authority=server.https_authority, token_file=token_file, port=server.http
        )
    )
    program = Program(
        (
            prometheus,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.format=json",
        ),
        {},
    )
    await program.start()
    try:
        url = f"http://127.0.0.1:{port}"

        up = await first_answer(url, "up == 1")
        devices = await first_answer(url, f"count(vigie_device_info) == {DEVICES}")
        failing = await first_answer(url, 'vigie_device_rule_compliant{rule=~"Q0.+"} == 0')
        by_platform = await first_answer(url, "count by (platform) (vigie_device_info)")
    finally:
        await program.stop()

    assert len(up) == 1
    assert len(devices) == 1
    assert failing
    assert len(by_platform) == 3
