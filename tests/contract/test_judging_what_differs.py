"""Recorded devices judged by the rules that differ stand as those that every rule judged."""

import copy
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import CollectorRegistry

from vigie_server.bundled import bundled_catalogue, guide_folder, topics_folder, whys_file
from vigie_server.domain.describing import described
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.records import DeviceChange, DeviceRecord, HeldSnapshot, HeldVerdict
from vigie_server.domain.reports import Limits, Report
from vigie_server.domain.rulebook import load_catalogue
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.standing import says_the_same
from vigie_server.domain.unread import UnreadVerdicts, not_standing
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.metrics.own import OwnFigures
from vigie_server.services.accept_report import AcceptReport
from vigie_server.services.rule_book import RuleBook
from vigie_server.simulator.recorded import recordings

NOW: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)
CATALOGUE: Final = bundled_catalogue()
DEVICES: Final = [
    (recorded.platform, recorded.moved_to(NOW, CATALOGUE.topics))
    for recorded in recordings(Path(__file__).parents[1] / "fixtures")
]
LATER: Final = (timedelta(0), timedelta(hours=5), timedelta(hours=20))
"""Evidence is not too old then: once it is, an unknown stays as it was worded until a report."""
READ_FIREWALL: Final = frozenset(
    rule.id for rule in CATALOGUE.rules.values() if "firewall" in rule.reads
)


def digests_of(catalogue: Catalogue) -> Mapping[str, str]:
    return {rule.id: rule.digest for rule in catalogue.rules.values()}


def accept_by(catalogue: Catalogue, known: Catalogue = CATALOGUE) -> AcceptReport:
    book = RuleBook(catalogue, earlier={known.digest: digests_of(known)})
    return AcceptReport(book, nothing_missing, OwnFigures(CollectorRegistry()), limits=Limits())


async def nothing_missing(*_: object) -> None:
    """All that was answered is at hand."""


def a_record(number: int, read_by: Catalogue) -> DeviceRecord:
    """A device that answered an hour before, and was not judged."""
    platform, answers = DEVICES[number]
    snapshots = {}
    for name, rows in answers.items():
        topic = read_by.topics[name]
        columns = sorted(topic.columns)
        fact = topic.convert(
            topic_version=topic.version,
            status="ok",
            message="",
            columns=columns,
            values=[row.get(column, "") for row in rows for column in columns],
            observed_at=NOW - timedelta(hours=1),
        )
        snapshots[name] = HeldSnapshot(b"", fact.observed_at, 1, fact)
    device = Device(
        "d1", "s1", "standard", platform, DeviceState.ACTIVE, last_report_at=NOW, nomadic=False
    )
    inventory = snapshots["inventory"].fact
    assert inventory is not None
    return DeviceRecord(
        key=1,
        device=described(device, inventory),
        revision=1,
        spool_id=b"",
        last_seq=1,
        boot_ids=(),
        judged_with="",
        enrolled_at=NOW - timedelta(days=30),
        snapshots=snapshots,
    )


def with_facts_of(record: DeviceRecord, number: int, catalogue: Catalogue) -> DeviceRecord:
    """The record as another release reads what is stored of the device."""
    again = copy.copy(record)
    again.snapshots = a_record(number, catalogue).snapshots
    again.verdicts = dict(record.verdicts)
    return again


def stands(change: DeviceChange) -> object:
    return (
        change.judged_with,
        sorted(change.verdicts, key=lambda written: written.held.verdict.rule),
        sorted(change.transitions, key=lambda moved: moved.rule),
        change.retracted,
        change.figures,
    )


@dataclass(frozen=True, slots=True)
class Folders:
    """A copy of all that is judged by, to be changed."""

    folder: Path

    def change(self, file: str, was: str, becomes: str) -> None:
        path = self.folder / file
        text = path.read_text("utf-8")
        assert was in text
        path.write_text(text.replace(was, becomes), "utf-8")

    def catalogue(self) -> Catalogue:
        folder = self.folder
        return load_catalogue(folder / "topics", folder / "guide", folder / "whys.yaml")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    shutil.copytree(topics_folder(), tmp_path / "topics")
    shutil.copytree(guide_folder(), tmp_path / "guide")
    shutil.copy(whys_file(), tmp_path / "whys.yaml")
    return Folders(tmp_path)


def a_rule_changed(folders: Folders) -> None:
    folders.change("guide/q05.yaml", "        default: 14\n", "        default: 7\n")


def a_rule_renamed(folders: Folders) -> None:
    folders.change("guide/q06.yaml", "Q06-drops-logged", "Q06-drops-kept")


def a_reference_changed(folders: Folders) -> None:
    for year in ("2027", "2028", "2029", "2030", "2031", "2032"):
        folders.change("guide/reference/os_support.yaml", f"ends: {year}-", "ends: 2026-")


def a_declaration_changed(folders: Folders) -> None:
    folders.change("topics/firewall.yaml", "rules: {type: integer,", "rules: {type: text,")
    folders.change("topics/firewall.yaml", "{fr: Pare-feu, en: Firewall}", "{fr: Mur, en: Wall}")


