"""How the databases read lists: by indexes, in their order; nothing is scanned or sorted whole.

SQLite names the index of each step. PostgreSQL is forbidden to scan and sort here: what it still
scans or sorts, no index serves. The statements are those that the lists send.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Connection, event, make_url

from fakes.grown import grown_store
from fakes.stored import NOW, STORES
from vigie_server.domain.maturity import Population
from vigie_server.domain.verdicts import Status
from vigie_server.ports.lists import ActsWanted, ChangesWanted, DevicesWanted
from vigie_server.ports.site_lists import SitesWanted
from vigie_server.store import change_lists, device_lists, scopes
from vigie_server.store.assessments import Assessments
from vigie_server.store.audit_trail import Acts
from vigie_server.store.change_lists import Changes
from vigie_server.store.database import Database
from vigie_server.store.device_lists import FleetLists
from vigie_server.store.records import Records
from vigie_server.store.site_lists import SiteLists

RULE: Final = "Q09-disk-encrypted"
GROWING: Final = (
    "device",
    "verdict",
    "transition",
    "audit",
    "incident",
    "waiver",
    "attestation",
    "maturity_change",
    "asset_card",
)
"""Tables that grow with the fleet or with time."""
OF_A_DEVICE: Final = ("SEARCH verdict ", "SEARCH device_trait ")
PLACE: Final = {"limit": 5}
SITE: Final = "IME Les Lilas 00001"

Ask = Callable[[Database], Any]


def devices(**wanted: Any) -> Ask:
    return lambda db: FleetLists(db).devices(DevicesWanted(**wanted), after=None, limit=5)


def changes(**wanted: Any) -> Ask:
    return lambda db: Changes(db).changes(ChangesWanted(**wanted), after=(2**60, 5), limit=5)


def a_device(db: Database) -> str:
    page = FleetLists(db).devices(DevicesWanted(), after=None, limit=1)
    return page.items[0].device.id


WALKED: Final[dict[str, Ask]] = {
    "devices": devices(),
    "devices by name": devices(sort="hostname"),
    "devices, the most failing first": devices(sort="-failing"),
    "devices that are not revoked": devices(revoked=False),
    "devices in a state": devices(state="stolen", platform="darwin", compliant=True),
    "devices of a name": devices(hostname="S00001", sort="hostname"),
    "devices of a name in other letters": devices(hostname="s00001", sort="hostname"),
    "devices with a verdict": devices(rule=RULE, status=Status.FAIL),
    "devices of many sites": devices(sites=frozenset({SITE})),
    "verdicts of a device": lambda db: FleetLists(db).verdicts(
        a_device(db), status=None, after=None, limit=5
    ),
    "verdicts of a rule": lambda db: FleetLists(db).verdicts_of_rule(
        RULE, None, status=None, after=("fail", 3), limit=5
    ),
    "failing verdicts of a rule": lambda db: FleetLists(db).verdicts_of_rule(
        RULE, None, status=Status.FAIL, after=("fail", 3), limit=5
    ),
    "counts": lambda db: FleetLists(db).tallies(None),
    "counts of a site": lambda db: FleetLists(db).tallies(frozenset({SITE})),
    "changes": changes(),
    "changes since": changes(since=NOW - timedelta(days=9_000), sort="at"),
    "changes of a rule": changes(rule=RULE),
    "changes of some sites": changes(sites=frozenset({SITE})),
    "changes of a rule at some sites": changes(rule=RULE, sites=frozenset({SITE})),
    "verdicts of a rule at some sites": lambda db: FleetLists(db).verdicts_of_rule(
        RULE, frozenset({SITE}), status=None, after=("fail", 3), limit=5
    ),
    "changes of a device": lambda db: Changes(db).changes_of(
        a_device(db), ChangesWanted(), after=(2**60, 5), limit=5
    ),
    "audit": lambda db: Acts(db).acts(ActsWanted(), after=(2**60, 5), limit=5),
    "audit of an actor": lambda db: Acts(db).acts(ActsWanted(actor="x"), after=None, limit=5),
    "audit of a subject": lambda db: Acts(db).acts(ActsWanted(subject="x"), after=None, limit=5),
    "sites": lambda db: SiteLists(db).sites(SitesWanted(), after=("A",), limit=5),
    "waivers": lambda db: SiteLists(db).waivers(SITE, rule=None, after=(9,), limit=5),
    "incidents": lambda db: SiteLists(db).incidents(SITE, after=(2,), limit=5),
    "attestations of an item": lambda db: SiteLists(db).attested(
        SITE, "Q01-item-00", after=(9,), limit=5
    ),
    "changes of level": lambda db: SiteLists(db).level_changes(SITE, after=(2**60, 5), limit=5),
    "groups": lambda db: SiteLists(db).groups(None, after=("a", 1), limit=5),
    "cards": lambda db: SiteLists(db).cards(None, after=(5,), limit=5),
}
GATHERED: Final[dict[str, Ask]] = {
    "devices of a site": devices(sites=frozenset({SITE})),
    "devices of a site that are revoked": devices(sites=frozenset({SITE}), revoked=True),
    "devices that are revoked": devices(revoked=True),
    "devices with a rare verdict": devices(rule=RULE, status=Status.FAIL, sort="hostname"),
    "changes of a site": changes(sites=frozenset({SITE})),
    "verdicts of a rule at a site": lambda db: FleetLists(db).verdicts_of_rule(
        RULE, frozenset({SITE}), status=None, after=None, limit=5
    ),
    "changes of level of some sites": lambda db: SiteLists(db).moves(
        [SITE], NOW - timedelta(days=90), limit=5
    ),
    "cards of a site": lambda db: SiteLists(db).cards(frozenset({SITE}), after=None, limit=5),
}
"""What is few is gathered by an index and sorted."""


@pytest.fixture(scope="module", params=STORES)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    with grown_store(request.param, tmp_path_factory.mktemp("grown")) as opened:
        if request.param == "sqlite":
            yield opened
            return
        forbidding = "-c enable_seqscan=off -c enable_sort=off -c enable_bitmapscan=off"
        url = make_url(opened.url).update_query_dict({"options": forbidding})
        planned = Database(url.render_as_string(hide_password=False))
        yield planned
        planned.close()


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Moves the bound of what is few."""

    def move(few: int) -> None:
        for module in (scopes, device_lists, change_lists):
            monkeypatch.setattr(module, "FEW", few)
        monkeypatch.setattr(device_lists, "LOOKED_UP", few)

    return move


