"""Q07-starttls: every server that takes the domain's mail offers TLS with a valid certificate.

RFC 5321, section 5.1 (which servers), RFC 7505 (none: a null MX), RFC 3207 (STARTTLS), and as
certificate names the servers' own, as RFC 8461, section 4.2, checks them. Servers choose a
connection that works: among the addresses of one name, one that does not answer is passed over,
one that answers without TLS is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from vigie_server.domain.mail import reasons
from vigie_server.domain.mail.dns import Answer, Kind, Known, Outcome
from vigie_server.domain.mail.findings import Finding, kept, said, worst
from vigie_server.domain.mail.names import is_host
from vigie_server.domain.verdicts import Status

MOST_SERVERS: Final = 10
MOST_ADDRESSES: Final = 4
"""Servers of a domain, and addresses of a server, that are asked."""


class Met(StrEnum):
    """How the meeting with a server at one address ended."""

    ENCRYPTED = "encrypted"
    NO_STARTTLS = "no_starttls"  # it speaks SMTP, and does not offer it or refuses it
    TLS_FAILED = "tls_failed"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_NAME = "wrong_name"
    SELF_SIGNED = "self_signed"
    UNTRUSTED = "untrusted"  # its authority is not known, or the certificate is broken otherwise
    NO_ANSWER = "no_answer"  # no connection, or silence
    NO_ROUTE = "no_route"  # this machine cannot reach such addresses
    NOT_SMTP = "not_smtp"
    TURNED_AWAY = "turned_away"  # it speaks SMTP and wants nothing of us, for now or at all
    PRIVATE = "private"  # an address that may not be called


_STATUS: Final[Mapping[Met, Status]] = {
    Met.ENCRYPTED: Status.PASS,
    Met.NO_STARTTLS: Status.FAIL,
    Met.TLS_FAILED: Status.FAIL,
    Met.EXPIRED: Status.FAIL,
    Met.NOT_YET_VALID: Status.FAIL,
    Met.WRONG_NAME: Status.FAIL,
    Met.SELF_SIGNED: Status.FAIL,
    Met.UNTRUSTED: Status.FAIL,
    Met.NO_ANSWER: Status.UNKNOWN,
    Met.NO_ROUTE: Status.UNKNOWN,
    Met.NOT_SMTP: Status.UNKNOWN,
    Met.TURNED_AWAY: Status.UNKNOWN,
    Met.PRIVATE: Status.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Meeting:
    """One address of a server, and how it went; `said` are the server's own words."""

    address: str
    met: Met
    said: str = ""
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A server that takes mail, and the addresses to ask it at. Without any, `finding` says why."""

    host: str
    addresses: tuple[str, ...] = ()
    finding: Finding | None = None


def servers(domain: str, known: Known) -> tuple[Server, ...] | Finding:
    """The servers to ask, or what is known without asking. Raises NotAsked."""
    answer = known.answer(domain, Kind.MX)
    if not answer.known:
        return Finding(Status.UNKNOWN, _not_answered(answer, domain, Kind.MX))
    if answer.no_such_name:
        return Finding(Status.FAIL, said(reasons.NO_SUCH_DOMAIN, domain=domain))
    hosts = _hosts(answer)
    if not hosts:  # RFC 5321, section 5.1: the domain's own address takes its mail
        own = _server(domain, known)
        if own.finding is not None and own.finding.status is Status.FAIL:
            return Finding(Status.UNKNOWN, said(reasons.TAKES_NO_MAIL, domain=domain))
        return (own,)
    if hosts == ("",):
        return Finding(Status.NOT_APPLICABLE, said(reasons.NULL_MX, domain=domain))
    found = [_server(host, known) for host in hosts[:MOST_SERVERS]]
    if len(hosts) > MOST_SERVERS:
        reason = said(reasons.MANY_SERVERS, domain=domain, count=len(hosts), most=MOST_SERVERS)
        found.append(Server("", finding=Finding(Status.UNKNOWN, reason)))
    return tuple(found)


def starttls(met: Sequence[tuple[Server, Sequence[Meeting]]]) -> Finding:
    """Passes where every server met at least once over TLS, and never without."""
    return worst([_of_server(server, meetings) for server, meetings in met])


def _hosts(answer: Answer) -> tuple[str, ...]:
    """Preferred first, each once. A null MX among others breaks RFC 7505 and is passed over."""
    ordered = []
    for record in answer.records:
        preference, _, host = record.partition(" ")
        ordered.append((int(preference), host.lower().rstrip(".")))
    hosts = tuple(dict.fromkeys(host for _, host in sorted(ordered)))
    return hosts if hosts == ("",) else tuple(host for host in hosts if host)


def _server(host: str, known: Known) -> Server:
    if not is_host(host):
        return Server(host, finding=Finding(Status.FAIL, said(reasons.MX_NO_NAME, host=host)))
    answers = {kind: known.answer(host, kind) for kind in (Kind.A, Kind.AAAA)}
    addresses = [answers[kind].records[: MOST_ADDRESSES // 2] for kind in (Kind.A, Kind.AAAA)]
    if any(addresses):
        return Server(host, tuple(address for family in addresses for address in family))
    for kind, answer in answers.items():
        if not answer.known:
            return Server(host, finding=Finding(Status.UNKNOWN, _not_answered(answer, host, kind)))
    return Server(host, finding=Finding(Status.FAIL, said(reasons.MX_NOWHERE, host=host)))


def _of_server(server: Server, meetings: Sequence[Meeting]) -> Finding:
    if server.finding is not None:
        return server.finding
    # A family that this machine cannot reach says nothing of the server, if another was met.
    told = [meeting for meeting in meetings if meeting.met is not Met.NO_ROUTE] or list(meetings)
    detail = tuple(_row(server.host, meeting) for meeting in meetings)
    statuses = [_STATUS[meeting.met] for meeting in told]
    for status in (Status.FAIL, Status.PASS, Status.UNKNOWN):
        if status in statuses:
            deciding = told[statuses.index(status)]
            return Finding(status, _reason(server.host, deciding), detail)
    reason = _reason(server.host, Meeting("", Met.NO_ANSWER))
    return Finding(Status.UNKNOWN, reason, detail)


def _reason(host: str, meeting: Meeting) -> Mapping[str, str]:
    texts = reasons.MET[meeting.met.value]
    values = {"host": host, "address": meeting.address, "said": meeting.said}
    return said(texts, **values, until=meeting.valid_until)


def _row(host: str, meeting: Meeting) -> Mapping[str, str]:
    row = {"host": host, "address": meeting.address, "met": meeting.met.value}
    if meeting.said:
        row["said"] = kept(meeting.said[:200])
    if meeting.valid_until is not None:
        row["valid_until"] = meeting.valid_until.isoformat()
    return row


def _not_answered(answer: Answer, name: str, kind: Kind) -> Mapping[str, str]:
    texts = reasons.DNS_TIMEOUT if answer.outcome is Outcome.TIMEOUT else reasons.DNS_FAILED
    return said(texts, name=name, kind=kind.value)
