"""Servers with simulated fleets, and a real Prometheus that watches them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
from click.testing import CliRunner

from components import required_program
from fakes.plain_http import plain_client
from programs import ANSWERS_WITHIN, Program, ProgramFailed, ServerProgram
from vigie.v1 import enrolment_token
from vigie_server import clock
from vigie_server.bundled import bundled_catalogue
from vigie_server.cli import main as cli
from vigie_server.simulator.fleet import Addresses, Fleet, SimulatedDevice, simulated_devices
from vigie_server.simulator.recorded import recordings

ASKED_FOR = 120.0
"""Seconds that a query may take: Prometheus itself gives up after as many."""
RECORDED = Path(__file__).parent / "fixtures"


@dataclass(frozen=True, slots=True)
class Joined:
    """A fleet that has enrolled, to let its devices report again."""

    fleet: Fleet
    devices: Sequence[SimulatedDevice]


async def served(folder: Path, **settings: str) -> ServerProgram:
    """A server that runs, with these environment variables; stop its `program`."""
    server = ServerProgram(folder, settings)
    commanded(server, "init")
    await server.start()
    return server


def commanded(server: ServerProgram, *arguments: str) -> str:
    """What `vigie-server ...` prints last. It runs in this process: another costs a second."""
    told = CliRunner().invoke(cli.main, arguments, env=server.environment)
    if told.exit_code:
        raise ProgramFailed(f"vigie-server {' '.join(arguments)}: {told.output}")
    lines = told.stdout.strip().splitlines()
    return lines[-1] if lines else ""


async def joined(server: ServerProgram, site: str, devices: int, *, pending: bool = True) -> Joined:
    """Has this many recorded devices of three platforms enrol at the site and report once.

    They are pending, unless the token names their serial numbers.
    """
    simulated = simulated_devices(devices, recordings(RECORDED))
    serials = () if pending else [f"--serial={device.serial}" for device in simulated]
    text = commanded(server, "token", "create", "--site", site, "--uses", str(devices), *serials)
    fleet = fleet_of(server, text)
    await fleet.join(simulated, joined=lambda _: None)
    return Joined(fleet, simulated)


def fleet_of(server: ServerProgram, token: str) -> Fleet:
    """What enrols simulated devices with this token."""
    return Fleet(
        Addresses(
            f"127.0.0.1:{server.enrolment}",
            f"127.0.0.1:{server.telemetry}",
            (server.data / "ca" / "devices.crt").read_bytes(),
        ),
        enrolment_token.decode(token).secret,
        bundled_catalogue().topics,
        clock.utc_now,
    )


def prometheus_program(configuration: Path, data: Path, port: int, *flags: str) -> Program:
    """Debian's Prometheus with this configuration and further flags; start and stop it."""
    return Program(
        (
            required_program("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.format=json",
            *flags,
        ),
        {},
    )


async def scrape_token(server: ServerProgram) -> str:
    return commanded(server, "token", "api", "create", "--role", "scrape", "--name", "test")


async def asked(url: str, path: str, **parameters: str) -> Any:
    async with plain_client(timeout=ASKED_FOR) as client:
        answer = await client.get(f"{url}/api/v1/{path}", params=parameters)
    return answer.raise_for_status().json()["data"]


async def answers(url: str, query: str, at: float | None = None) -> list[dict[str, Any]]:
    """What Prometheus answers, as of that moment (seconds since 1970), or of now."""
    moment = {} if at is None else {"time": f"{at:.3f}"}
    return list((await asked(url, "query", query=query, **moment))["result"])


async def first_answer(url: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus answers once it has started and scraped."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            while not (found := await _answers_yet(url, query)):  # noqa: ASYNC110 (an answer)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"Prometheus has no answer to {query}") from None
    return found


async def _answers_yet(url: str, query: str) -> list[dict[str, Any]]:
    try:
        return await answers(url, query)
    except httpx2.HTTPStatusError as error:
        if error.response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:  # still starting
            raise
    except httpx2.HTTPError:  # not there yet
        pass
    return []
