"""What a server's store holds of what agents collected, for comparison with their ledger."""

from itertools import pairwise

from ledger import Stored
from vigie.v1.digest import canonical_fields
from vigie_server.store.content import unpacked
from vigie_server.store.database import Database


def held_by(database: Database) -> list[Stored]:
    """Every report in the store that changed a topic, in the order of commit."""
    with database.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT device_key, spool_id, seq, digest, topic, content FROM evidence "
            "ORDER BY device_key, revision, topic"
        ).all()
    found = []
    for device, spool_id, seq, digest, topic, content in rows:
        fields = canonical_fields(unpacked(bytes(content)))
        count = int(fields[4])
        values = fields[5 + count :]
        table = tuple(
            tuple(values[start : start + count]) for start in range(0, len(values), count)
        )
        found.append(Stored(device, spool_id.hex(), seq, digest.hex(), topic, table))
    return found


def broken_histories(database: Database) -> list[str]:
    """Verdicts whose transitions do not follow from one another: one was lost, or came twice."""
    with database.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT device_key, rule, before, after FROM transition ORDER BY device_key, rule, key"
        ).all()
    return [
        f"device {second.device_key}, {second.rule}: {first.after}, then from {second.before}"
        for first, second in pairwise(rows)
        if (first.device_key, first.rule) == (second.device_key, second.rule)
        and first.after != second.before
    ]
