"""The two gRPC ports that devices speak to, put together."""

import asyncio
from dataclasses import dataclass
from time import monotonic

import grpc

from vigie_server.ca.authority import CertificateAuthority
from vigie_server.ca.peers import peer_of
from vigie_server.domain.attempts import Attempts
from vigie_server.ingest.enrolment import Enrolments as EnrolmentPort
from vigie_server.ingest.listening import listening
from vigie_server.ingest.telemetry import Telemetry
from vigie_server.ingest.updates import Updates
from vigie_server.metrics.own import OwnFigures
from vigie_server.ports.enrolment import Endpoints
from vigie_server.services.enrol import Enrol
from vigie_server.services.renew import Renew
from vigie_server.services.sessions import OpenSessions
from vigie_server.settings import PREFIX, ServerSettings, advertised
from vigie_server.store.database import Database
from vigie_server.store.enrolment import Enrolments


@dataclass(frozen=True, slots=True)
class DevicePorts:
    """Both ports, bound. `endpoints` are where devices find them."""

    telemetry: grpc.aio.Server
    telemetry_port: int
    enrolment: grpc.aio.Server
    enrolment_port: int
    endpoints: Endpoints

    async def start(self) -> None:
        """Serves from here on."""
        await self.telemetry.start()
        await self.enrolment.start()

    async def stop(self, within: float | None) -> None:
        """Serves nobody new; who is served has that long, in seconds."""
        await asyncio.gather(self.telemetry.stop(within), self.enrolment.stop(within))


def device_ports(
    settings: ServerSettings,
    database: Database,
    authority: CertificateAuthority,
    sessions: OpenSessions,
    updates: Updates,
    figures: OwnFigures,
) -> DevicePorts:
    """Binds them, under a certificate made for this start. Raises SettingsMalformed."""
    parts, given = sessions.parts, settings.enrolment
    pair = authority.issue_server_certificate(settings.own_names, now=parts.now())
    figures.certificates_expire({"authority": authority.not_after, "telemetry": pair.not_after})
    limit = settings.limits.max_message_bytes
    telemetry, telemetry_port = listening(
        address=settings.listen.telemetry,
        setting=f"{PREFIX}LISTEN__TELEMETRY",
        key=pair.key,
        chain=pair.chain,
        client_authority=authority.certificate_pem,
        max_message_bytes=limit,
        max_connections=sessions.terms.held + sessions.terms.visitors,
    )
    enrolment, enrolment_port = listening(
        address=settings.listen.enrolment,
        setting=f"{PREFIX}LISTEN__ENROLMENT",
        key=pair.key,
        chain=pair.chain,
        client_authority=None,
        max_message_bytes=limit,
        max_connections=sessions.terms.visitors,
    )
    endpoints = advertised(settings, telemetry_port=telemetry_port, enrolment_port=enrolment_port)
    store = Enrolments(database)
    renewal = Renew(
        store=store,
        workers=parts.workers,
        authority=authority,
        endpoints=endpoints,
        now=parts.now,
        expired_for_at_most=given.renew_expired_for,
        certificate_for=given.certificate_for,
    )
    enrol = Enrol(
        store=store,
        workers=parts.workers,
        authority=authority,
        endpoints=endpoints,
        now=parts.now,
        changed=parts.viewing.changed,
        taken_over_after=given.taken_over_after,
        certificate_for=given.certificate_for,
    )
    attempts = Attempts(
        per_minute=given.attempts_per_minute, burst=given.attempts_at_once, monotonic=monotonic
    )
    port = EnrolmentPort(enrol, renewal, attempts, figures.enrolment_refused)
    greeting = settings.sessions.hello_within.total_seconds()
    served = Telemetry(sessions, renewal, peer_of, hello_within=greeting)
    telemetry.add_generic_rpc_handlers((served.handler, updates.handler))
    enrolment.add_generic_rpc_handlers((port.handler,))
    return DevicePorts(telemetry, telemetry_port, enrolment, enrolment_port, endpoints)
