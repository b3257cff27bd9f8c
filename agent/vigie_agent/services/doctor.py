"""What stands between this agent and its server, one line each, with what to do about it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol

from vigie_agent.domain.answers import QueryError
from vigie_agent.domain.assembly import why
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.findings import Certificate, Endpoint, Finding, State
from vigie_agent.domain.topics import Text
from vigie_agent.ports import QueryEngine

WORST_SKEW: Final = timedelta(minutes=5)
"""Beyond it the clock is named: certificates and the dates of facts depend on it."""

_QUESTION: Final = "SELECT version FROM osquery_info"


class Network(Protocol):
    """The way to the server. Every call is bounded in time and raises OSError."""

    @property
    def proxy(self) -> str:
        """The proxy that is used, without its password; empty where none is."""
        ...

    def addresses(self, endpoint: Endpoint) -> Sequence[str]:
        """The addresses of its host, or those of the proxy that resolves it."""
        ...

    def connect(self, endpoint: Endpoint) -> None:
        """Opens a connection to its port and closes it."""
        ...

    def presented(self, endpoint: Endpoint) -> Sequence[bytes]:
        """The certificates (DER, leaf first) that it presents, trusted or not."""
        ...


class Certificates(Protocol):
    """Reads certificates."""

    def read(self, der: bytes) -> Certificate:
        """Raises ValueError when it is none."""
        ...

    def is_issued_by(self, der: bytes, authority: bytes) -> bool:
        """Whether `authority` signed `der`."""
        ...


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What this device knows of its server: from its identity, or from a token before that.

    `problem` says why there is neither. `trusted` are the authorities' certificates (DER),
    `pinned` the SHA-256 that a token names; `own` is the device's certificate (DER).
    """

    endpoints: tuple[Endpoint, ...] = ()
    trusted: tuple[bytes, ...] = ()
    pinned: bytes = b""
    own: bytes = b""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Doctor:
    """Looks at everything in turn, and goes on after a problem."""

    enrolment: Enrolment
    network: Network
    certificates: Certificates
    engine: Callable[[], QueryEngine]
    write_data: Callable[[], None]
    measured_skew: timedelta | None
    now: Callable[[], datetime]

    def findings(self) -> Iterator[Finding]:
        """Every check, in the order in which one would look."""
        yield self._data_folder()
        yield self._engine()
        yield self._enrolled()
        yield self._own_certificate()
        yield self._proxy()
        for endpoint in self.enrolment.endpoints:
            yield from self._way_to(endpoint)
        yield self._clock()

    def _data_folder(self) -> Finding:
        subject = Text("Dossier de données", "Data folder")
        try:
            self.write_data()
        except OSError as error:
            return Finding(
                subject,
                State.PROBLEM,
                _same(error.strerror or str(error)),
                Text(
                    "Libérez de la place ou lancez la commande en administrateur.",
                    "Make room, or run the command as the administrator.",
                ),
            )
        return Finding(subject, State.OK, Text("on peut y écrire", "can be written"))

    def _engine(self) -> Finding:
        subject = Text("Moteur d'interrogation", "Query engine")
        advice = Text(
            "Vérifiez qu'osqueryd est installé et démarré, ou choisissez le moteur intégré "
            "(VIGIE_AGENT_ENGINE__KIND=embedded, sous Linux).",
            "Check that osqueryd is installed and runs, or choose the embedded engine "
            "(VIGIE_AGENT_ENGINE__KIND=embedded, on Linux).",
        )
        try:
            engine = self.engine()
        except EngineLost as error:
            return Finding(subject, State.PROBLEM, _same(str(error)), advice)
        try:
            answer = engine.query(_QUESTION, timeout=timedelta(seconds=10))
            name = f"{engine.name} {engine.version}".strip()
        except EngineLost as error:
            return Finding(subject, State.PROBLEM, _same(str(error)), advice)
        finally:
            engine.close()
        if isinstance(answer, QueryError):
            return Finding(subject, State.PROBLEM, _same(f"{name}: {why(answer)}"), advice)
        return Finding(subject, State.OK, Text(f"{name} répond", f"{name} answers"))

    def _enrolled(self) -> Finding:
        subject = Text("Inscription", "Enrolment")
        if self.enrolment.own:
            return Finding(subject, State.OK, Text("poste inscrit", "enrolled"))
        if self.enrolment.pinned:
            return Finding(
                subject,
                State.PROBLEM,
                Text("pas encore inscrit, le jeton est lisible", "not yet, the token is readable"),
                Text("Lancez vigie-agent enroll.", "Run vigie-agent enroll."),
            )
        return Finding(
            subject,
            State.PROBLEM,
            _same(self.enrolment.problem)
            if self.enrolment.problem
            else Text("pas inscrit, et aucun jeton", "not enrolled, and no token"),
            Text(
                "Demandez un jeton d'inscription à votre service informatique, puis lancez "
                "vigie-agent enroll.",
                "Ask your IT team for an enrolment token, then run vigie-agent enroll.",
            ),
        )

    def _own_certificate(self) -> Finding:
        subject = Text("Certificat du poste", "Device certificate")
        if not self.enrolment.own:
            return Finding(subject, State.NOT_CHECKED, Text("aucun encore", "none yet"))
        try:
            certificate = self.certificates.read(self.enrolment.own)
        except ValueError as error:
            return Finding(
                subject,
                State.PROBLEM,
                _same(str(error)),
                Text("Inscrivez le poste à nouveau.", "Enrol the device again."),
            )
        until = certificate.not_after.date().isoformat()
        if self.now() > certificate.not_after:
            return Finding(
                subject,
                State.PROBLEM,
                Text(f"expiré depuis le {until}", f"expired since {until}"),
                Text(
                    "L'agent le renouvelle seul dès qu'il joint le serveur : laissez-le tourner.",
                    "The agent renews it alone once it reaches the server: let it run.",
                ),
            )
        if self.now() < certificate.not_before:
            return Finding(
                subject, State.PROBLEM, Text("pas encore valable", "not valid yet"), _SET_THE_CLOCK
            )
        return Finding(subject, State.OK, Text(f"valable jusqu'au {until}", f"valid until {until}"))

    def _proxy(self) -> Finding:
        proxy = self.network.proxy
        detail = _same(proxy) if proxy else Text("aucun, accès direct", "none, direct access")
        return Finding(Text("Proxy", "Proxy"), State.OK, detail)

    def _way_to(self, endpoint: Endpoint) -> Iterator[Finding]:
        """Name, port and TLS: each needs the one before."""
        place = f"{endpoint.host}:{endpoint.port}"
        try:
            addresses = ", ".join(self.network.addresses(endpoint))
        except OSError as error:
            yield Finding(
                Text(f"Nom de {endpoint.host}", f"Name of {endpoint.host}"),
                State.PROBLEM,
                _same(_text(error)),
                Text("Vérifiez le DNS et le réseau du poste.", "Check DNS and the network."),
            )
            return
        yield Finding(
            Text(f"Nom de {endpoint.host}", f"Name of {endpoint.host}"), State.OK, _same(addresses)
        )
        port = Text(f"Port de {place}", f"Port of {place}")
        try:
            self.network.connect(endpoint)
        except OSError as error:
            yield Finding(
                port,
                State.PROBLEM,
                _same(_text(error)),
                Text(
                    f"Autorisez la sortie vers {place} (TCP) dans le pare-feu ou le proxy, et "
                    "vérifiez que le serveur tourne.",
                    f"Allow outbound TCP to {place} in the firewall or proxy, and check that the "
                    "server runs.",
                ),
            )
            return
        yield Finding(port, State.OK, Text("ouvert", "open"))
        yield self._tls(endpoint, place)

    def _tls(self, endpoint: Endpoint, place: str) -> Finding:
        subject = Text(f"TLS de {place}", f"TLS of {place}")
        try:
            chain = self.network.presented(endpoint)
            leaf = self.certificates.read(chain[0])
        except (OSError, ValueError, IndexError) as error:
            return Finding(
                subject,
                State.PROBLEM,
                _same(_text(error)),
                Text(
                    "Ce port ne parle pas TLS comme le serveur Vigie : vérifiez l'adresse et le "
                    "proxy.",
                    "This port does not speak TLS as a Vigie server does: check address and proxy.",
                ),
            )
        if not (self.enrolment.trusted or self.enrolment.pinned):
            return Finding(
                subject,
                State.NOT_CHECKED,
                Text(
                    f"certificat présenté par {leaf.issuer}, sans autorité connue à comparer",
                    f"certificate presented by {leaf.issuer}, with no known authority to compare",
                ),
            )
        if not self._is_ours(chain):
            return Finding(
                subject,
                State.PROBLEM,
                Text(
                    f"certificat présenté par une autre autorité : {leaf.issuer}",
                    f"certificate presented by another authority: {leaf.issuer}",
                ),
                Text(
                    f"Un équipement inspecte le trafic TLS : exemptez {place} de l'inspection.",
                    f"A device inspects TLS traffic: exempt {place} from inspection.",
                ),
            )
        if not leaf.not_before <= self.now() <= leaf.not_after:
            return Finding(
                subject,
                State.PROBLEM,
                Text(
                    "le certificat du serveur n'est pas valable à l'heure de ce poste",
                    "the server's certificate is not valid at this device's time",
                ),
                _SET_THE_CLOCK,
            )
        return Finding(
            subject, State.OK, Text("autorité de l'établissement", "the facility's authority")
        )

    def _is_ours(self, chain: Sequence[bytes]) -> bool:
        named = [der for der in chain if sha256(der).digest() == self.enrolment.pinned]
        return any(
            self.certificates.is_issued_by(chain[0], authority)
            for authority in (*self.enrolment.trusted, *named)
        )

    def _clock(self) -> Finding:
        subject = Text("Horloge", "Clock")
        skew = self.measured_skew
        if skew is None:
            return Finding(
                subject,
                State.NOT_CHECKED,
                Text("comparée à la première session", "compared in the first session"),
            )
        seconds = round(abs(skew.total_seconds()))
        detail = Text(
            f"{seconds} s d'écart avec le serveur", f"{seconds} s apart from the server's"
        )
        if abs(skew) > WORST_SKEW:
            return Finding(subject, State.PROBLEM, detail, _SET_THE_CLOCK)
        return Finding(subject, State.OK, detail)


_SET_THE_CLOCK: Final = Text(
    "Réglez l'horloge du poste (heure automatique), puis recommencez.",
    "Set the device's clock (automatic time), then try again.",
)


def _same(detail: str) -> Text:
    return Text(detail, detail)


def _text(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return strerror if isinstance(strerror, str) and strerror else str(error)
