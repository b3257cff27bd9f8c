"""Asks DNS through the resolvers of the settings, or the system's. The `Lookups`.

The resolver is trusted to resolve, and to nothing else: its answers are data of whoever owns the
name. dnspython turns to TCP for answers that UDP cuts.
"""

from collections.abc import Sequence
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
from dns.rdata import Rdata
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from vigie_server.domain.mail.dns import MOST_RECORDS, Answer, Kind, Outcome, Question

_ABSENT: Final = Answer(Outcome.ABSENT)


class DnsLookups:
    """`resolvers` are addresses and ports; none: the system's, of which there may be none."""

    def __init__(self, resolvers: Sequence[tuple[str, int]], *, within: float) -> None:
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not resolvers)
        except dns.resolver.NoResolverConfiguration:
            self._resolver = dns.asyncresolver.Resolver(configure=False)
        if resolvers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(address, port) for address, port in resolvers
            ]
        self._resolver.timeout = within / 3
        self._resolver.lifetime = within

    async def answer(self, question: Question) -> Answer:
        """Every trouble is an outcome."""
        try:
            found = await self._resolver.resolve(
                dns.name.from_text(question.name + "."),
                question.kind.value,
                raise_on_no_answer=False,
                search=False,
            )
        except dns.resolver.NXDOMAIN:
            return Answer(Outcome.ABSENT, no_such_name=True)
        except dns.exception.Timeout:
            return Answer(Outcome.TIMEOUT)
        except (dns.exception.DNSException, OSError, ValueError):
            return Answer(Outcome.FAILED)
        records = list(found.rrset or ())[:MOST_RECORDS]
        if not records:
            return _ABSENT
        return Answer(Outcome.FOUND, tuple(_text(record, question.kind) for record in records))


def _text(record: Rdata, kind: Kind) -> str:
    """The record as `domain/mail` reads it."""
    if kind is Kind.TXT and isinstance(record, TXT):
        return b"".join(record.strings).decode("latin-1")
    if kind is Kind.MX and isinstance(record, MX):
        host = record.exchange.to_text(omit_final_dot=True)
        return f"{record.preference} {'' if record.exchange == dns.name.root else host}"
    return record.to_text()
