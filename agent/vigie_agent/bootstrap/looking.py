"""Makes what looks at an agent from outside: `status` and `doctor`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vigie_agent import clock
from vigie_agent.bootstrap.agent import key_store
from vigie_agent.bootstrap.engine import build_engine
from vigie_agent.bootstrap.updates import versions_here
from vigie_agent.domain.errors import IdentityUnusable, TokenMalformed
from vigie_agent.domain.findings import Endpoint
from vigie_agent.domain.token import read_token
from vigie_agent.domain.updating import News
from vigie_agent.identity.reading import X509Reading
from vigie_agent.link.probe import Probe
from vigie_agent.services.doctor import Doctor, Enrolment
from vigie_agent.services.state_file import try_writing
from vigie_agent.services.status import is_alive, read_status
from vigie_agent.settings import AgentSettings


@dataclass(frozen=True, slots=True)
class Standing:
    """How the agent on this device is doing, running or not."""

    device_id: str
    certificate_until: datetime | None
    spool_bytes: int
    running: dict[str, Any] | None
    is_alive: bool
    updates: News
    """Which version runs, and how the last update went."""

    @property
    def enrolled(self) -> bool:
        """Whether the device has an identity."""
        return bool(self.device_id)

    def as_dict(self) -> dict[str, Any]:
        """The same, for JSON."""
        until = self.certificate_until
        return {
            "enrolled": self.enrolled,
            "device_id": self.device_id,
            "certificate_until": None if until is None else until.isoformat(),
            "spool_bytes": self.spool_bytes,
            "is_alive": self.is_alive,
            "version": self.updates.version,
            "update": {
                "state": str(self.updates.state),
                "about": self.updates.about,
                "reason": self.updates.reason,
            },
            "agent": self.running,
        }


def standing(settings: AgentSettings) -> Standing:
    """How the agent is doing, as its files say. Raises PermissionError, IdentityUnusable."""
    running = read_status(settings.status_path)
    identity = key_store(settings).load()
    spool = settings.spool_path
    files = (spool, spool.with_name(f"{spool.name}-wal"))
    return Standing(
        device_id="" if identity is None else identity.device_id,
        certificate_until=None if identity is None else identity.not_after,
        spool_bytes=sum(file.stat().st_size for file in files if file.exists()),
        running=running,
        is_alive=running is not None and is_alive(running),
        updates=versions_here(settings),
    )


@contextmanager
def doctor_of(settings: AgentSettings, servers: Sequence[Endpoint]) -> Iterator[Doctor]:
    """The doctor for this device; `servers` are tried in place of those it knows."""
    with TemporaryDirectory(prefix="vigie-", ignore_cleanup_errors=True) as folder:
        yield Doctor(
            enrolment=_known_server(settings, servers),
            network=Probe(settings.https_proxy),
            certificates=X509Reading(),
            engine=lambda: build_engine(settings, Path(folder) / "osqueryd"),
            write_data=lambda: try_writing(settings.data_dir),
            measured_skew=_measured_skew(settings),
            now=clock.utc_now,
        )


def _known_server(settings: AgentSettings, servers: Sequence[Endpoint]) -> Enrolment:
    """What is known of the server: from the identity, else from the token in the settings."""
    chosen = tuple(servers)
    try:
        identity = key_store(settings).load()
    except IdentityUnusable as error:
        return Enrolment(endpoints=chosen, problem=str(error))
    if identity is not None:
        issued = identity.issued
        named = (*issued.telemetry_endpoints, *issued.enrolment_endpoints)
        return Enrolment(
            endpoints=chosen or tuple(map(Endpoint.parse, named)),
            trusted=issued.trust_bundle,
            own=issued.certificate_chain[0],
        )
    try:
        text = settings.token()
        token = None if text is None else read_token(text)
    except TokenMalformed as error:
        return Enrolment(endpoints=chosen, problem=str(error))
    if token is None:
        return Enrolment(endpoints=chosen)
    endpoints = chosen or tuple(map(Endpoint.parse, token.endpoints))
    return Enrolment(endpoints=endpoints, pinned=token.ca_sha256)


def _measured_skew(settings: AgentSettings) -> timedelta | None:
    """How far this clock is from the server's, as the last session measured it."""
    try:
        seconds = (read_status(settings.status_path) or {}).get("clock_skew_seconds")
    except OSError:
        return None
    return timedelta(seconds=seconds) if isinstance(seconds, int | float) else None
