"""What is in force on this device: shipped packs, and what the server ordered, kept on disk."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from vigie_agent.domain.errors import PackMalformed
from vigie_agent.domain.orders import Limits, ServerConfig
from vigie_agent.domain.packs import Host, Pack, read_packs
from vigie_agent.domain.plan import Plan, packs_in_force, plan
from vigie_agent.domain.topics import Topic
from vigie_agent.services.state_file import read_state, write_state

log = structlog.get_logger()


class StandingOrders:
    """The server's orders, durable in one file, and the plan that follows from them.

    A file that is damaged or cannot be written costs no collection: the shipped packs stay in
    force, and the server sends its configuration again to an agent that names no digest.
    """

    def __init__(
        self,
        path: Path,
        *,
        shipped: Sequence[Pack],
        topics: Mapping[str, Topic],
        host: Callable[[], Host],
        largest: Limits | None = None,
    ) -> None:
        self._path = path
        self._shipped = tuple(shipped)
        self._topics = topics
        self._host = host
        self._limits = largest or Limits()
        self._config = _read_config(path)
        self._ordered, self._problems = _read_packs(self._config)
        self._planned: tuple[Host, Plan] | None = None
        self.on_change: Callable[[], None] = lambda: None

    @property
    def config_digest(self) -> bytes:
        """Digest of the configuration in force; empty when there is none."""
        return self._config.digest

    def follow(self, config: ServerConfig) -> None:
        """Puts `config` in force and keeps it for the next start."""
        self._config = config
        self._ordered, self._problems = _read_packs(config)
        self._planned = None
        try:
            write_state(self._path, _as_state(config), for_everyone=True)  # for explain
        except OSError as error:
            log.warning("config_not_kept", error=str(error))
        log.info(
            "config_followed",
            digest=config.digest.hex(),
            packs=sorted(config.packs),
            problems=list(self._problems),
        )
        self.on_change()

    def limit(self, limits: Limits) -> None:
        """Puts the server's limits in force. They are told again in each session."""
        self._limits = limits

    def limits(self) -> Limits:
        """The limits in force."""
        return self._limits

    def packs(self) -> tuple[Pack, ...]:
        """The packs in force, for every platform."""
        return packs_in_force(self._shipped, self._ordered)

    def plan(self) -> Plan:
        """What to collect now; made anew when the orders or the engine's version changed."""
        host = self._host()
        if self._planned is None or self._planned[0] != host:
            made = plan(self.packs(), self._topics, host, self._config)
            made = Plan(made.topics, self._problems + made.problems)
            self._planned = (host, made)
            for problem in made.problems:
                log.warning("query_left_out", problem=problem)
        return self._planned[1]


def _read_packs(config: ServerConfig) -> tuple[tuple[Pack, ...], tuple[str, ...]]:
    packs: list[Pack] = []
    problems: list[str] = []
    for name, text in config.packs.items():
        try:
            packs.extend(read_packs(text, name=name))
        except PackMalformed as error:
            problems.append(str(error))
    return tuple(packs), tuple(problems)


def _as_state(config: ServerConfig) -> dict[str, Any]:
    return {
        "digest": config.digest.hex(),
        "packs": dict(config.packs),
        "topic_intervals": {
            topic: interval.total_seconds() for topic, interval in config.topic_intervals.items()
        },
        "disabled_topics": sorted(config.disabled_topics),
    }


def _read_config(path: Path) -> ServerConfig:
    try:
        state = read_state(path)
    except OSError as error:
        log.warning("config_not_read", error=str(error))
        state = None
    if state is None:
        return ServerConfig()
    try:
        return ServerConfig(
            digest=bytes.fromhex(state["digest"]),
            packs={str(name): str(text) for name, text in state["packs"].items()},
            topic_intervals={
                str(topic): timedelta(seconds=seconds)
                for topic, seconds in state["topic_intervals"].items()
            },
            disabled_topics=frozenset(map(str, state["disabled_topics"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        log.warning("config_not_read", error="the file is damaged")
        return ServerConfig()
