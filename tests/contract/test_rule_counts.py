"""Counts of rules move with the verdicts, whoever writes these: they are those of every verdict."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy import select

from fakes.stored import NOW, SITE, a_device, a_token
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.records import DeviceChange, DeviceRecord, HeldVerdict, WrittenVerdict
from vigie_server.domain.score import Figures
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.ports.lists import DevicesWanted
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database
from vigie_server.store.device_lists import FleetLists
from vigie_server.store.models import EVERY_SITE
from vigie_server.store.records import Records
from vigie_server.store.rule_counts import COLUMNS, COUNT, recounted

RULES = ("Q01-a", "Q02-b", "Q03-c")
OTHER = "Les Lilas"


def written(rule: str, status: Status, *, waived: bool = False) -> WrittenVerdict:
    verdict = Verdict(rule, 1, status, {"fr": "a", "en": "a"})
    return WrittenVerdict(HeldVerdict(verdict, NOW, None, None, waived=waived), NOW, {})


def change(
    record: DeviceRecord, *verdicts: WrittenVerdict, retracted: tuple[str, ...] = ()
) -> DeviceChange:
    record.revision += 1
    return DeviceChange(
        key=record.key,
        device_id=record.device.id,
        at=NOW,
        revision_before=record.revision - 1,
        revision=record.revision,
        spool_id=b"",
        last_seq=0,
        device=record.device,
        judged_with="x",
        verdicts=verdicts,
        retracted=retracted,
    )


def counts(database: Database) -> Mapping[tuple[int, str], Mapping[str, int]]:
    """The stored counts, without places where nothing is left."""
    with database.reading() as connection:
        found = {
            (row.site_key, row.rule): {name: getattr(row, name) for name in COLUMNS.values()}
            for row in connection.execute(select(COUNT))
        }
    return {place: held for place, held in found.items() if any(held.values())}


def truth(database: Database) -> Mapping[tuple[int, str], Mapping[str, int]]:
    with database.reading() as connection:
        return recounted(connection)


def test_counts_follow_whatever_is_committed(database: Database) -> None:
    random = Random(7)
    a_token(database)
    a_token(database, secret_hash=b"o" * 32, site=OTHER)
    store, acts = Records(database), Administration(database)
    keys = [a_device(database, name) for name in "abcdefgh"]
    keys += [a_device(database, name, secret_hash=b"o" * 32) for name in "ijkl"]
    records = {key: store.record(key) for key in keys}
    stood: dict[tuple[int, str], tuple[Status, bool]] = {}

    def told(key: int, rule: str, *, waived: bool = False) -> WrittenVerdict:
        """A verdict, which says whether it comes to the same as the one before it."""
        now = random.choice(list(Status)), waived
        before, stood[key, rule] = stood.get((key, rule)), now
        return replace(written(rule, now[0], waived=waived), counts_move=before != now)

    for _ in range(120):
        key = random.choice(keys)
        record = records[key]
        match random.randrange(8):
            case 0:
                rule = random.choice(RULES)
                stood.pop((key, rule), None)
                step = change(record, retracted=(rule,))
            case 1:
                if record.device.state is not DeviceState.RETIRED:
                    acts.retire(record.device.id, now=NOW, actor="test")
                    records[key] = store.record(key)
                continue
            case _:
                verdicts = [
                    told(key, rule, waived=random.random() < 0.3)
                    for rule in random.sample(RULES, random.randint(1, 3))
                ]
                step = change(record, *verdicts)
        # Two changes of one device in one commit: the last one counts.
        again = change(record, told(key, "Q01-a"))
        assert not store.commit([step, again], [])
        assert counts(database) == truth(database)


def test_a_change_that_came_too_late_moves_no_count(database: Database) -> None:
    a_token(database)
    store = Records(database)
    record = store.record(a_device(database, "a"))
    store.commit([change(record, written("Q01-a", Status.PASS))], [])
    before = counts(database)
    late = replace(change(record, written("Q01-a", Status.FAIL)), revision_before=0)

    assert store.commit([late], []) == {record.key}
    assert counts(database) == before
    assert before[EVERY_SITE, "Q01-a"]["passing"] == 1


@pytest.mark.parametrize("compliant", [True, False, None])
def test_figures_of_a_change_are_those_of_the_device(
    database: Database, compliant: bool | None
) -> None:
    a_token(database)
    store, lists = Records(database), FleetLists(database)
    record = store.record(a_device(database, "a"))
    step = change(record, written("Q01-a", Status.FAIL))

    store.commit([replace(step, figures=Figures(1, 2, 1, compliant))], [])
    store.commit([change(record)], [])  # one that judged nothing leaves them

    wanted = DevicesWanted(sites=frozenset({SITE}))
    (entry,) = lists.devices(wanted, after=None, limit=5).items
    assert entry.figures == Figures(1, 2, 1, compliant)
    assert entry.figures.ratio == 0.25
    assert list(entry.failing_rules) == ["Q01-a"]
