"""Time Machine: where it writes, whether by itself, and when it last ended well (macOS).

Its preferences hold all of it and are guarded by Full Disk Access. Without, `tmutil` still names
the destinations; it answers with exit code 0 whatever happened, so that its text decides.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie_agent.domain.table import TableRow
from vigie_agent.tables.backup_facts import Kind, Part
from vigie_agent.tables.backup_places import DISK, NETWORK
from vigie_agent.tables.backup_snapshots import day_of
from vigie_agent.tables.columns import collected, not_collected
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import (
    TMUTIL,
    Unanswered,
    answer,
    bit,
    dictionaries,
    dictionary,
    flag_of,
    plist_answer,
    plist_file,
    text_of,
)
from vigie_agent.tables.mac_settings import seconds_of

_PREFERENCES: Final = "/Library/Preferences/com.apple.TimeMachine.plist"
_NAME: Final = "Time Machine"
_SHOWN: Final = 12
_PLACES: Final = {"local": DISK, "network": NETWORK}
_STATES: Final = {"encrypted": 1, "notencrypted": 0}
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)-(\d{6})")


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that Time Machine writes to."""

    number: str
    place: str = ""
    encrypted: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the preference file says; `automatic` is None where it does not say."""

    automatic: bool | None
    destinations: tuple[Destination, ...]


def named_destinations(found: object) -> tuple[Destination, ...]:
    """The destinations in `tmutil destinationinfo -X`; with none its answer is an empty one."""
    return tuple(
        Destination(text_of(each.get("ID")), _PLACES.get(text_of(each.get("Kind")).lower(), ""))
        for each in dictionaries(dictionary(found).get("Destinations"))
    )


def read_preferences(found: Mapping[str, object]) -> Preferences:
    """The preference file of Time Machine."""
    return Preferences(
        flag_of(found.get("AutoBackup")),
        tuple(_destination(each) for each in dictionaries(found.get("Destinations"))),
    )


def last_of_stamps(text: str) -> int | None:
    """The newest moment in `tmutil latestbackup`, which is written in the Mac's own time."""
    moments = []
    for date, time in _STAMP.findall(text):
        try:
            moments.append(datetime.strptime(f"{date}{time}", "%Y-%m-%d%H%M%S").astimezone())
        except (ValueError, OverflowError, OSError):
            continue
    return int(max(moments).timestamp()) if moments else None


def time_machine_rows(host: Host) -> Iterator[TableRow]:
    """Whether it starts by itself, and one row a destination."""
    try:
        named = named_destinations(plist_answer(host, TMUTIL, "destinationinfo", "-X"))
    except Unanswered as why:
        yield not_collected(str(why), part=Part.REPOSITORIES.value, mechanism=_NAME)
        named = ()
    try:
        written = read_preferences(plist_file(host, _PREFERENCES) or {})
    except Unanswered as why:
        yield not_collected(str(why), part=Part.SCHEDULES.value, mechanism=_NAME)
        for destination in named:
            yield _told_by_tmutil(host, destination, str(why), alone=len(named) == 1)
        return
    if written.destinations or named or written.automatic is not None:
        yield _row(Part.SCHEDULES, scheduled=bit(written.automatic is True))
    places = {each.number: each.place for each in named}
    known = {each.number for each in written.destinations}
    for each in (*written.destinations, *(one for one in named if one.number not in known)):
        yield _of_destination(each, places.get(each.number, "") or each.place)


def local_snapshot_rows(host: Host) -> Iterator[TableRow]:
    """The snapshots that macOS keeps on its own disk: no backup."""
    try:
        text = answer(host, TMUTIL, "listlocalsnapshots", "/")
    except Unanswered as why:
        yield not_collected(str(why), part=Part.SNAPSHOTS.value, mechanism="APFS snapshots")
        return
    days = [day for date, _time in _STAMP.findall(text) if (day := day_of(date))]
    if days:
        yield _row(
            Part.SNAPSHOTS,
            mechanism="APFS snapshots",
            kind=Kind.SNAPSHOT.value,
            last_success_time=max(days),
            time_source="newest snapshot",
        )


def _destination(found: Mapping[str, object]) -> Destination:
    dates = found.get("SnapshotDates")
    times = [seconds_of(date) for date in dates] if isinstance(dates, list) else []
    state = text_of(found.get("LastKnownEncryptionState")).lower()
    network = NETWORK if text_of(found.get("NetworkURL")) else ""
    last = max((time for time in times if time is not None), default=None)
    return Destination(text_of(found.get("DestinationID")), network, _STATES.get(state), last)


def _told_by_tmutil(host: Host, destination: Destination, why: str, *, alone: bool) -> TableRow:
    """A destination whose times are guarded: of a single one, tmutil may tell the newest."""
    try:
        last = last_of_stamps(answer(host, TMUTIL, "latestbackup")) if alone else None
    except Unanswered:
        last = None
    if last is not None:
        told = Destination(destination.number, destination.place, None, last)
        return _of_destination(told, destination.place, source="tmutil")
    return not_collected(
        why,
        part=Part.REPOSITORIES.value,
        mechanism=_NAME,
        kind=Kind.BACKUP.value,
        identifier=destination.number[:_SHOWN],
        destination=destination.place,
    )


def _of_destination(found: Destination, place: str, *, source: str = "preferences") -> TableRow:
    return _row(
        Part.REPOSITORIES,
        identifier=found.number[:_SHOWN],
        destination=place or DISK,
        encrypted=found.encrypted,
        last_success_time=found.last,
        time_source="" if found.last is None else source,
    )


def _row(part: Part, **facts: str | int | None) -> TableRow:
    known = {"mechanism": _NAME, "kind": Kind.BACKUP.value, "account": "", "identifier": ""}
    return collected(**{**known, "part": part.value, **facts})
