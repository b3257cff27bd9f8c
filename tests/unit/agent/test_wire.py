"""Domain to protobuf and back, through the bytes that travel."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting import a_snapshot
from vigie.v1 import enrollment_pb2, snapshot_pb2, telemetry_pb2
from vigie.v1.digest import snapshot_digest
from vigie_agent.domain.identity import HardwareClaims
from vigie_agent.domain.orders import Limits, LiveAnswer, LiveQuestion, ServerConfig
from vigie_agent.domain.session import (
    About,
    Ack,
    Disable,
    Goodbye,
    Heartbeat,
    Hello,
    Intervals,
    RenewNow,
    Resend,
    Sending,
    Told,
    Welcome,
)
from vigie_agent.domain.snapshot import Cost, Snapshot, Status
from vigie_agent.link import wire

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

instants = st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)).map(NOON.__add__)
spans = st.timedeltas(timedelta(), timedelta(days=3650))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    columns = draw(st.lists(texts.filter(bool), min_size=1, max_size=4, unique=True))
    row = st.tuples(*[texts] * len(columns))
    return Snapshot.of(
        topic=draw(texts),
        topic_version=draw(st.integers(1, 2**31)),
        status=draw(st.sampled_from(Status)),
        columns=columns,
        rows=draw(st.lists(row, max_size=5)),
        message=draw(texts),
        query_digest=draw(st.binary(max_size=16)),
        cost=Cost(draw(spans), draw(spans)),
    )


def read_snapshot(message: snapshot_pb2.Snapshot) -> Snapshot:
    """What a server reads of it."""
    width, values = len(message.columns), list(message.values)
    assert len(values) == width * message.row_count
    status = snapshot_pb2.SnapshotStatus.Name(message.status)
    return Snapshot.of(
        topic=message.topic,
        topic_version=message.topic_version,
        status=Status(status.removeprefix("SNAPSHOT_STATUS_").lower()),
        columns=list(message.columns),
        rows=[values[at : at + width] for at in range(0, len(values), width or 1)],
        message=message.message,
        query_digest=message.query_digest,
        cost=Cost(message.cost.wall.ToTimedelta(), message.cost.cpu.ToTimedelta()),
    )


@given(snapshots())
def test_a_snapshot_survives_the_wire(snapshot: Snapshot) -> None:
    sent = wire.snapshot(snapshot, unchanged=False)

    message = snapshot_pb2.Snapshot.FromString(sent.SerializeToString())

    assert read_snapshot(message) == snapshot
    assert message.digest == snapshot_digest(
        topic=message.topic,
        topic_version=message.topic_version,
        status=message.status,
        message=message.message,
        columns=list(message.columns),
        values=list(message.values),
    )


def test_an_unchanged_snapshot_leaves_its_rows_at_home() -> None:
    message = wire.snapshot(a_snapshot("firewall", "on"), unchanged=True)

    assert message.unchanged
    assert (list(message.columns), list(message.values), message.row_count) == ([], [], 0)
    assert message.digest == a_snapshot("firewall", "on").digest


@given(
    seq=st.integers(1, 2**63 - 1),
    collected_at=instants,
    sent_at=instants,
    elapsed=st.none() | spans,
)
def test_a_report_survives_the_wire(
    seq: int, collected_at: datetime, sent_at: datetime, elapsed: timedelta | None
) -> None:
    told = Told(a_snapshot(), unchanged=False, elapsed=elapsed)
    sending = Sending(seq, collected_at, sent_at, (told,))

    (request,) = wire.requests(sending)

    report = telemetry_pb2.SessionRequest.FromString(request.SerializeToString()).report
    assert report.seq == seq
    assert report.collected_at.ToDatetime(tzinfo=UTC) == collected_at
    assert report.sent_at.ToDatetime(tzinfo=UTC) == sent_at
    assert (report.elapsed.ToTimedelta() if report.HasField("elapsed") else None) == elapsed
    assert [one.HasField("elapsed") for one in report.snapshots] == [False]


def test_snapshots_that_travel_together_tell_each_its_own_age() -> None:
    ages = [timedelta(minutes=minutes) for minutes in (3, 9, 1)]
    told = [Told(a_snapshot(f"t{n}"), unchanged=True, elapsed=age) for n, age in enumerate(ages)]

    (request,) = wire.requests(Sending(7, NOON, NOON, tuple(told)))

    report = request.report
    assert [one.elapsed.ToTimedelta() for one in report.snapshots] == ages
    assert report.elapsed.ToTimedelta() == timedelta(minutes=9)


def test_hello_says_all_that_it_should() -> None:
    hello = Hello(
        About("0.1.0", "osqueryd", "5.23.1", "linux", "boot-1"),
        spool_id=b"s" * 16,
        highest_seq=7,
        config_digest=b"c",
        store_epoch=b"e",
        dropped=3,
        sent_at=NOON,
    )

    message = wire.hello(hello).hello

    assert (message.agent_version, message.engine, message.engine_version) == (
        "0.1.0",
        "osqueryd",
        "5.23.1",
    )
    assert (message.platform, message.boot_id, message.spool_id) == ("linux", "boot-1", b"s" * 16)
    assert (message.highest_seq, message.dropped_reports) == (7, 3)
    assert (message.config_digest, message.store_epoch) == (b"c", b"e")
    assert message.sent_at.ToDatetime(tzinfo=UTC) == NOON


def test_a_heartbeat_says_how_much_waits() -> None:
    (request,) = wire.requests(Heartbeat(NOON, pending=4))

    assert request.heartbeat.pending_reports == 4


@given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), max_size=20))
def test_a_live_answer_survives_in_pieces(rows: list[tuple[str, str]]) -> None:
    answer = LiveAnswer("q", Status.OK, "note", ("a", "b"), tuple(rows) * 3)

    pieces = [request.answer for request in wire.requests(answer)]

    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert sum(piece.row_count for piece in pieces) == len(rows) * 3
    assert pieces[0].message == "note"
    assert {tuple(piece.columns) for piece in pieces} == {("a", "b")}


def test_a_refused_live_question_is_one_piece_with_its_reason() -> None:
    (request,) = wire.requests(LiveAnswer("q", Status.REFUSED, "no"))

    assert (request.answer.status, request.answer.message, request.answer.done) == (6, "no", True)


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        (
            {
                "ack": telemetry_pb2.Ack(
                    seq=5, rejected=[telemetry_pb2.Rejection(seq=4, reason="x")]
                )
            },
            Ack(5, {4: "x"}),
        ),
        ({"resend": telemetry_pb2.Resend(topics=["a", "b"])}, Resend(("a", "b"))),
        ({"renew_now": telemetry_pb2.RenewNow(reason="r")}, RenewNow("r")),
        ({"goodbye": telemetry_pb2.Goodbye(reason="bye")}, Goodbye(timedelta(), "bye")),
        ({"disable": telemetry_pb2.Disable(reason="retired")}, Disable("retired")),
        (
            {"ask": telemetry_pb2.Ask(ask_id="q", sql="SELECT 1", asked_by="a", purpose="p")},
            LiveQuestion("q", "SELECT 1", timedelta(seconds=30), 0, "a", "p"),
        ),
        (
            {
                "config": telemetry_pb2.Config(
                    digest=b"d",
                    packs={"p": "{}"},
                    topic_intervals={"t": 60},
                    disabled_topics=["u"],
                )
            },
            ServerConfig(b"d", {"p": "{}"}, {"t": timedelta(minutes=1)}, frozenset({"u"})),
        ),
        ({}, None),
    ],
)
def test_each_order_is_understood(said: dict[str, object], understood: object) -> None:
    message = telemetry_pb2.SessionResponse(**said)  # type: ignore[arg-type]

    assert wire.order(message) == understood


def test_a_goodbye_never_sends_an_agent_away_for_more_than_a_day() -> None:
    goodbye = telemetry_pb2.Goodbye()
    goodbye.retry_after.FromTimedelta(timedelta(days=400))

    order = wire.order(telemetry_pb2.SessionResponse(goodbye=goodbye))

    assert order == Goodbye(timedelta(days=1), "")


def test_a_bare_welcome_means_the_defaults() -> None:
    message = telemetry_pb2.SessionResponse(welcome=telemetry_pb2.Welcome(store_epoch=b"e"))

    assert wire.greeting(message) == Welcome(b"e", 0, Limits(), 1, Intervals(), None, None)


def test_a_full_welcome_is_understood() -> None:
    welcome = telemetry_pb2.Welcome(
        store_epoch=b"e",
        resume_after=9,
        limits=telemetry_pb2.Limits(
            max_message_bytes=1,
            max_rows_per_snapshot=2,
            max_columns_per_snapshot=3,
            max_value_bytes=4,
            max_in_flight=5,
        ),
        config=telemetry_pb2.Config(digest=b"d"),
        intervals=telemetry_pb2.Intervals(stay=False),
    )
    welcome.intervals.heartbeat.FromSeconds(7)
    welcome.intervals.visit.FromSeconds(8)
    welcome.intervals.reconnect.FromSeconds(9)
    welcome.server_time.FromDatetime(NOON)

    greeting = wire.greeting(telemetry_pb2.SessionResponse(welcome=welcome))

    assert greeting == Welcome(
        store_epoch=b"e",
        resume_after=9,
        limits=Limits(1, 2, 3, 4),
        max_in_flight=5,
        intervals=Intervals(
            timedelta(seconds=7),
            stay=False,
            visit=timedelta(seconds=8),
            reconnect=timedelta(seconds=9),
        ),
        config=ServerConfig(b"d"),
        server_time=NOON,
    )


def test_times_that_cannot_be_are_as_good_as_none() -> None:
    welcome = telemetry_pb2.Welcome(intervals=telemetry_pb2.Intervals(stay=True))
    welcome.intervals.heartbeat.seconds = -(2**60)
    welcome.server_time.seconds = 2**60

    greeting = wire.greeting(telemetry_pb2.SessionResponse(welcome=welcome))

    assert isinstance(greeting, Welcome)
    assert greeting.intervals.heartbeat == Intervals().heartbeat
    assert greeting.server_time is None


def test_an_answer_to_hello_that_is_no_greeting_is_none() -> None:
    message = telemetry_pb2.SessionResponse(ack=telemetry_pb2.Ack(seq=1))

    assert wire.greeting(message) is None


def test_claims_and_identities_travel_whole() -> None:
    request = wire.enroll_request(
        secret=b"s",
        signing_request=b"r",
        claims=HardwareClaims("pc", "linux", "sn", "uuid", "vendor", "model"),
        agent_version="0.1.0",
    )
    identity = enrollment_pb2.Identity(
        device_id="d",
        certificate_chain=[b"leaf"],
        trust_bundle=[b"a", b"b"],
        telemetry_endpoints=["t:1"],
        enrollment_endpoints=["e:1"],
    )

    issued = wire.issued(identity)

    assert (request.token_secret, request.certificate_signing_request) == (b"s", b"r")
    assert request.claims == enrollment_pb2.HardwareClaims(
        hostname="pc",
        platform="linux",
        hardware_serial="sn",
        hardware_uuid="uuid",
        hardware_vendor="vendor",
        hardware_model="model",
    )
    assert (issued.device_id, issued.trust_bundle) == ("d", (b"a", b"b"))
    assert (issued.telemetry_endpoints, issued.enrolment_endpoints) == (("t:1",), ("e:1",))
