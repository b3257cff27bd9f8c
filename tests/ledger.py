"""What agents wrote down of what they collected, held against what the server's store holds.

Pure: the tests that kill programs read both sides, and this says where they differ, in words that
name the report. Its own tests show that each way of losing, doubling or altering is seen.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Table = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A report as an agent was about to keep it."""

    digest: str
    topic: str
    rows: Table


@dataclass(frozen=True, slots=True)
class Stored:
    """A topic of a report as the store holds it: one row of evidence."""

    device: int
    spool: str
    seq: int
    digest: str
    topic: str
    rows: Table


@dataclass(frozen=True, slots=True)
class Ledger:
    """What one or several agents collected."""

    meant: Mapping[str, Written] = field(default_factory=dict)
    """By digest: what was about to be kept when an agent was killed may be lost, or be there."""
    kept: Mapping[str, str] = field(default_factory=dict)
    """The digest of what was durable in a spool, and that spool."""


def read_ledger(lines: Iterable[Mapping[str, object]]) -> Ledger:
    """The ledger of these lines (`fakes/hammering_agent.py` writes them)."""
    meant: dict[str, Written] = {}
    kept: dict[str, str] = {}
    for line in lines:
        if "kept" in line:
            kept[str(line["kept"])] = str(line["spool"])
        else:
            digest, rows = str(line["meant"]), line["rows"]
            assert isinstance(rows, list)
            table = tuple(tuple(map(str, row)) for row in rows)
            meant[digest] = Written(digest, str(line["topic"]), table)
    return Ledger(meant, kept)


def differences(ledger: Ledger, stored: Iterable[Stored]) -> list[str]:
    """One sentence for each report that was lost, doubled, altered, misplaced or made up."""
    held = tuple(stored)
    return [
        *_lost(ledger, held),
        *_doubled(ledger, held),
        *(found for report in held for found in _unlike(ledger, report)),
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """A line that `vigie-sim` wrote of a report: `what` is meant, kept or rejected."""

    what: str
    digest: str
    topic: str
    spool: str
    seq: int
    whole: bool


def read_lines(lines: Iterable[Mapping[str, object]]) -> list[Line]:
    """The ledger of a simulated fleet, whose devices may say the same as each other."""
    found = []
    for line in lines:
        what = next(word for word in ("meant", "kept", "rejected") if word in line)
        seq = line["seq"]
        assert isinstance(seq, int)
        found.append(
            Line(
                what,
                str(line[what]),
                str(line["topic"]),
                str(line["spool"]),
                seq,
                bool(line["whole"]),
            )
        )
    return found


def fleet_differences(
    lines: Iterable[Line],
    stored: Iterable[Stored],
    newest: Mapping[tuple[str, str], str],
    *,
    unkept: frozenset[str] = frozenset(),
) -> list[str]:
    """One sentence for each report of a simulated fleet that was lost, doubled or made up.

    `newest` are the digests of the newest snapshots by spool and topic; topics of `unkept` are not
    stored at all.
    """
    written = [line for line in lines if line.topic not in unkept]
    meant = {(line.spool, line.seq, line.topic): line for line in written if line.what == "meant"}
    kept = [line for line in written if line.what == "kept"]
    held = {(report.spool, report.seq, report.topic): report for report in stored}
    found = []
    for place, report in held.items():
        line = meant.get(place)
        if line is None or line.digest != report.digest:
            found.append(f"made up: {report.topic} seq {report.seq} of spool {report.spool[:8]}")
    last: dict[tuple[str, str], str] = {}
    for line in sorted(kept, key=lambda line: (line.spool, line.seq)):
        told = f"{line.topic} {line.digest[:8]}, seq {line.seq} of spool {line.spool[:8]}"
        was_new = last.get((line.spool, line.topic)) != line.digest
        last[line.spool, line.topic] = line.digest
        place = (line.spool, line.seq, line.topic)
        if line.whole and was_new and place not in held:
            found.append(f"lost: {told}")
        if not was_new and place in held:
            found.append(f"stored though it is as before: {told}")
    for place, times in Counter((line.spool, line.seq, line.topic) for line in kept).items():
        if times > 1:
            found.append(f"acknowledged {times} times: seq {place[1]} of spool {place[0][:8]}")
    for (spool, topic), digest in last.items():
        if newest.get((spool, topic)) != digest:
            found.append(f"not the newest: {topic} {digest[:8]} of spool {spool[:8]}")
    return found


def _lost(ledger: Ledger, held: tuple[Stored, ...]) -> Iterator[str]:
    there = {report.digest for report in held}
    for digest, spool in ledger.kept.items():
        if digest not in there:
            yield f"lost: {_told(ledger, digest)}, kept in spool {spool[:8]}"


def _doubled(ledger: Ledger, held: tuple[Stored, ...]) -> Iterator[str]:
    for digest, times in Counter(report.digest for report in held).items():
        if times > 1:
            at = ", ".join(
                f"device {report.device} seq {report.seq}"
                for report in held
                if report.digest == digest
            )
            yield f"stored {times} times: {_told(ledger, digest)}, at {at}"
    # One report may bring several topics, each of them once.
    places = Counter((report.spool, report.seq, report.topic) for report in held)
    for (spool, seq, topic), times in places.items():
        if times > 1:
            yield f"stored {times} times: {topic}, seq {seq} of spool {spool[:8]}"


def _unlike(ledger: Ledger, report: Stored) -> Iterator[str]:
    meant = ledger.meant.get(report.digest)
    if meant is None:
        yield f"made up: {report.topic} {report.digest[:8]}, seq {report.seq}: nobody collected it"
        return
    if (report.topic, report.rows) != (meant.topic, meant.rows):
        told = _told(ledger, report.digest)
        yield f"altered: {told}, seq {report.seq}: the store says {report.topic} {report.rows}"
    spool = ledger.kept.get(report.digest)
    if spool not in {None, report.spool}:
        told = _told(ledger, report.digest)
        yield f"misplaced: {told}, seq {report.seq}: it is under spool {report.spool[:8]}"


def _told(ledger: Ledger, digest: str) -> str:
    meant = ledger.meant.get(digest)
    return f"{digest[:8]}" if meant is None else f"{meant.topic} {digest[:8]} {meant.rows}"