def sent(database: Database, ask: Ask) -> list[tuple[str, Any]]:
    """The statements that a list sends, with their parameters."""
    told: list[tuple[str, Any]] = []

    def note(_: Connection, __: object, statement: str, given: Any, *___: object) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            told.append((statement, given))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        ask(database)
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return told


def plans(database: Database, ask: Ask) -> list[tuple[str, list[str]]]:
    """The same, each with the steps of its plan."""
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.reading() as connection:
        return [
            (told, _steps(connection, explain + told, given)) for told, given in sent(database, ask)
        ]


def _steps(connection: Connection, statement: str, given: Any) -> list[str]:
    return [str(row[-1]) for row in connection.exec_driver_sql(statement, given)]


def scanned(database: Database, steps: list[str]) -> list[str]:
    """The steps that read a growing table without an index."""
    if database.is_sqlite:
        return [
            step
            for step in steps
            if step.startswith("SCAN ") and step.split()[1] in GROWING and "INDEX" not in step
        ]
    return [step for step in steps if "Seq Scan on " in step and _of(step).startswith(GROWING)]


def _of(step: str) -> str:
    return step.split("Seq Scan on ")[1].split(maxsplit=1)[0]


def sorted_whole(database: Database, steps: list[str]) -> list[str]:
    """The steps that sort. PostgreSQL's incremental sort sorts ties of an index alone."""
    if database.is_sqlite:
        return [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step]
    return [step for step in steps if "Sort  (" in step and "Incremental" not in step]


def test_the_sweeper_finds_that_no_device_was_judged_otherwise_by_an_index(
    database: Database,
) -> None:
    look = plans(database, lambda db: Records(db).judged_otherwise("", limit=5))

    assert [statement for statement, _ in look], "nothing was asked"
    assert [step for _, steps in look for step in scanned(database, steps)] == []
    assert any("ix_device_judged_with" in step for _, steps in look for step in steps)


@pytest.mark.parametrize("name", WALKED)
def test_a_list_is_walked_in_the_order_of_an_index(
    database: Database, bound: Callable[[int], None], name: str
) -> None:
    bound(-1)
    found = plans(database, WALKED[name])

    assert found
    for statement, steps in found:
        assert not scanned(database, steps), (statement, steps)
        if " LIMIT " in statement:
            assert not sorted_whole(database, steps), (statement, steps)


OF_SOME_SITES: Final = (
    "changes of some sites",
    "changes of a rule at some sites",
    "verdicts of a rule at some sites",
)


@pytest.mark.parametrize("name", OF_SOME_SITES)
def test_rows_of_other_sites_are_passed_over_in_the_index(
    database: Database, bound: Callable[[int], None], name: str
) -> None:
    bound(-1)
    page = sent(database, WALKED[name])[-1]

    with database.reading() as connection:
        if database.is_sqlite:
            assert _decided_by_the_index(connection, *page)
            return
        steps = _steps(connection, f"EXPLAIN {page[0]}", page[1])
    assert any("hashed SubPlan" in step for step in steps), steps
    assert any("Index Only Scan" in step and "_device_key" in step for step in steps), steps


def _decided_by_the_index(connection: Connection, statement: str, given: Any) -> bool:
    """Whether SQLite reads nothing of a row before it has looked its device up among the keys."""
    program = list(connection.exec_driver_sql(f"EXPLAIN {statement}", given).mappings())
    (seek,) = [step for step, one in enumerate(program) if one["opcode"] == "DeferredSeek"]
    rows = program[seek]["p3"]
    after = program[seek + 1 :]
    looked_up = next(n for n, one in enumerate(after) if one["opcode"] in {"Found", "NotFound"})
    read = [one for one in after[:looked_up] if one["opcode"] == "Column" and one["p1"] == rows]
    return not read


@pytest.mark.parametrize("name", GATHERED)
def test_what_is_few_is_gathered_by_an_index(
    database: Database, bound: Callable[[int], None], name: str
) -> None:
    bound(10**6)
    found = plans(database, GATHERED[name])

    assert found
    for statement, steps in found:
        assert not scanned(database, steps), (statement, steps)


def test_a_site_is_assessed_by_its_own_devices(database: Database) -> None:
    shared = {Population.ALL: (RULE,), Population.NOMADIC: (RULE,)}
    store = Assessments(database, own=(), shared=shared)
    site = store.key_of(SITE)

    found = plans(database, lambda _: store.seen(site, now=NOW))

    for statement, steps in found:
        assert not scanned(database, steps), (statement, steps)
    if database.is_sqlite:  # it has no statistics, and would take all devices with the rule
        read = [step for _, steps in found for step in steps if step.startswith(OF_A_DEVICE)]
        assert len(read) == 3
        assert all("(device_key=" in step for step in read), read
