"""Makes what was collected fit what the server takes."""

from vigie_agent.domain.assembly import why_too_large
from vigie_agent.domain.orders import Limits
from vigie_agent.domain.snapshot import Snapshot, Status


def fitted(snapshot: Snapshot, limits: Limits) -> Snapshot:
    """The snapshot itself, or one that says that it is too large, without rows.

    Snapshots are made within the limits that were in force; these may have shrunk since.
    """
    too_large = why_too_large(snapshot.columns, snapshot.rows, limits)
    if too_large is None:
        return snapshot
    return Snapshot.of(
        topic=snapshot.topic,
        topic_version=snapshot.topic_version,
        status=Status.TOO_LARGE,
        columns=(),
        rows=(),
        message=too_large,
        query_digest=snapshot.query_digest,
        cost=snapshot.cost,
    )
