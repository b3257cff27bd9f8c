# ruff: noqa: S608 (our own names in our own statements)
"""Lists over a grown store, in both databases: nothing is missed, doubled or shown outside a scope.

Every way of finding a page is taken, whatever the size of the store: the bound between them is
moved. What a list must hold is worked out here from the rows, without any of its queries.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest
from pydantic_core import to_json
from sqlalchemy import select, text

from fakes.grown import grown_store
from fakes.stored import NOW, STORES
from vigie_server.domain.verdicts import Status
from vigie_server.ports.lists import ActsWanted, ChangesWanted, DevicesWanted
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.site_lists import SitesWanted
from vigie_server.store import change_lists, device_lists, scopes, spellings
from vigie_server.store.administration import Administration
from vigie_server.store.audit_trail import Acts
from vigie_server.store.change_lists import Changes
from vigie_server.store.database import Database
from vigie_server.store.device_lists import FleetLists
from vigie_server.store.instants import from_store
from vigie_server.store.rule_counts import COLUMNS, COUNT, recounted
from vigie_server.store.site_lists import SiteLists

NONE_IS_FEW, ALL_ARE_FEW = -1, 10**6


@pytest.fixture(scope="module", params=STORES)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    with grown_store(request.param, tmp_path_factory.mktemp("grown")) as opened:
        _revoke(opened, 40)
        yield opened


def _revoke(database: Database, number: int) -> None:
    """Revokes some devices, which get the certificates that grown ones lack."""
    with database.writing() as connection:
        devices = connection.execute(
            text("SELECT key, id FROM device WHERE state <> 'retired' ORDER BY id LIMIT :number"),
            {"number": number},
        ).all()
        for key, device in devices:
            connection.execute(
                text(
                    "INSERT INTO certificate (serial, device_key, not_after, issued_at) "
                    "VALUES (:serial, :key, 0, 0)"
                ),
                {"serial": device, "key": key},
            )
    for _, device in devices:
        Administration(database).revoke(device, now=NOW, actor="test")


@pytest.fixture(params=[NONE_IS_FEW, ALL_ARE_FEW], ids=["walked", "gathered"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (scopes, device_lists, change_lists):
        monkeypatch.setattr(module, "FEW", request.param)


def rows(database: Database, sql: str) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(text(sql)))


def sites_of(database: Database, *keys: int) -> frozenset[str]:
    found = {row.key: row.name for row in rows(database, "SELECT key, name FROM site")}
    return frozenset(found[key] for key in keys)


def all_of(page: Callable[[Position | None], Page[Any]]) -> list[Any]:
    """Every item, page after page."""
    found: list[Any] = []
    after: Position | None = None
    for _ in range(10_000):
        given = page(after)
        found += given.items
        after = given.after
        if after is None:
            return found
    raise AssertionError("the pages do not end")


def _following(page: Callable[..., Page[Any]]) -> Callable[[Position | None], Page[Any]]:
    return lambda after: page(after=after)


def turned(items: Sequence[Any], sort: str) -> list[Any]:
    return list(reversed(items)) if sort.startswith("-") else list(items)


@pytest.mark.parametrize("sort", ["id", "-hostname", "failing"])
@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ({}, "true"),
        ({"state": "retired"}, "d.state = 'retired'"),
        ({"revoked": True}, "d.disabled <> '' AND d.state <> 'retired'"),
        ({"revoked": False}, "NOT (d.disabled <> '' AND d.state <> 'retired')"),
        (
            {"revoked": True, "state": "active", "rule": "Q09-disk-encrypted"},
            (
                "d.disabled = 'revoked' AND d.state = 'active' AND "
                "EXISTS (SELECT 1 FROM v WHERE v.rule = 'Q09-disk-encrypted')"
            ),
        ),
        ({"platform": "linux", "nomadic": True}, "d.platform = 'linux' AND d.nomadic"),
        ({"compliant": False, "state": "active"}, "NOT d.compliant AND d.state = 'active'"),
        ({"hostname": "S00002-"}, "d.hostname LIKE 'S00002-%'"),
        ({"hostname": "s00002-"}, "d.hostname LIKE 'S00002-%'"),
        ({"status": Status.UNKNOWN}, "EXISTS (SELECT 1 FROM v WHERE v.status = 'unknown')"),
        (
            {"rule": "Q09-disk-encrypted", "status": Status.FAIL},
            "EXISTS (SELECT 1 FROM v WHERE v.rule = 'Q09-disk-encrypted' AND v.status = 'fail')",
        ),
        (
            {"rule": "Q09-disk-encrypted", "platform": "linux"},
            "EXISTS (SELECT 1 FROM v WHERE v.rule = 'Q09-disk-encrypted') AND d.platform = 'linux'",
        ),
    ],
)
@pytest.mark.parametrize("scope", [(), (1, 3)])
@pytest.mark.usefixtures("way")
def test_devices_are_those_that_were_asked_for_each_once_and_in_order(
    database: Database, wanted: dict[str, Any], holds: str, sort: Any, scope: tuple[int, ...]
) -> None:
    sites = sites_of(database, *scope) if scope else None
    asked = DevicesWanted(sites=sites, sort=sort, **wanted)
    lists = FleetLists(database)

    found = all_of(lambda after: lists.devices(asked, after=after, limit=7))

    holds = holds.replace("FROM v WHERE", "FROM verdict v WHERE v.device_key = d.key AND")
    where = f"({holds})" + (f" AND d.site_key IN {scope}" if scope else "")
    truth = rows(database, f"SELECT d.id, d.hostname, d.failing FROM device d WHERE {where}")
    column = sort.removeprefix("-")
    ordered = sorted(truth, key=lambda row: (getattr(row, column), row.id))
    assert [entry.device.id for entry in found] == [row.id for row in turned(ordered, sort)]


HOSTILE: Final = 'a"b\\c,\n{"id":1}\x01\t\u202eé😀'


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"sort": "-failing", "state": "active", "platform": "linux"},
        {"sort": "hostname", "hostname": "S0"},
        {"rule": "Q09-disk-encrypted", "status": Status.FAIL},
    ],
)
@pytest.mark.parametrize("scope", [(), (1, 3)])
@pytest.mark.usefixtures("way")
def test_devices_that_the_store_writes_are_those_of_the_list(
    database: Database, wanted: dict[str, Any], scope: tuple[int, ...]
) -> None:
    asked = DevicesWanted(sites=sites_of(database, *scope) if scope else None, **wanted)
    lists = FleetLists(database)
    _rename(database, {5: HOSTILE})
    listed = [
        json.loads(to_json(entry.fields()))
        for entry in all_of(lambda after: lists.devices(asked, after=after, limit=7))
    ]
    after: Position | None = None
    written: list[Any] = []
    while after is not None or not written:
        page = lists.devices_in_json(asked, after=after, limit=7)
        found = json.loads(b"[%s]" % page.items)
        assert len(found) == page.number <= 7
        written += found
        after = page.after

    assert len(listed) > 7
    assert [list(one) for one in written] == [list(one) for one in listed]
    for one in listed:
        one["compliance_ratio"] = pytest.approx(one["compliance_ratio"], rel=1e-14)
    assert written == listed


@pytest.mark.parametrize("crowd", ["0000", "8000", "ffff"])
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_of_few_sites_hold_every_device_wherever_ids_crowd(
    database: Database, crowd: str, limit: int
) -> None:
    ids = {row.key: row.id for row in rows(database, "SELECT key, id FROM device")}
    crowded = {key: crowd + id_[4:] for key, id_ in ids.items() if key % 3}
    _identify(database, crowded)
    asked = DevicesWanted(sites=sites_of(database, 1, 3))
    lists = FleetLists(database)
    found: list[str] = []
    after: Position | None = None
    while after is not None or not found:
        page = lists.devices_in_json(asked, after=after, limit=limit)
        found += [one["id"] for one in json.loads(b"[%s]" % page.items)]
        after = page.after

    truth = rows(database, "SELECT d.id FROM device d WHERE d.site_key IN (1, 3)")
    _identify(database, ids)
    assert len(truth) > 20
    assert found == sorted(row.id for row in truth)


def _identify(database: Database, ids: Mapping[int, str]) -> None:
    with database.writing() as connection:
        connection.execute(
            text("UPDATE device SET id = :id WHERE key = :key"),
            [{"key": key, "id": id_} for key, id_ in ids.items()],
        )


NAMES: Final = (
    "Élan-1",
    "élan-2",
    "ÉLAN-3",
    "ELAN-4",
    "éla",
    "ACCUEIL-5",
    "Accueil-6",
    "accueil-7",
)


@pytest.mark.parametrize("leaps", [spellings.LEAPS, 2], ids=["by leaps", "letter by letter"])
@pytest.mark.parametrize("begins", ["élan-", "ACCUEIL", "accueil-6", "é", "z", "", "%", "acc_"])
def test_a_name_is_found_in_whatever_letters_it_is_written(
    database: Database, monkeypatch: pytest.MonkeyPatch, leaps: int, begins: str
) -> None:
    monkeypatch.setattr(spellings, "LEAPS", leaps)
    with database.reading() as connection:
        rows_before = connection.execute(text("SELECT key, hostname FROM device"))
        before: dict[int, str] = {row.key: row.hostname for row in rows_before}
    named = dict(zip(sorted(before), NAMES, strict=False))
    _rename(database, named)

    found = all_of(
        lambda after: FleetLists(database).devices(
            DevicesWanted(hostname=begins, sort="hostname"), after=after, limit=3
        )
    )

    _rename(database, before)
    truth = [name for name in (before | named).values() if name.lower().startswith(begins.lower())]
    assert [entry.device.hostname for entry in found] == sorted(truth)


def _rename(database: Database, names: Mapping[int, str]) -> None:
    with database.writing() as connection:
        connection.execute(
            text("UPDATE device SET hostname = :name WHERE key = :key"),
            [{"key": key, "name": name} for key, name in names.items()],
        )


def test_what_a_device_comes_to_is_what_its_verdicts_say(database: Database) -> None:
    lists = FleetLists(database)
    found = all_of(lambda after: lists.devices(DevicesWanted(), after=after, limit=50))

    for entry in found[:40]:
        page = partial(lists.verdicts, entry.device.id, status=None, limit=20)
        held = all_of(_following(page))
        by_status = {
            status: [one.rule for one in held if one.status is status] for status in Status
        }
        assert len(held) == 51
        assert entry.failing_rules == by_status[Status.FAIL]
        assert entry.waived_rules == [one.rule for one in held if one.waived]
        assert entry.figures.passing == len(by_status[Status.PASS])
        assert entry.figures.failing == len(by_status[Status.FAIL])
        assert entry.figures.unknown == len(by_status[Status.UNKNOWN])


@pytest.mark.parametrize("status", [None, Status.FAIL])
@pytest.mark.parametrize("scope", [(), (2, 4)])
@pytest.mark.usefixtures("way")
def test_the_verdicts_of_a_rule_are_listed_device_by_device(
    database: Database, status: Status | None, scope: tuple[int, ...]
) -> None:
    lists, rule = FleetLists(database), "Q09-disk-encrypted"
    sites = sites_of(database, *scope) if scope else None

    found = all_of(
        lambda after: lists.verdicts_of_rule(rule, sites, status=status, after=after, limit=9)
    )

    where = f" AND d.site_key IN {scope}" if scope else ""
    where += f" AND v.status = '{status}'" if status else ""
    truth = rows(
        database,
        "SELECT d.id FROM verdict v JOIN device d ON d.key = v.device_key "
        f"WHERE v.rule = '{rule}'{where} ORDER BY v.status, d.key",
    )
    assert [one.device for one in found] == [row.id for row in truth]
    assert found


@pytest.mark.parametrize("sort", ["at", "-at"])
@pytest.mark.parametrize("rule", [None, "Q09-disk-encrypted"])
@pytest.mark.parametrize("scope", [(), (1,)])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.usefixtures("way")
def test_changes_are_listed_in_time_within_their_bounds(
    database: Database, sort: Any, rule: str | None, scope: tuple[int, ...], bounded: bool
) -> None:
    changes = Changes(database)
    times = sorted(row.at for row in rows(database, "SELECT at FROM transition"))
    since, until = (times[50], times[400]) if bounded else (None, None)
    wanted = ChangesWanted(
        sites=sites_of(database, *scope) if scope else None,
        rule=rule,
        since=_instant(since),
        until=_instant(until),
        sort=sort,
    )

    found = all_of(lambda after: changes.changes(wanted, after=after, limit=11))

    where = "true" + (f" AND d.site_key = {scope[0]}" if scope else "")
    where += f" AND t.rule = '{rule}'" if rule else ""
    where += f" AND t.at >= {since} AND t.at < {until}" if bounded else ""
    truth = rows(
        database,
        "SELECT d.id, t.at, t.rule FROM transition t JOIN device d ON d.key = t.device_key "
        f"WHERE {where} ORDER BY t.at, t.key",
    )
    told = [(one.device, one.change.at, one.change.rule) for one in found]
    assert told == turned([(row.id, from_store(row.at), row.rule) for row in truth], sort)


def _instant(at: int | None) -> datetime | None:
    return None if at is None else from_store(at)


def test_the_counts_of_rules_are_those_of_every_verdict(database: Database) -> None:
    with database.reading() as connection:
        stored = {
            (row.site_key, row.rule): {name: getattr(row, name) for name in COLUMNS.values()}
            for row in connection.execute(select(COUNT))
        }
        truth = recounted(connection)
    lists = FleetLists(database)
    one, two = (sites_of(database, key) for key in (1, 2))
    both = {tally.rule: tally for tally in lists.tallies(one | two)}

    assert stored == truth
    assert {tally.rule for tally in lists.tallies(None)} == set(both)
    for first, second in zip(lists.tallies(one), lists.tallies(two), strict=True):
        assert both[first.rule].passing == first.passing + second.passing
        assert both[first.rule].failing == first.failing + second.failing


def test_every_other_list_gives_each_item_once(database: Database) -> None:
    lists, acts = SiteLists(database), Acts(database)
    (site,) = sites_of(database, 1)
    item = "Q01-item-00"
    subject = rows(database, "SELECT id FROM device WHERE key = 7")[0].id

    def counted(sql: str) -> int:
        return int(rows(database, f"SELECT count(*) AS n FROM {sql}")[0].n)

    def pages(method: Callable[..., Page[Any]], *given: object, **kept: object) -> list[Any]:
        found = all_of(lambda after: method(*given, **kept, after=after, limit=3))
        assert found, method
        return found

    assert len(pages(lists.sites, SitesWanted())) == counted("site")
    assert len(pages(lists.waivers, site, rule=None)) == counted("waiver WHERE site_key = 1")
    assert len(pages(lists.incidents, site)) == 12
    assert len(pages(lists.attested, site, item)) == 2
    assert len(pages(lists.level_changes, site)) == 13
    assert len(pages(lists.groups, None)) == counted("device_group")
    assert len(pages(lists.groups, frozenset({site}))) == 1
    assert len(pages(lists.cards, None)) == counted("asset_card")
    of_site = "asset_card c JOIN device d ON d.key = c.device_key WHERE d.site_key = 1"
    assert len(pages(lists.cards, frozenset({site}))) == counted(of_site)
    assert len(pages(acts.acts, ActsWanted())) == counted("audit")
    assert len(pages(acts.acts, ActsWanted(actor="api:admin", sort="at"))) == counted(
        "audit WHERE actor = 'api:admin'"
    )
    assert [act.action for act in pages(acts.acts, ActsWanted(subject=subject))] == [
        "approved",
        "declared found",
        "enrolled again",
        "approved",
        "enrolled with token 1",
    ]
    assert all(len(entry.levels) == 13 for entry in pages(lists.sites, SitesWanted(region="24")))


def test_a_scope_without_sites_sees_nothing(database: Database) -> None:
    none: frozenset[str] = frozenset()
    fleet, changes, lists = FleetLists(database), Changes(database), SiteLists(database)

    assert not fleet.devices(DevicesWanted(sites=none), after=None, limit=5).items
    assert not fleet.verdicts_of_rule(
        "Q09-disk-encrypted", none, status=None, after=None, limit=5
    ).items
    assert not changes.changes(ChangesWanted(sites=none), after=None, limit=5).items
    assert not lists.sites(SitesWanted(none), after=None, limit=5).items
    assert not lists.cards(none, after=None, limit=5).items
    assert not fleet.tallies(none)


def test_how_levels_of_several_sites_moved_is_told_at_once(database: Database) -> None:
    lists = SiteLists(database)
    first, second, *_ = names = [row.name for row in rows(database, "SELECT name FROM site")]
    whole = {name: lists.level_changes(name, after=None, limit=100).items for name in names}
    moment = whole[first][0].at

    moves = lists.moves([first, second], moment, limit=1000)

    assert moves == {name: whole[name] for name in (first, second)}
    assert lists.moves([first, second], moment + timedelta(microseconds=1), limit=1000) == {}
    assert lists.moves([], moment, limit=1000) == {}
    (newest,) = lists.moves([first], moment, limit=1)[first]
    assert newest == whole[first][0]
