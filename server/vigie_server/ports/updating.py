"""Updates of agents: the channel that is mirrored, what is rolled out, and how devices fare."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from vigie_server.domain.rolling_out import Release, Rollout, Told
from vigie_server.ports.declaring import Act
from vigie_server.ports.sessions import Peer


@dataclass(frozen=True, slots=True)
class DeviceUpdate:
    """How a device fared, as it last said."""

    device_id: str
    hostname: str
    site: str
    told: Told
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A device that asks: where it is, and what it said before."""

    site: str
    before: Told | None


class Mirrored(Protocol):
    """The channel as this server has it, verified. Blocking."""

    def releases(self) -> Sequence[Release]:
        """What may be offered; nothing while there is no channel, or one that is out of date."""
        ...

    def file(self, name: str) -> Path | None:
        """The file of the channel that has this name."""
        ...

    def expiry(self) -> datetime | None:
        """Until when it is good; None without one."""
        ...


class UpdateStore(Protocol):
    """What was decided, and what devices said. Blocks: call it from a worker thread."""

    def rollouts(self) -> Sequence[Rollout]:
        """What is rolled out, the decision for every site first."""
        ...

    def roll_out(self, version: str, share: int, site: str | None, act: Act) -> None:
        """Decides for a site, or for every site. Raises NotFound."""
        ...

    def stop(self, site: str | None, act: Act) -> None:
        """Takes a decision back. Raises NotFound when there is none."""
        ...

    def asked(self, peer: Peer) -> Asked:
        """Raises UnknownDevice when the certificate is not in force."""
        ...

    def keep(self, peer: Peer, told: Told, at: datetime) -> None:
        """Keeps what a device said."""
        ...

    def devices(self, site: str | None = None) -> Sequence[DeviceUpdate]:
        """What devices last said, by site and id."""
        ...

    def device(self, device_id: str) -> DeviceUpdate:
        """What this device last said. Raises NotFound."""
        ...

    def counts(self, sites: Collection[str] | None = None) -> Mapping[tuple[str, str], int]:
        """Devices by their version and state, at these sites; None: at all of them."""
        ...


class UpdateDesk(Protocol):
    """Answers devices. Raises UnknownDevice, NotFound, RateLimited, StoreBusy."""

    async def check(self, peer: Peer, told: Told) -> str:
        """The version that the device may take; empty for none."""
        ...

    def read(self, peer: Peer, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        """A file of the channel, from `offset` on."""
        ...
