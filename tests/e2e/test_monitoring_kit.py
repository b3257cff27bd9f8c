"""Every query of the dashboards, asked of a real Prometheus that watches a fleet in all states."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from monitoring import answers, first_answer, joined, prometheus_program, scrape_token, served
from ports import free_ports
from programs import ServerProgram

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards" / "fr").glob("*.json"))
DEVICES = 27
SITE = "les-lilas"
CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
scrape_configs:
  - job_name: vigie
    scheme: https
    tls_config: {{ca_file: "{authority}"}}
    authorization: {{credentials_file: "{token_file}"}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@dataclass(frozen=True, slots=True)
class Watched:
    """A fleet in all states, as Prometheus has seen it."""

    prometheus: str
    failing_device: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    folder = tmp_path_factory.mktemp("kit")
    server = await served(
        folder / "server",
        VIGIE_SERVER_VERDICTS__GRACE="PT0S",
        VIGIE_SERVER_SWEEP__EVERY="PT1S",
        VIGIE_SERVER_MATURITY__EVERY="PT1S",
    )
    await joined(server, SITE, DEVICES)
    token = await scrape_token(server)
    (port,) = free_ports(1)
    (folder / "token").write_text(token)
    (folder / "prometheus.yml").write_text(
        CONFIGURATION.format(
            authority=server.https_authority, token_file=folder / "token", port=server.http
        )
    )
    program = prometheus_program(folder / "prometheus.yml", folder / "tsdb", port)
    await program.start()
    url = f"http://127.0.0.1:{port}"
    try:
        await first_answer(url, f"count(vigie_device_info) == {DEVICES}")
        known = await answers(url, "vigie_device_info")
        await in_all_states(server, [found["metric"]["device"] for found in known])
        await first_answer(url, 'vigie_site_devices{state="lost"} == 1')
        await first_answer(url, "vigie_site_rule_compliant == 0")
        await first_answer(url, 'vigie_device_rule_failing_since_timestamp_seconds{rule=~"Q09.*"}')
        # Rates need two scrapes, and what was declared is judged within a round of the sweeper.
        await first_answer(url, "count_over_time(vigie_sessions[1m]) > 3")
        (failing,) = await first_answer(
            url,
            'topk(1, vigie_device_rules{status="fail"} and on (device) vigie_device_local_admins)',
        )
        yield Watched(url, failing["metric"]["device"])
    finally:
        await program.stop()
        await server.program.stop()


async def in_all_states(server: ServerProgram, devices: Sequence[str]) -> None:
    """A lost device, nomadic devices, an attestation, beside what recordings hold."""
    await server.command(
        "attest", "record", "Q02-restore-test", "--site", SITE, "--author", "A. Martin"
    )
    await server.command("site", "set", SITE, "--devices", "100")
    await server.command("devices", "declare", devices[0], "lost")
    for device in devices[1:6]:
        await server.command("devices", "declare", device, "nomadic")
        await server.command("devices", "approve", device)


def queries_of(board: Path) -> list[tuple[str, str]]:
    """The title and the query of each target of a dashboard."""
    return [
        (panel["title"], target["expr"])
        for panel in json.loads(board.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
    ]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda path: path.stem)
async def test_every_panel_shows_something(watched: Watched, board: Path) -> None:
    empty = []
    for title, expr in queries_of(board):
        for question in range(1, 14) if "$question" in expr or "${question}" in expr else (0,):
            asked_for = with_variables(expr, watched, question)
            if await shows(watched.prometheus, asked_for):
                break
        else:
            empty.append((title, asked_for))
    assert empty == []


def with_variables(expr: str, watched: Watched, question: int) -> str:
    """The query as a reader's choice makes it, without the zero that would stand for nothing."""
    expr = expr.removesuffix(" or vector(0)")
    # No device of a new fleet has been silent for a week: any silence will do.
    expr = re.sub(r"(vigie_device_last_report[^>]*)> 7 \* 86400", r"\1> 0", expr)
    values = {"device": watched.failing_device, "question": str(question)}
    return re.sub(r"\$\{?([a-z]+)\}?", lambda found: values.get(found[1], ".*"), expr)


async def shows(url: str, expr: str) -> bool:
    return bool(await answers(url, expr))
