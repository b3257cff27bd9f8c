"""The doctor looks at everything in turn and says what to do about each problem."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from collecting import START
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.findings import Certificate, Endpoint, Finding, State
from vigie_agent.engines.recorded import RecordedEngine
from vigie_agent.ports import QueryEngine
from vigie_agent.services.doctor import Doctor, Enrolment

SERVER = Endpoint("vigie.example.org", 8443)
DAY = timedelta(days=1)
OUR_CA, THEIR_CA = b"our authority", b"their authority"
OUR_LEAF, THEIR_LEAF = b"our server", b"their box"
MINE = b"this device"


@dataclass
class PaperNetwork:
    """A network as the test describes it; an exception is raised by the step that it names."""

    proxy: str = ""
    chain: Sequence[bytes] = (OUR_LEAF, OUR_CA)
    broken: dict[str, OSError] = field(default_factory=dict)

    def addresses(self, endpoint: Endpoint) -> Sequence[str]:
        self._step("addresses")
        return (f"address of {endpoint.host}",)

    def connect(self, endpoint: Endpoint) -> None:
        self._step(f"connect {endpoint.port}")

    def presented(self, endpoint: Endpoint) -> Sequence[bytes]:
        self._step(f"presented {endpoint.port}")
        return self.chain

    def _step(self, name: str) -> None:
        if name in self.broken:
            raise self.broken[name]


@dataclass
class PaperCertificates:
    """Certificates as words: who signed which."""

    issuers: dict[bytes, bytes] = field(
        default_factory=lambda: {OUR_LEAF: OUR_CA, THEIR_LEAF: THEIR_CA, MINE: OUR_CA}
    )
    valid: tuple[datetime, datetime] = (START - DAY, START + DAY)

    def read(self, der: bytes) -> Certificate:
        if der not in self.issuers:
            raise ValueError("not a certificate")
        return Certificate(self.issuers[der].decode(), *self.valid)

    def is_issued_by(self, der: bytes, authority: bytes) -> bool:
        return self.issuers.get(der) == authority


def an_engine() -> QueryEngine:
    version = Rows(({"version": "5.23.1"},))
    return RecordedEngine({"SELECT version FROM osquery_info": version}, "embedded", "5.23.1")


ENROLLED = Enrolment(endpoints=(SERVER,), trusted=(OUR_CA,), own=MINE)
HEALTHY = Doctor(
    enrolment=ENROLLED,
    network=PaperNetwork(),
    certificates=PaperCertificates(),
    engine=an_engine,
    write_data=lambda: None,
    measured_skew=timedelta(seconds=2),
    now=lambda: START,
)


def finding(doctor: Doctor, subject: str) -> Finding:
    """The finding whose English subject begins so."""
    (found,) = [found for found in doctor.findings() if found.subject.en.startswith(subject)]
    return found


def test_a_healthy_device_has_only_good_findings() -> None:
    findings = list(HEALTHY.findings())

    assert {found.state for found in findings} == {State.OK}
    assert [found.subject.en for found in findings] == [
        "Data folder",
        "Query engine",
        "Enrolment",
        "Device certificate",
        "Proxy",
        "Name of vigie.example.org",
        "Port of vigie.example.org:8443",
        "TLS of vigie.example.org:8443",
        "Clock",
    ]


def test_every_problem_comes_with_what_to_do_in_both_languages() -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    sick = replace(
        HEALTHY,
        enrolment=Enrolment(endpoints=(SERVER,), problem="the enrolment token was cut short"),
        network=PaperNetwork(broken={"addresses": OSError("unknown name")}),
        engine=lambda: RecordedEngine({}),
        write_data=full,
        measured_skew=timedelta(days=-365),
    )

    problems = [found for found in sick.findings() if found.state is State.PROBLEM]

    assert [found.detail.en for found in problems] == [
        "No space left on device",
        "recorded: missing_table: nothing was recorded",
        "the enrolment token was cut short",
        "unknown name",
        "31536000 s apart from the server's",
    ]
    assert all(found.advice and found.advice.fr and found.advice.en for found in problems)


def test_a_closed_port_is_told_and_tls_is_not_tried() -> None:
    doctor = replace(HEALTHY, network=PaperNetwork(broken={"connect 8443": OSError("refused")}))

    port = finding(doctor, "Port")

    assert (port.state, port.detail.en) == (State.PROBLEM, "refused")
    assert not any(found.subject.en.startswith("TLS") for found in doctor.findings())


def test_tls_inspection_is_named_with_who_presents_its_certificate() -> None:
    doctor = replace(HEALTHY, network=PaperNetwork(chain=(THEIR_LEAF, THEIR_CA)))

    tls = finding(doctor, "TLS")

    assert tls.state is State.PROBLEM
    assert tls.detail.en == "certificate presented by another authority: their authority"
    assert tls.advice is not None
    assert "inspects TLS" in tls.advice.en


def test_an_inspector_that_shows_our_authority_beside_its_own_leaf_is_still_seen() -> None:
    doctor = replace(HEALTHY, network=PaperNetwork(chain=(THEIR_LEAF, OUR_CA)))

    assert finding(doctor, "TLS").state is State.PROBLEM


def test_before_enrolment_the_authority_is_the_one_that_the_token_names() -> None:
    enrolment = Enrolment(endpoints=(SERVER,), pinned=sha256(OUR_CA).digest())
    ours = replace(HEALTHY, enrolment=enrolment)
    theirs = replace(ours, network=PaperNetwork(chain=(THEIR_LEAF, THEIR_CA)))

    assert finding(ours, "TLS").state is State.OK
    assert finding(theirs, "TLS").state is State.PROBLEM
    assert finding(ours, "Enrolment").detail.en == "not yet, the token is readable"
    assert finding(ours, "Device certificate").state is State.NOT_CHECKED


def test_without_any_authority_tls_is_looked_at_and_not_judged() -> None:
    doctor = replace(HEALTHY, enrolment=Enrolment(endpoints=(SERVER,)))

    assert finding(doctor, "TLS").state is State.NOT_CHECKED
    assert finding(doctor, "Enrolment").detail.en == "not enrolled, and no token"


@pytest.mark.parametrize("chain", [(), (b"rubbish",)], ids=["nothing", "rubbish"])
def test_a_port_that_presents_no_certificate_is_a_problem(chain: Sequence[bytes]) -> None:
    doctor = replace(HEALTHY, network=PaperNetwork(chain=chain))

    assert finding(doctor, "TLS").state is State.PROBLEM


@pytest.mark.parametrize("now", [START - 9 * DAY, START + 9 * DAY], ids=["early", "late"])
def test_a_clock_outside_the_certificates_validity_is_named(now: datetime) -> None:
    doctor = replace(HEALTHY, now=lambda: now)

    tls, own = finding(doctor, "TLS"), finding(doctor, "Device certificate")

    assert tls.detail.en == "the server's certificate is not valid at this device's time"
    assert own.state is State.PROBLEM


def test_an_expired_certificate_is_left_to_the_agent_to_renew() -> None:
    doctor = replace(HEALTHY, now=lambda: datetime(2026, 6, 1, tzinfo=UTC))

    own = finding(doctor, "Device certificate")

    assert own.detail.en == "expired since 2026-03-03"
    assert own.advice is not None
    assert "renews it alone" in own.advice.en


def test_a_damaged_certificate_of_the_device_is_a_problem() -> None:
    doctor = replace(HEALTHY, enrolment=replace(ENROLLED, own=b"damaged"))

    assert finding(doctor, "Device certificate").detail.en == "not a certificate"


def test_a_lost_engine_is_a_problem_wherever_it_is_noticed() -> None:
    class Losing(RecordedEngine):
        def query(self, sql: str, *, timeout: timedelta) -> Rows | QueryError:  # noqa: ARG002 (the port's)
            raise EngineLost("the daemon went away")

    def none() -> QueryEngine:
        raise EngineLost("no osqueryd on this device")

    at_start = finding(replace(HEALTHY, engine=none), "Query engine")
    when_asked = finding(replace(HEALTHY, engine=lambda: Losing({})), "Query engine")

    assert at_start.detail.en == "no osqueryd on this device"
    assert when_asked.detail.en == "the daemon went away"


def test_a_slow_engine_is_a_problem() -> None:
    slow = {"SELECT version FROM osquery_info": QueryError(Reason.TIMEOUT)}

    found = finding(replace(HEALTHY, engine=lambda: RecordedEngine(slow)), "Query engine")

    assert found.detail.en == "recorded: timeout"


def test_a_clock_that_no_session_has_measured_is_not_judged() -> None:
    assert finding(replace(HEALTHY, measured_skew=None), "Clock").state is State.NOT_CHECKED


def test_the_proxy_that_is_used_is_shown() -> None:
    doctor = replace(HEALTHY, network=PaperNetwork(proxy="proxy.example.org:3128"))

    assert finding(doctor, "Proxy").detail.en == "proxy.example.org:3128"
