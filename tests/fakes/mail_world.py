"""DNS and a mail server on loopback, with a mail domain in order."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fakes.dns_server import DnsServer, dns_server
from fakes.mail_server import Authority, MailServer, mail_server
from fakes.zone import Zone
from vigie_server.domain.mail.dns import Kind

D = "tilleuls.example"
MX = f"mx.{D}"
KEY = base64.b64encode(
    rsa.RSAPublicNumbers(65537, (1 << 2048) - 159)
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


def a_zone() -> Zone:
    """A domain in order, whose server is on loopback."""
    zone = Zone().txt(D, "v=spf1 include:spf.example -all", "other=text")
    zone.txt("spf.example", "v=spf1 ip4:192.0.2.0/24 ~all")
    zone.txt(f"s1._domainkey.{D}", f"v=DKIM1; k=rsa; p={KEY}")
    zone.txt(f"_dmarc.{D}", "v=DMARC1; p=quarantine")
    return zone.hold(D, Kind.MX, f"10 {MX}").hold(MX, Kind.A, "127.0.0.1")


@dataclass
class World:
    """DNS and a mail server on loopback."""

    dns: DnsServer
    mail: MailServer
    authority: Authority

    def settings(self, **changes: object) -> dict[str, object]:
        values: dict[str, object] = {
            "resolvers": f"127.0.0.1:{self.dns.port}",
            "private_networks": "127.0.0.0/8",
            "authorities": self.authority.pem,
            "smtp_port": self.mail.port,
            "look_every": timedelta(milliseconds=20),
            "dns_within": timedelta(seconds=20),  # they answer, however busy the machine is
            "smtp_within": timedelta(seconds=20),
        }
        return values | changes


@asynccontextmanager
async def world(folder: Path, zone: Zone | None = None) -> AsyncIterator[World]:
    authority = Authority.made_in(folder)
    server = MailServer(authority.issue(MX))
    async with dns_server(zone or a_zone()) as dns, mail_server(server) as mail:
        yield World(dns, mail, authority)
