"""Which rules devices were judged by, in both stores; servers of two releases over one store."""

from fakes.judged import a_judged_device
from fakes.stored import NOW, a_token
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Act
from vigie_server.store.administration import Administration
from vigie_server.store.catalogues import Catalogues
from vigie_server.store.database import Database
from vigie_server.store.records import Records

OLD, NEW = {"Q06-a": "1", "Q06-b": "1"}, {"Q06-a": "2"}


def judged(database: Database, name: str, digest: str) -> int:
    """A device that was judged by the rules of this digest."""
    key = a_judged_device(database, name, {"Q06-a": Status.PASS})
    record = Records(database).record(key)
    change = DeviceChange(
        key=key,
        device_id=name,
        at=NOW,
        revision_before=record.revision,
        revision=record.revision + 1,
        spool_id=record.spool_id,
        last_seq=record.last_seq,
        device=record.device,
        judged_with=digest,
    )
    assert not Records(database).commit([change], [])
    return key


def test_a_catalogue_is_known_while_a_device_was_judged_by_it(database: Database) -> None:
    a_token(database)
    catalogues = Catalogues(database)
    catalogues.enter("old", OLD)
    judged(database, "a", "old")
    catalogues.enter("unused", OLD)

    assert catalogues.enter("new", NEW) == {"old": OLD, "new": NEW}
    assert catalogues.enter("new", NEW) == {"old": OLD, "new": NEW}


def test_a_server_of_another_release_leaves_alone_what_the_rules_in_force_judged(
    database: Database,
) -> None:
    a_token(database)
    store, catalogues = Records(database), Catalogues(database)
    catalogues.enter("old", OLD)
    by_old, by_new = judged(database, "a", "old"), judged(database, "b", "new")
    nobody = judged(database, "c", "")
    catalogues.enter("new", NEW)

    assert list(store.judged_otherwise("new", limit=9)) == [by_old, nobody]
    assert list(store.judged_otherwise("old", limit=9)) == [nobody]

    catalogues.enter("old", OLD)  # the release before is back

    assert list(store.judged_otherwise("new", limit=9)) == [nobody]
    assert list(store.judged_otherwise("old", limit=9)) == [by_new, nobody]


def test_devices_that_are_judged_no_more_are_not_looked_for(database: Database) -> None:
    a_token(database)
    Catalogues(database).enter("old", OLD)
    _, there = judged(database, "a", "old"), judged(database, "b", "old")
    Catalogues(database).enter("new", NEW)
    acts = Administration(database)
    acts.retire("a", now=NOW, actor="test")

    assert Records(database).judged_otherwise("new", limit=9) == {there: "old"}

    acts.revoke("b", now=NOW, actor="test")
    acts.judge_all_again(Act("test", NOW))

    assert not Records(database).judged_otherwise("new", limit=9)
    assert acts.waiting() == 0
    assert Catalogues(database).enter("new", NEW) == {"new": NEW}


def test_what_somebody_asked_to_be_judged_again_is_not_kept_waiting_by_a_fleet(
    database: Database,
) -> None:
    a_token(database)
    first, second = judged(database, "a", "older"), judged(database, "b", "old")
    asked = judged(database, "c", "")
    store = Records(database)

    assert list(store.judged_otherwise("new", limit=1)) == [asked]
    assert store.judged_otherwise("new", limit=2).keys() < {first, second, asked}
    assert store.judged_otherwise("new", limit=9) == {first: "older", second: "old", asked: ""}
