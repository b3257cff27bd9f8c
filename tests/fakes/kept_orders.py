"""What an agent of the tests does with the server's orders and questions."""

import asyncio
from dataclasses import dataclass, field

from vigie_agent.domain.orders import Limits, LiveAnswer, LiveQuestion, ServerConfig
from vigie_agent.domain.snapshot import Status


@dataclass
class KeptOrders:
    """Keeps what the server ordered."""

    config: ServerConfig = field(default_factory=ServerConfig)
    limits: Limits | None = None

    @property
    def config_digest(self) -> bytes:
        return self.config.digest

    def follow(self, config: ServerConfig) -> None:
        self.config = config

    def limit(self, limits: Limits) -> None:
        self.limits = limits


@dataclass
class Answers:
    """Answers live questions with these rows, while its gate is open."""

    rows: tuple[tuple[str, ...], ...] = (("answer",),)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def __call__(self, question: LiveQuestion) -> LiveAnswer:
        await self.gate.wait()
        return LiveAnswer(question.ask_id, Status.OK, "", ("value",), self.rows)
