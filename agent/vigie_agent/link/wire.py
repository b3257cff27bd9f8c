"""Domain to protobuf and back. Nothing above knows protobuf, nothing here decides.

What the server leaves out, or sends out of range, becomes the default of the domain's own type: a
newer or mistaken server can slow an agent down, never break it.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from vigie.v1 import enrollment_pb2, snapshot_pb2, telemetry_pb2
from vigie_agent.domain.identity import HardwareClaims, Issued
from vigie_agent.domain.orders import Limits, LiveAnswer, LiveQuestion, ServerConfig
from vigie_agent.domain.session import (
    Ack,
    Disable,
    Goodbye,
    Heartbeat,
    Hello,
    Intervals,
    Order,
    RenewNow,
    Resend,
    Sending,
    Sent,
    Told,
    Welcome,
)
from vigie_agent.domain.snapshot import STATUS_NUMBERS, Snapshot

PIECE_BYTES: Final = 256 * 1024
"""Size of one piece of a live answer, about."""

LONGEST_WAIT: Final = timedelta(days=1)
"""No order of the server keeps an agent away for longer."""

_STATUS_VALUES: Final = {
    status: snapshot_pb2.SnapshotStatus.ValueType(number)
    for status, number in STATUS_NUMBERS.items()
}
_MICROSECOND: Final = timedelta(microseconds=1)


# --- From the device ------------------------------------------------------------------------------


def hello(given: Hello) -> telemetry_pb2.SessionRequest:
    about = given.about
    return telemetry_pb2.SessionRequest(
        hello=telemetry_pb2.Hello(
            agent_version=about.agent_version,
            engine=about.engine,
            engine_version=about.engine_version,
            platform=about.platform,
            boot_id=about.boot_id,
            spool_id=given.spool_id,
            highest_seq=given.highest_seq,
            config_digest=given.config_digest,
            store_epoch=given.store_epoch,
            dropped_reports=given.dropped,
            sent_at=_timestamp(given.sent_at),
        )
    )


def requests(given: Sent) -> Iterator[telemetry_pb2.SessionRequest]:
    """The messages that say it: one, or as many as a live answer has pieces."""
    match given:
        case Sending():
            yield telemetry_pb2.SessionRequest(report=_report(given))
        case Heartbeat(sent_at=sent_at, pending=pending):
            yield telemetry_pb2.SessionRequest(
                heartbeat=telemetry_pb2.Heartbeat(
                    sent_at=_timestamp(sent_at), pending_reports=pending
                )
            )
        case LiveAnswer():
            for piece in _pieces(given):
                yield telemetry_pb2.SessionRequest(answer=piece)


def _report(given: Sending) -> telemetry_pb2.Report:
    return telemetry_pb2.Report(
        seq=given.seq,
        collected_at=_timestamp(given.collected_at),
        sent_at=_timestamp(given.sent_at),
        elapsed=None if given.elapsed is None else _duration(given.elapsed),
        snapshots=[_told(told, alone=len(given.told) == 1) for told in given.told],
    )


def _told(given: Told, *, alone: bool) -> snapshot_pb2.Snapshot:
    message = snapshot(given.snapshot, unchanged=given.unchanged)
    if given.elapsed is not None and not alone:  # alone, it is the report's
        message.elapsed.CopyFrom(_duration(given.elapsed))
    return message


def snapshot(given: Snapshot, *, unchanged: bool) -> snapshot_pb2.Snapshot:
    """The snapshot with its rows, or with its digest alone."""
    message = snapshot_pb2.Snapshot(
        topic=given.topic,
        topic_version=given.topic_version,
        digest=given.digest,
        status=_STATUS_VALUES[given.status],
        message=given.message,
        unchanged=unchanged,
        cost=snapshot_pb2.Cost(wall=_duration(given.cost.wall), cpu=_duration(given.cost.cpu)),
        query_digest=given.query_digest,
    )
    if not unchanged:
        message.columns.extend(given.columns)
        for row in given.rows:
            message.values.extend(row)
        message.row_count = len(given.rows)
    return message


def _pieces(answer: LiveAnswer) -> Iterator[telemetry_pb2.Answer]:
    """Pieces of bounded size; the first tells status and message, the last that it is the last."""
    chunks = list(_chunks(answer.rows)) or [()]
    for position, chunk in enumerate(chunks):
        yield telemetry_pb2.Answer(
            ask_id=answer.ask_id,
            status=_STATUS_VALUES[answer.status],
            message=answer.message if position == 0 else "",
            columns=answer.columns,
            values=[value for row in chunk for value in row],
            row_count=len(chunk),
            done=position == len(chunks) - 1,
        )


def _chunks(rows: Sequence[tuple[str, ...]]) -> Iterator[Sequence[tuple[str, ...]]]:
    chunk: list[tuple[str, ...]] = []
    size = 0
    for row in rows:
        sound = tuple(value.encode(errors="replace").decode() for value in row)
        size += sum(map(len, sound)) + len(sound)
        chunk.append(sound)
        if size >= PIECE_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def enroll_request(
    *, secret: bytes, signing_request: bytes, claims: HardwareClaims, agent_version: str
) -> enrollment_pb2.EnrollRequest:
    return enrollment_pb2.EnrollRequest(
        token_secret=secret,
        certificate_signing_request=signing_request,
        claims=enrollment_pb2.HardwareClaims(
            hardware_serial=claims.hardware_serial,
            hardware_uuid=claims.hardware_uuid,
            hardware_vendor=claims.hardware_vendor,
            hardware_model=claims.hardware_model,
            hostname=claims.hostname,
            platform=claims.platform,
        ),
        agent_version=agent_version,
    )


# --- From the server ------------------------------------------------------------------------------


def greeting(message: telemetry_pb2.SessionResponse) -> Welcome | Goodbye | Disable | None:
    """The answer to Hello; None when it is none."""
    if message.WhichOneof("message") == "welcome":
        return _welcome(message.welcome)
    match order(message):
        case Goodbye() | Disable() as refusal:
            return refusal
        case _:
            return None


def order(message: telemetry_pb2.SessionResponse) -> Order | None:
    """What the server orders; None for what this version does not know."""
    found: Order | None = None
    match message.WhichOneof("message"):
        case "ack":
            rejected = {rejection.seq: rejection.reason for rejection in message.ack.rejected}
            found = Ack(message.ack.seq, rejected)
        case "config":
            found = _config(message.config)
        case "resend":
            found = Resend(tuple(message.resend.topics))
        case "ask":
            found = _question(message.ask)
        case "renew_now":
            found = RenewNow(message.renew_now.reason)
        case "goodbye":
            retry_after = min(_span(message.goodbye.retry_after, timedelta()), LONGEST_WAIT)
            found = Goodbye(retry_after, message.goodbye.reason)
        case "disable":
            found = Disable(message.disable.reason)
        case _:
            pass
    return found


def issued(message: enrollment_pb2.Identity) -> Issued:
    return Issued(
        device_id=message.device_id,
        certificate_chain=tuple(message.certificate_chain),
        trust_bundle=tuple(message.trust_bundle),
        telemetry_endpoints=tuple(message.telemetry_endpoints),
        enrolment_endpoints=tuple(message.enrollment_endpoints),
    )


def _welcome(message: telemetry_pb2.Welcome) -> Welcome:
    limits, defaults = message.limits, Limits()
    return Welcome(
        store_epoch=message.store_epoch,
        resume_after=message.resume_after,
        limits=Limits(
            max_message_bytes=limits.max_message_bytes or defaults.max_message_bytes,
            max_rows=limits.max_rows_per_snapshot or defaults.max_rows,
            max_columns=limits.max_columns_per_snapshot or defaults.max_columns,
            max_value_bytes=limits.max_value_bytes or defaults.max_value_bytes,
            max_snapshots=limits.max_snapshots_per_report or defaults.max_snapshots,
        ),
        max_in_flight=limits.max_in_flight or 1,
        intervals=_intervals(message.intervals) if message.HasField("intervals") else Intervals(),
        config=_config(message.config) if message.HasField("config") else None,
        server_time=_instant(message.server_time) if message.HasField("server_time") else None,
        questions=tuple(map(_question, message.asks)),
    )


def _intervals(message: telemetry_pb2.Intervals) -> Intervals:
    defaults = Intervals()
    return Intervals(
        heartbeat=min(_span(message.heartbeat, defaults.heartbeat), LONGEST_WAIT),
        stay=message.stay,
        visit=min(_span(message.visit, defaults.visit), LONGEST_WAIT),
        reconnect=min(_span(message.reconnect, defaults.reconnect), LONGEST_WAIT),
    )


def _config(message: telemetry_pb2.Config) -> ServerConfig:
    return ServerConfig(
        digest=message.digest,
        packs=dict(message.packs),
        topic_intervals={
            topic: timedelta(seconds=seconds) for topic, seconds in message.topic_intervals.items()
        },
        disabled_topics=frozenset(message.disabled_topics),
    )


def _question(message: telemetry_pb2.Ask) -> LiveQuestion:
    return LiveQuestion(
        ask_id=message.ask_id,
        sql=message.sql,
        timeout=_span(message.timeout, timedelta(seconds=30)),
        max_rows=message.max_rows,
        asked_by=message.asked_by,
        purpose=message.purpose,
    )


# --- Time -----------------------------------------------------------------------------------------


def _timestamp(instant: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(instant.astimezone(UTC))
    return timestamp


def _instant(message: Timestamp) -> datetime | None:
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _duration(span: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def _span(message: Duration, default: timedelta) -> timedelta:
    """The span, whole microseconds; the default for none, a negative or an impossible one."""
    try:
        span = message.ToTimedelta()
    except (ValueError, OverflowError):
        return default
    return span if span >= _MICROSECOND else default
