"""A DNS server on loopback that answers from a `Zone`, over UDP and TCP, and misbehaves when told.

It speaks real DNS messages (built by dnspython), truncated ones included: clients come over TCP.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from fakes.zone import Zone
from vigie_server.domain.mail.dns import Kind, Outcome, Question

UDP_OCTETS = 1232


class Odd(StrEnum):
    """What the server does instead of answering as it should."""

    SILENT = "silent"
    SERVFAIL = "servfail"
    GARBAGE = "garbage"
    CUT = "cut"  # the first octets of a good answer


@dataclass
class DnsServer:
    """Where it listens, what it holds, and how it was asked."""

    zone: Zone
    odd: dict[str, Odd] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    damage: Callable[[bytes], bytes] = lambda wire: wire
    port: int = 0
    over_tcp: list[str] = field(default_factory=list)

    @property
    def resolver(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def answer(self, wire: bytes, *, tcp: bool) -> bytes | None:
        query = dns.message.from_wire(wire)
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        if tcp:
            self.over_tcp.append(name)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        match self.odd.get(name):
            case Odd.SILENT:
                return None
            case Odd.GARBAGE:
                return b"\xff" * 40
            case Odd.SERVFAIL:
                response.set_rcode(dns.rcode.SERVFAIL)
                return response.to_wire()
            case Odd.CUT | None:
                pass
        if name in self.aliases:
            text = self.aliases[name] + "."
            alias = dns.rrset.from_text(asked.name, 60, "IN", "CNAME", text)
            response.answer.append(alias)
            name = self.aliases[name]
        kind = Kind(dns.rdatatype.to_text(asked.rdtype))
        found = self.zone.answer(Question(name, kind))
        if found.outcome is Outcome.FOUND:
            response.answer.append(_rrset(name, kind, found.records))
        elif found.no_such_name:
            response.set_rcode(dns.rcode.NXDOMAIN)
        wire = response.to_wire(max_size=65_535)
        if not tcp and len(wire) > UDP_OCTETS:
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        wire = self.damage(wire)
        return wire[: len(wire) // 2] if self.odd.get(name) is Odd.CUT else wire


def _rrset(name: str, kind: Kind, records: tuple[str, ...]) -> dns.rrset.RRset:
    """The records as DNS sends them; texts in strings of 255 octets."""
    rrset = dns.rrset.RRset(
        dns.name.from_text(name), dns.rdataclass.IN, dns.rdatatype.from_text(kind)
    )
    for record in records:
        if kind is Kind.TXT:
            octets = record.encode("latin-1")
            strings = [octets[place : place + 255] for place in range(0, len(octets), 255)] or [b""]
            wire = b"".join(bytes([len(part)]) + part for part in strings)
            rdata = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.TXT, wire, 0, len(wire))
        else:
            text = f"{record}." if kind is Kind.MX else record
            rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text)
        rrset.add(rdata, ttl=60)
    return rrset


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, tcp=False)
        if answer is not None:
            self._transport.sendto(answer, addr)


@asynccontextmanager
async def dns_server(zone: Zone) -> AsyncIterator[DnsServer]:
    """A server that answers until the block is left."""
    server = DnsServer(zone)

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            size = int.from_bytes(await reader.readexactly(2))
            answer = server.answer(await reader.readexactly(size), tcp=True)
            if answer is not None:
                writer.write(len(answer).to_bytes(2) + answer)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    loop = asyncio.get_running_loop()
    streams = await asyncio.start_server(stream, "127.0.0.1", 0)
    server.port = streams.sockets[0].getsockname()[1]
    datagrams, _ = await loop.create_datagram_endpoint(
        lambda: _Datagrams(server), local_addr=server.resolver
    )
    try:
        yield server
    finally:
        datagrams.close()
        streams.close()
        await streams.wait_closed()
