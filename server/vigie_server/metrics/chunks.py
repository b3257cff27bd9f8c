"""Devices in small chunks, site by site: a change in one leaves the blocks of the others alone."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from vigie_server.domain.agent_ages import agent_age
from vigie_server.domain.devices import DeviceState
from vigie_server.metrics import families
from vigie_server.metrics.blocks import Block
from vigie_server.metrics.device_rows import STATUSES, DeviceRow, RuleNames
from vigie_server.metrics.exposition import escaped

CHUNK_DEVICES: Final = 32
"""Devices of a chunk. More compress no better; fewer are touched less often, in more blocks."""
SITE_FAMILIES: Final = (
    families.SITE_DEVICES,
    families.SITE_REVOKED,
    families.SITE_RULE_DEVICES,
    families.SITE_AGENTS,
)

_STATUS_BITS: Final = 3


class Chunk:
    """A few devices of one site, and a block of each family; None: to be written anew."""

    __slots__ = ("blocks", "rows", "site")

    def __init__(self, site: "SiteChunks", families_shown: int) -> None:
        self.site: Final = site
        self.rows: Final[list[DeviceRow]] = []
        self.blocks: Final[list[Block | None]] = [None] * families_shown


class SiteChunks:
    """The devices of a site, and its own blocks (`SITE_FAMILIES`); None: to be written anew."""

    __slots__ = ("_agents", "_revoked", "_rules", "_states", "blocks", "chunks", "name", "roomy")

    def __init__(self, site: str) -> None:
        self.name: Final = escaped(site)
        self.chunks: Final[dict[Chunk, None]] = {}
        self.roomy: Final[dict[Chunk, None]] = {}
        self.blocks: Final[list[Block | None]] = [None] * len(SITE_FAMILIES)
        self._states: Final[Counter[str]] = Counter()
        self._revoked = 0
        self._rules: Final[Counter[int]] = Counter()
        self._agents: Final[Counter[str]] = Counter()

    def add(self, row: DeviceRow, families_shown: int) -> Chunk:
        """Gives the device a place, and the chunk that it is in."""
        if not self.roomy:
            fresh = Chunk(self, families_shown)
            self.chunks[fresh] = self.roomy[fresh] = None
        chunk = row.chunk = next(iter(self.roomy))
        chunk.rows.append(row)
        if len(chunk.rows) == CHUNK_DEVICES:
            del self.roomy[chunk]
        return chunk

    def take_out(self, row: DeviceRow) -> Chunk:
        """Takes a device of this site away, and gives the chunk that it was in."""
        chunk = row.chunk
        assert chunk is not None  # noqa: S101 (narrows for the type checker)
        chunk.rows.remove(row)
        row.chunk = None
        self.roomy[chunk] = None
        if not chunk.rows:
            del self.chunks[chunk], self.roomy[chunk]
        return chunk

    def count(self, row: DeviceRow, step: int) -> None:
        """Counts a device in or out."""
        self._states[row.state] += step
        if row.revoked:
            self._revoked += step
        if row.state == DeviceState.ACTIVE:
            self._agents[row.agent_version] += step
        for place, status in enumerate(row.statuses):
            if status:
                self._rules[place << _STATUS_BITS | status] += step

    def lines(self, names: RuleNames, server_version: str) -> Iterator[str]:
        """The lines of each of `SITE_FAMILIES`. Ages of agents are reckoned from the server's."""
        head = f'{families.SITE_DEVICES.name}{{site="{self.name}",state="'
        yield "".join(
            [
                f'{head}{state}"}} {count}\n'
                for state, count in sorted(self._states.items())
                if count
            ]
        )
        head = f'{families.SITE_REVOKED.name}{{site="{self.name}"}}'
        yield f"{head} {self._revoked}\n" if self._revoked else ""
        head = f'{families.SITE_RULE_DEVICES.name}{{site="{self.name}",rule="'
        met = [
            (names.names[key >> _STATUS_BITS], STATUSES[key & (1 << _STATUS_BITS) - 1], count)
            for key, count in self._rules.items()
            if count
        ]
        yield "".join(
            [f'{head}{rule}",status="{status}"}} {count}\n' for rule, status, count in sorted(met)]
        )
        head = f'{families.SITE_AGENTS.name}{{site="{self.name}",agent_version="'
        yield "".join(
            [
                f'{head}{escaped(agent)}",age="{agent_age(agent, server_version)}"}} {count}\n'
                for agent, count in sorted(self._agents.items())
                if count
            ]
        )
