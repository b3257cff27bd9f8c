"""Protobuf to domain and back. Nothing above knows protobuf, nothing here decides.

Reading copies no more than it must: columns and values become tuples, because they outlive the
message; everything else is read in place.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from vigie.v1 import enrollment_pb2, snapshot_pb2, telemetry_pb2
from vigie_server.domain.asking import Outcome
from vigie_server.domain.enrolling import Claims
from vigie_server.domain.orders import Ack, Ask, Disable, Goodbye, Order, Resend, Welcome
from vigie_server.domain.reports import Heartbeat, Hello, Report, Snapshot
from vigie_server.ports.asking import AnswerPiece
from vigie_server.ports.enrolment import Identity

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OUTCOMES: Final[Mapping[int, Outcome]] = {
    snapshot_pb2.SNAPSHOT_STATUS_OK: Outcome.OK,
    snapshot_pb2.SNAPSHOT_STATUS_ERROR: Outcome.ERROR,
    snapshot_pb2.SNAPSHOT_STATUS_TIMEOUT: Outcome.TIMEOUT,
    snapshot_pb2.SNAPSHOT_STATUS_MISSING_TABLE: Outcome.MISSING_TABLE,
    snapshot_pb2.SNAPSHOT_STATUS_NO_PERMISSION: Outcome.NO_PERMISSION,
    snapshot_pb2.SNAPSHOT_STATUS_REFUSED: Outcome.REFUSED,
    snapshot_pb2.SNAPSHOT_STATUS_DENYLISTED: Outcome.DENYLISTED,
    snapshot_pb2.SNAPSHOT_STATUS_TOO_LARGE: Outcome.TOO_LARGE,
}
_MAX_ELAPSED: Final = timedelta(days=3660).total_seconds()


def hello(message: telemetry_pb2.Hello) -> Hello:
    return Hello(
        agent_version=message.agent_version,
        engine=message.engine,
        engine_version=message.engine_version,
        platform=message.platform,
        boot_id=message.boot_id,
        spool_id=message.spool_id,
        highest_seq=message.highest_seq,
        config_digest=message.config_digest,
        store_epoch=message.store_epoch,
        dropped_reports=message.dropped_reports,
        sent_at=_instant(message, "sent_at", message.sent_at),
    )


def report(message: telemetry_pb2.Report) -> Report:
    return Report(
        seq=message.seq,
        sent_at=_instant(message, "sent_at", message.sent_at),
        elapsed=_span(message.elapsed) if message.HasField("elapsed") else None,
        snapshots=[_snapshot(snapshot) for snapshot in message.snapshots],
    )


def heartbeat(message: telemetry_pb2.Heartbeat) -> Heartbeat:
    return Heartbeat(
        sent_at=_instant(message, "sent_at", message.sent_at),
        pending_reports=message.pending_reports,
    )


def answer(message: telemetry_pb2.Answer) -> AnswerPiece:
    return AnswerPiece(
        ask_id=message.ask_id,
        outcome=_OUTCOMES.get(message.status, Outcome.ERROR),
        message=message.message,
        columns=tuple(message.columns),
        values=tuple(message.values),
        done=message.done,
    )


def claims(message: enrollment_pb2.HardwareClaims) -> Claims:
    return Claims(
        hardware_serial=message.hardware_serial,
        hardware_uuid=message.hardware_uuid,
        hardware_vendor=message.hardware_vendor,
        hardware_model=message.hardware_model,
        hostname=message.hostname,
        platform=message.platform,
    )


def welcome(given: Welcome) -> telemetry_pb2.SessionResponse:
    limits, intervals = given.limits, given.intervals
    return telemetry_pb2.SessionResponse(
        welcome=telemetry_pb2.Welcome(
            store_epoch=given.store_epoch,
            resume_after=given.resume_after,
            limits=telemetry_pb2.Limits(
                max_message_bytes=limits.max_message_bytes,
                max_snapshots_per_report=limits.max_snapshots_per_report,
                max_rows_per_snapshot=limits.max_rows_per_snapshot,
                max_columns_per_snapshot=limits.max_columns_per_snapshot,
                max_value_bytes=limits.max_value_bytes,
                max_in_flight=limits.max_in_flight,
            ),
            intervals=telemetry_pb2.Intervals(
                heartbeat=_duration(intervals.heartbeat),
                stay=intervals.stay,
                visit=_duration(intervals.visit),
                reconnect=_duration(intervals.reconnect),
            ),
            server_time=_timestamp(given.server_time),
            asks=map(_ask, given.asks),
        )
    )


def order(given: Order) -> telemetry_pb2.SessionResponse:
    match given:
        case Ack(seq=seq, rejected=rejected):
            return telemetry_pb2.SessionResponse(
                ack=telemetry_pb2.Ack(
                    seq=seq,
                    rejected=[
                        telemetry_pb2.Rejection(seq=number, reason=reason)
                        for number, reason in rejected
                    ],
                )
            )
        case Resend(topics=topics):
            return telemetry_pb2.SessionResponse(resend=telemetry_pb2.Resend(topics=topics))
        case Ask():
            return telemetry_pb2.SessionResponse(ask=_ask(given))
        case Goodbye(retry_after=retry_after, reason=reason):
            return telemetry_pb2.SessionResponse(
                goodbye=telemetry_pb2.Goodbye(retry_after=_duration(retry_after), reason=reason)
            )
        case Disable(reason=reason):
            return telemetry_pb2.SessionResponse(disable=telemetry_pb2.Disable(reason=reason))


def _ask(given: Ask) -> telemetry_pb2.Ask:
    return telemetry_pb2.Ask(
        ask_id=given.ask_id,
        sql=given.sql,
        timeout=_duration(given.timeout),
        max_rows=given.max_rows,
        asked_by=given.asked_by,
        purpose=given.purpose,
    )


def identity(given: Identity) -> enrollment_pb2.Identity:
    return enrollment_pb2.Identity(
        device_id=given.device_id,
        certificate_chain=given.certificate_chain,
        trust_bundle=given.trust_bundle,
        telemetry_endpoints=given.endpoints.telemetry,
        enrollment_endpoints=given.endpoints.enrolment,
        not_after=_timestamp(given.not_after),
    )


def _snapshot(message: snapshot_pb2.Snapshot) -> Snapshot:
    return Snapshot(
        topic=message.topic,
        topic_version=message.topic_version,
        digest=message.digest,
        status=message.status,
        message=message.message,
        unchanged=message.unchanged,
        columns=tuple(message.columns[:]),
        values=tuple(message.values[:]),  # in one piece: one by one they take half as long again
        row_count=message.row_count,
        query_digest=message.query_digest[:64],
        elapsed=_span(message.elapsed) if message.HasField("elapsed") else None,
    )


def _instant(
    message: telemetry_pb2.Hello | telemetry_pb2.Report | telemetry_pb2.Heartbeat,
    field: str,
    value: Timestamp,
) -> datetime | None:
    """None when absent, or when the device's clock says a year that there is no date for."""
    if not message.HasField(field):  # type: ignore[arg-type]  # one name for three messages
        return None
    try:
        return _EPOCH + timedelta(0, value.seconds, value.nanos // 1000)
    except OverflowError:
        return None


def _span(value: Duration) -> timedelta:
    seconds = value.seconds + value.nanos / 1e9
    return timedelta(seconds=min(max(seconds, 0.0), _MAX_ELAPSED))


def _duration(span: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def _timestamp(instant: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(instant)
    return timestamp
