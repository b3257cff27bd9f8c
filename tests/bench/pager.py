"""Readers that page through a list, each on a kept connection, in a process of their own.

`python -m bench.pager`: a `Plan` as JSON on standard input, `Paged` as JSON on standard output. The
client reads as little of an answer as it can: two cores are shared with the server.
"""

import asyncio
import json
import random
import ssl
import sys
from dataclasses import asdict, dataclass
from time import perf_counter, process_time
from typing import Final

NEXT: Final = b'"next":'
"""Stands behind the items of a page."""
PATIENCE: Final = 60.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who reads what: a token a reader. `think`: seconds between two pages, on average.

    Without thinking a reader asks for the next page when it has one (a closed loop). Pauses are
    exponential, so readers do not march in step.
    """

    port: int
    authority: str
    tokens: list[str]
    path: str
    seconds: float
    think: float = 0.0


@dataclass(frozen=True, slots=True)
class Paged:
    """Seconds of each page, bytes in all, how often a reader had to connect, the client's CPU."""

    spent: list[float]
    size: int
    connected: int
    cpu: float


async def read(plan: Plan) -> Paged:
    """Has all readers page until the time is over, each from the beginning again after the end."""
    trust = ssl.create_default_context(cafile=plan.authority)
    spent: list[float] = []
    size = connected = 0
    ends = perf_counter() + plan.seconds

    async def page(token: str, number: int) -> None:
        nonlocal size, connected
        pauses = random.Random(number)
        connection: Connection | None = None
        following = plan.path
        if plan.think:
            await asyncio.sleep(pauses.uniform(0, plan.think))
        while perf_counter() < ends:
            began = perf_counter()
            # A server lets go of a connection that was quiet for long: its reader connects again.
            if connection is None or connection[0].at_eof():
                connection = await asyncio.open_connection("127.0.0.1", plan.port, ssl=trust)
                connected += 1
            async with asyncio.timeout(PATIENCE):
                body = await _asked(connection, following, token)
            spent.append(perf_counter() - began)
            size += len(body)
            following = _next(body) or plan.path
            if plan.think:
                await asyncio.sleep(pauses.expovariate(1 / plan.think))
        if connection is not None:
            connection[1].close()

    async with asyncio.TaskGroup() as tasks:
        for number, token in enumerate(plan.tokens):
            tasks.create_task(page(token, number))
    return Paged(spent, size, connected, process_time())


async def _asked(connection: Connection, path: str, token: str) -> bytes:
    reader, writer = connection
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].partition("\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith("http/1.1 200"):
        raise SystemExit(f"{head}{body[:300]!r}")
    return body


def _next(body: bytes) -> str | None:
    following: str | None = json.loads(body[body.rindex(NEXT) + len(NEXT) : body.rindex(b"}")])
    return following


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(read(Plan(**json.load(sys.stdin)))))))