CHANGES: Final[Mapping[Callable[[Folders], None], frozenset[str]]] = {
    a_rule_changed: frozenset({"Q05-min-length"}),
    a_rule_renamed: frozenset({"Q06-drops-kept"}),
    a_reference_changed: frozenset({"Q03-os-supported", "Q03-os-support-horizon"}),
    a_declaration_changed: READ_FIREWALL,
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_what_differs_judged_alone_comes_to_what_all_the_rules_say(
    folders: Folders, change: Callable[[Folders], None]
) -> None:
    change(folders)
    changed = folders.catalogue()
    before, after = accept_by(CATALOGUE), accept_by(changed)
    moved = 0
    for number in range(len(DEVICES)):
        first = a_record(number, CATALOGUE)
        await before.judge_again(first, None, now=NOW)
        for later in LATER:
            partly = with_facts_of(first, number, changed)
            whole = with_facts_of(first, number, changed)
            whole.judged_with = ""
            due = [
                rule
                for rule, held in first.verdicts.items()
                if held.next_check_at is not None and held.next_check_at <= NOW + later
            ]

            some = await after.judge_again(partly, due, now=NOW + later)
            every = await after.judge_again(whole, None, now=NOW + later)

            assert stands(some) == stands(every)
            assert partly.verdicts == whole.verdicts
            moved += len(every.verdicts) + len(every.retracted)
    assert moved


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_only_what_a_verdict_can_follow_makes_a_rule_differ(
    folders: Folders, change: Callable[[Folders], None]
) -> None:
    change(folders)
    changed = folders.catalogue()
    book = RuleBook(changed, earlier={CATALOGUE.digest: digests_of(CATALOGUE)})

    assert changed.digest != CATALOGUE.digest
    assert book.differing(CATALOGUE.digest) == CHANGES[change]
    assert book.differing("") is None


def test_texts_beside_a_verdict_and_the_layout_of_files_change_no_rule(folders: Folders) -> None:
    folders.change("guide/q05.yaml", "    title:", "    # A remark.\n    title:")
    folders.change("guide/q05.yaml", "    remediation:\n", "    remediation:\n\n")

    assert folders.catalogue().digest == CATALOGUE.digest


def test_how_whys_are_worded_concerns_every_rule_on_evidence(folders: Folders) -> None:
    folders.change("whys.yaml", "statuses:", "# Reworded.\nstatuses:")
    book = RuleBook(folders.catalogue(), earlier={CATALOGUE.digest: digests_of(CATALOGUE)})

    on_evidence = frozenset(rule.id for rule in CATALOGUE.rules.values() if rule.reads)

    assert book.differing(CATALOGUE.digest) == on_evidence


async def test_a_forced_look_asks_every_rule_and_a_partial_one_only_those_that_differ() -> None:
    first = a_record(0, CATALOGUE)
    await accept_by(CATALOGUE).judge_again(first, None, now=NOW)
    right = dict(first.verdicts)
    other = {"Q05-min-length": replace(CATALOGUE.rules["Q05-min-length"], digest="other")}
    known = replace(CATALOGUE, digest="known", rules={**CATALOGUE.rules, **other})
    asked: dict[str, set[str]] = {}

    for judged_with in ("known", "", "nobody's", CATALOGUE.digest):
        record = with_facts_of(first, 0, CATALOGUE)
        record.judged_with = judged_with
        for rule, held in right.items():  # where they are judged, they are as they were
            wrong = replace(held.verdict, status=Status.UNKNOWN, reason={"fr": "?", "en": "?"})
            record.verdicts[rule] = replace(held, verdict=wrong)
        change = await accept_by(CATALOGUE, known).judge_again(record, None, now=NOW)
        asked[judged_with] = {written.held.verdict.rule for written in change.verdicts}

    assert asked["known"] == {"Q05-min-length"}
    assert asked[""] == asked["nobody's"] == right.keys()
    assert asked[CATALOGUE.digest] == set()


async def test_a_due_rule_is_judged_without_its_neighbours() -> None:
    record = a_record(0, CATALOGUE)
    accept = accept_by(CATALOGUE)
    await accept.judge_again(record, None, now=NOW)
    for rule in READ_FIREWALL:
        held = record.verdicts[rule]
        record.verdicts[rule] = replace(held, next_check_at=NOW)

    change = await accept.judge_again(record, ["Q06-drops-logged"], now=NOW)

    assert [written.held.verdict.rule for written in change.verdicts] == ["Q06-drops-logged"]


async def test_a_report_with_nothing_new_moves_its_device_on_by_what_differs() -> None:
    record = a_record(0, CATALOGUE)
    report = Report(seq=2, sent_at=NOW, elapsed=timedelta(0), snapshots=[])
    await accept_by(CATALOGUE)(record, report, received_at=NOW)
    other = {"Q05-min-length": replace(CATALOGUE.rules["Q05-min-length"], digest="other")}
    gone = {"Q05-gone": replace(CATALOGUE.rules["Q05-min-length"], id="Q05-gone")}
    known = replace(CATALOGUE, digest="known", rules={**CATALOGUE.rules, **other, **gone})
    for rule in ("Q05-min-length", "Q05-lockout"):
        held = record.verdicts[rule]
        wrong = replace(held.verdict, reason={"fr": "?", "en": "?"})
        record.verdicts[rule] = replace(held, verdict=wrong)
    record.verdicts["Q05-gone"] = record.verdicts["Q05-lockout"]
    record.judged_with = "known"

    again = replace(report, seq=3)
    change = (await accept_by(CATALOGUE, known)(record, again, received_at=NOW)).change

    assert [written.held.verdict.rule for written in change.verdicts] == ["Q05-min-length"]
    assert change.retracted == ("Q05-gone",)
    assert (change.judged_with, record.judged_with) == (CATALOGUE.digest, CATALOGUE.digest)


def glimpses_of(
    verdicts: Mapping[str, HeldVerdict], glance: "Glanced | None" = None
) -> UnreadVerdicts[HeldVerdict]:
    return UnreadVerdicts(
        dict(verdicts),
        read=lambda held: held,
        standings=lambda rows: [
            (rule, held.verdict.status, held.waived) for rule, held in rows.items()
        ],
        glimpse=lambda held: (held.verdict.status, held.next_check_at),
        unlike=lambda rows, said, now: [
            verdict for verdict in said if not says_the_same(rows[verdict.rule], verdict, now=now)
        ],
        glimpses=True,
        glance=glance,
    )


@dataclass(frozen=True)
class Glanced:
    """A glance at these verdicts."""

    held: Mapping[str, HeldVerdict]

    @property
    def rules(self) -> Sequence[str]:
        return tuple(self.held)

    def stands(self, said: Sequence[Verdict], now: datetime) -> bool:
        return {verdict.rule for verdict in said} == self.held.keys() and not not_standing(
            self.held, said, now
        )


def glanced_at(verdicts: Mapping[str, HeldVerdict]) -> UnreadVerdicts[HeldVerdict]:
    return glimpses_of({}, glance=Glanced(dict(verdicts)))


async def test_verdicts_of_rules_that_are_gone_are_read_before_they_are_retracted() -> None:
    gone = {"Q05-gone": replace(CATALOGUE.rules["Q05-min-length"], id="Q05-gone")}
    known = replace(CATALOGUE, digest="known", rules={**CATALOGUE.rules, **gone})
    held: dict[str, HeldVerdict] = {}

    async def load(record: DeviceRecord) -> None:
        if isinstance(record.verdicts, UnreadVerdicts):
            record.verdicts.read_in_full(held)

    book = RuleBook(CATALOGUE, earlier={known.digest: digests_of(known)})
    figures = OwnFigures(CollectorRegistry())
    accept = AcceptReport(book, nothing_missing, figures, limits=Limits(), load_verdicts=load)
    record = a_record(0, CATALOGUE)
    await accept.judge_again(record, None, now=NOW)
    held |= {**record.verdicts, "Q05-gone": record.verdicts["Q05-lockout"]}
    record.verdicts, record.judged_with = glanced_at(held), "known"

    change = await accept.judge_again(record, None, now=NOW)

    assert (change.verdicts, change.retracted) == ((), ("Q05-gone",))
    assert record.verdicts.keys() == CATALOGUE.rules.keys()


@pytest.mark.parametrize("unread", [glimpses_of, glanced_at])
@pytest.mark.parametrize("number", [0, 10, 20])
@pytest.mark.parametrize(("later", "read"), [(timedelta(0), 0), (timedelta(days=40), 1)])
async def test_verdicts_are_read_in_full_before_one_that_does_not_stand_is_written(
    number: int,
    later: timedelta,
    read: int,
    unread: Callable[[Mapping[str, HeldVerdict]], UnreadVerdicts[HeldVerdict]],
) -> None:
    held: dict[str, HeldVerdict] = {}
    times = []

    async def load(record: DeviceRecord) -> None:
        if isinstance(record.verdicts, UnreadVerdicts):
            record.verdicts.read_in_full(held)
            times.append(record)

    book = RuleBook(CATALOGUE)
    figures = OwnFigures(CollectorRegistry())
    accept = AcceptReport(book, nothing_missing, figures, limits=Limits(), load_verdicts=load)
    record = a_record(number, CATALOGUE)
    await accept.judge_again(record, None, now=NOW)
    held |= record.verdicts
    wanted = copy.copy(record)
    wanted.verdicts = dict(held)
    record.verdicts = unread(held)
    record.judged_with = wanted.judged_with = ""
    for one in (record, wanted):
        one.revision = 2

    change = await accept.judge_again(record, None, now=NOW + later)

    assert len(times) == read
    assert stands(change) == stands(await accept.judge_again(wanted, None, now=NOW + later))
    assert bool(change.verdicts) is bool(read)
    await load(record)
    assert dict(record.verdicts) == dict(wanted.verdicts)
