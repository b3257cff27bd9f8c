"""Servers with simulated fleets, and a real Prometheus that watches them."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2

from components import required_program
from programs import ANSWERS_WITHIN, Program, ServerProgram
from vigie.v1 import enrolment_token
from vigie_server import clock
from vigie_server.bundled import bundled_catalogue
from vigie_server.simulator.fleet import Addresses, Fleet, simulated_devices
from vigie_server.simulator.recorded import recordings

RECORDED = Path(__file__).parent / "fixtures"


async def served(folder: Path, **settings: str) -> ServerProgram:
    """A server that runs, with these environment variables; stop its `program`."""
    server = ServerProgram(folder, settings)
    await server.command("init")
    await server.start()
    return server


async def joined(server: ServerProgram, site: str, devices: int) -> None:
    """Has this many recorded devices of three platforms enrol at the site and report once."""
    text = await server.command("token", "create", "--site", site, "--uses", str(devices))
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
    await fleet.join(simulated_devices(devices, recordings(RECORDED)), joined=lambda _: None)


def prometheus_program(configuration: Path, data: Path, port: int) -> Program:
    """Debian's Prometheus with this configuration; start and stop it."""
    return Program(
        (
            required_program("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.format=json",
        ),
        {},
    )


async def scrape_token(server: ServerProgram) -> str:
    printed = await server.command("token", "api", "create", "--role", "scrape", "--name", "test")
    return printed.strip().splitlines()[-1]


async def asked(url: str, path: str, **parameters: str) -> Any:
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{url}/api/v1/{path}", params=parameters)
    answer.raise_for_status()
    return answer.raise_for_status().json()["data"]


async def answers(url: str, query: str) -> list[dict[str, Any]]:
    return list((await asked(url, "query", query=query))["result"])


async def first_answer(url: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus answers once it has started and scraped."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        while True:
            try:
                found = await answers(url, query)
            except httpx2.HTTPError:  # not there yet, or still starting
                found = []
            except httpx2.HTTPStatusError as error:
                if error.response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
                found = []
            if found:
                return found
            await asyncio.sleep(0.1)
