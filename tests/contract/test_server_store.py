"""One suite over both stores: SQLite always, PostgreSQL when VIGIE_TEST_POSTGRES gives a URL."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, text

from fakes.stored import NOW, SITE, a_device, a_token, schema_differences
from vigie_server.domain.attesting import NewAttestation, Outcome
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import NotFound, StoreRefused, TokenRefused
from vigie_server.domain.overrides import Scope
from vigie_server.domain.records import (
    DeviceChange,
    DeviceRecord,
    Evidence,
    HeldVerdict,
    Transition,
    WrittenVerdict,
)
from vigie_server.domain.sites import Site
from vigie_server.domain.standing import standing
from vigie_server.domain.unread import not_standing, standings
from vigie_server.domain.verdicts import Status, Verdict, digested
from vigie_server.domain.waivers import NewWaiver, RowKeys
from vigie_server.domain.whereabouts import NO_GROUNDS, Whereabouts
from vigie_server.ports.declaring import Act, Target
from vigie_server.ports.enrolment import EnrolmentTransaction
from vigie_server.ports.lists import DevicesWanted
from vigie_server.ports.readers import DeviceFilter
from vigie_server.ports.sessions import Peer, Seen, SessionStart
from vigie_server.ports.tokens import NewToken, Role
from vigie_server.services.device_records import begin
from vigie_server.store import epoch, many_records, migrating
from vigie_server.store.administration import Administration
from vigie_server.store.attestations import Attestations
from vigie_server.store.cards import Cards
from vigie_server.store.database import Database
from vigie_server.store.device_lists import FleetLists
from vigie_server.store.enrolment import Enrolments
from vigie_server.store.fleet import Fleet
from vigie_server.store.forgetting import Forgetting
from vigie_server.store.groups import Groups
from vigie_server.store.organisation import Organisation
from vigie_server.store.overrides import Overrides
from vigie_server.store.records import Records
from vigie_server.store.tokens import Tokens
from vigie_server.store.waivers import Waivers


def a_verdict(status: Status, *, next_check_at: datetime | None = None) -> WrittenVerdict:
    verdict = Verdict(
        rule="Q06-firewall-enabled",
        rule_version=1,
        status=status,
        reason={"fr": "Parce que \0 « é »", "en": "Because"},
        offending=({"name": "ipv6", "enabled": False, "rules": 3},),
        next_check_at=next_check_at,
        measures={"vigie_device_rules_total": 3.5},
    )
    return WrittenVerdict(HeldVerdict(verdict, NOW, NOW, next_check_at), NOW, {"firewall": 1})


def a_change(record: DeviceRecord, seq: int, *verdicts: WrittenVerdict) -> DeviceChange:
    """The record's next change: one new evidence and these verdicts."""
    before = record.revision
    record.revision += 1
    record.last_seq = seq
    return DeviceChange(
        key=record.key,
        device_id=record.device.id,
        at=NOW,
        revision_before=before,
        revision=record.revision,
        spool_id=b"s" * 16,
        last_seq=seq,
        device=replace(record.device, last_report_at=NOW, hostname=f"poste-{seq}"),
        judged_with="rules",
        evidence=(Evidence("firewall", bytes([seq]) * 16, 1, seq, b"vigie" * 400, b"", NOW),),
        verdicts=verdicts,
        transitions=tuple(
            Transition(
                written.held.verdict.rule,
                None,
                written.held.verdict.status,
                written.held.verdict,
                {"firewall": 1},
            )
            for written in verdicts
        ),
    )


def test_migrations_make_what_the_models_say(database: Database) -> None:
    assert schema_differences(database) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    before = epoch.store_epoch(database)

    migrating.migrate(database)
    epoch.prepare(database)

    assert epoch.store_epoch(database) == before
    assert migrating.stored_revision(database) == migrating.newest_revision()


def test_what_is_committed_is_read_back(database: Database) -> None:
    a_token(database)
    store = Records(database)
    record = store.record(a_device(database, "a"))
    written = a_verdict(Status.FAIL, next_check_at=NOW + timedelta(hours=1))

    late = store.commit([a_change(record, 1, written), a_change(record, 2)], [])

    again = store.record(record.key)
    assert not late
    assert (again.revision, again.last_seq, again.device.hostname) == (2, 2, "poste-2")
    assert again.verdicts == {"Q06-firewall-enabled": written.held}
    assert again.snapshots["firewall"].digest == b"\2" * 16
    assert store.contents(record.key, {"firewall": 2}) == {"firewall": b"vigie" * 400}


def declare_around(database: Database) -> None:
    """Something of each kind that people declare around the devices `a` to `c`."""
    act = Act("cli:test", NOW)
    Organisation(database).put(Site(SITE, networks=("192.168.1.0/24",)), act)
    Groups(database).put(SITE, "accueil", '{"devices": ["a"]}', act)
    for target in (Target(Scope.GROUP, "accueil", SITE), Target(Scope.DEVICE, "b")):
        Overrides(database).put(
            target, rule="Q05-min-length", name="min_length", value=14, reason="essai", act=act
        )
    Cards(database).change({"c": {"roles": ("backup",)}}, act)
    Attestations(database, frozenset()).record(
        SITE, NewAttestation("Q02-restore-test", Outcome.HELD, "A. Martin"), act
    )
    waiver = NewWaiver(
        "Q06-firewall-enabled", ("a",), "essai", "A. Martin", "B. Petit", NOW + timedelta(days=30)
    )
    Waivers(database).grant(SITE, waiver, RowKeys(frozenset({"name"}), 20), act)


def all_of(record: DeviceRecord) -> dict[str, object]:
    return {part.name: getattr(record, part.name) for part in fields(record)}


def test_many_devices_read_at_once_are_as_each_read_alone(database: Database) -> None:
    a_token(database)
    store = Records(database)
    keys = [a_device(database, name) for name in "abc"]
    for key, status in zip(keys[:2], (Status.FAIL, Status.PASS), strict=True):
        record = store.record(key)
        record.device = replace(
            record.device, nomadic=True, whereabouts=Whereabouts("off_site", NOW, NOW)
        )
        written = a_verdict(status)
        trial = replace(written.held, passing_since=NOW + timedelta(minutes=1), waived=True)
        store.commit([a_change(record, 1, replace(written, held=trial)), a_change(record, 2)], [])
    declare_around(database)

    found = {
        record.key: (record, forms) for record, forms in store.many_with_forms([*keys, 10_000])
    }

    assert found.keys() == set(keys)
    a, b, c = (found[key][0] for key in keys)
    assert (list(a.waivers), list(b.waivers)) == (["Q06-firewall-enabled"], [])
    assert (bool(a.device.parameters), bool(b.device.parameters)) == (True, True)
    assert a.device.whereabouts.presence == "off_site"
    assert c.device.declared.keys() > a.device.declared.keys()
    assert a.around.attestations
    assert a.grounds != NO_GROUNDS
    greeted = store.greeted([Peer(name, name) for name in "abc"])
    at_greeting = {record.key: record for record in greeted if record is not None}
    for key, (record, forms) in found.items():
        alone = store.record(key)
        assert all_of(record) == all_of(alone)
        assert set(standings(at_greeting[key].verdicts)) == set(standings(alone.verdicts))
        store.read_verdicts(at_greeting[key])
        assert all_of(at_greeting[key]) == all_of(alone)
        assert store.around(key) == alone.around
        revisions = {topic: held.revision for topic, held in alone.snapshots.items()}
        assert forms == store.contents(key, revisions)
    for record in store.many([*keys, 10_000]):
        assert all_of(record) == all_of(store.record(record.key))


def test_forms_of_several_devices_are_read_by_their_places_without_going_through_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_token(database)
    store = Records(database)
    keys = [a_device(database, name) for name in "abc"]
    for seq, key in enumerate(keys, start=1):
        record = store.record(key)
        store.commit([a_change(record, seq), a_change(record, seq + 1)], [])
    there = [(keys[0], 1, "firewall"), (keys[0], 2, "firewall"), (keys[2], 2, "firewall")]
    lacking = [(keys[1], 3, "firewall"), (keys[1], 2, "inventory"), (10_000, 1, "firewall")]
    monkeypatch.setattr(many_records, "FORMS_AT_ONCE", 2)

    assert store.forms_at([*there, *lacking]) == dict.fromkeys(there, b"vigie" * 400)
    assert store.forms_at([]) == {}

    if database.is_sqlite:
        with database.reading() as connection:
            sql = many_records.CONTENT.format(places="(1, 2, 'firewall'), (2, 2, 'firewall')")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
        assert any("SEARCH e USING INDEX" in row.detail for row in plan)


def test_of_glimpses_nothing_is_read_but_whether_verdicts_stand_until_all_is(
    database: Database,
) -> None:
    a_token(database)
    store = Records(database)
    key = a_device(database, "a")
    store.commit([a_change(store.record(key), 1, a_verdict(Status.FAIL))], [])
    alone = store.record(key)
    (known,) = alone.verdicts.values()
    said = replace(known.verdict, digest=None)

    (record,) = store.many([key], glimpses=True)

    assert set(standings(record.verdicts)) == set(standings(alone.verdicts))
    assert not_standing(record.verdicts, [said], NOW) == []
    other = replace(said, reason={"fr": "Autre.", "en": "Other."})
    assert not_standing(record.verdicts, [other], NOW) == [other]
    with pytest.raises(RuntimeError, match="not read in full"):
        record.verdicts.get(said.rule)

    store.read_verdicts(record)

    assert dict(record.verdicts) == dict(alone.verdicts)


def test_of_a_verdict_that_was_looked_at_the_check_alone_is_written(database: Database) -> None:
    a_token(database)
    store = Records(database)
    key = a_device(database, "a")
    first = a_verdict(Status.FAIL)
    store.commit([a_change(store.record(key), 1, first)], [])
    later = a_verdict(Status.FAIL, next_check_at=NOW + timedelta(hours=1))
    (held,) = store.record(key).verdicts.values()
    become = standing(
        held, replace(later.held.verdict, digest=None), now=NOW, facts={}, topics=()
    ).written
    assert become is not None
    assert not become.words_move

    other = a_verdict(Status.PASS)
    looked_at = replace(become, held=replace(become.held, verdict=other.held.verdict))
    record = store.record(key)
    assert not store.commit([a_change(record, 2, looked_at)], [])

    (kept,) = store.record(key).verdicts.values()
    assert kept == replace(held, next_check_at=later.held.next_check_at, verdict=kept.verdict)
    assert kept.verdict.status is Status.FAIL

    assert not store.commit([a_change(record, 3, other), a_change(record, 4, looked_at)], [])

    (whole,) = store.record(key).verdicts.values()
    assert whole.verdict.status is Status.PASS
    assert whole.next_check_at == later.held.next_check_at


def test_a_verdict_that_says_something_else_or_whose_digest_is_not_known_is_written_whole() -> None:
    verdict = replace(a_verdict(Status.FAIL).held.verdict, next_check_at=NOW + timedelta(hours=1))
    known = digested(verdict)
    other = replace(verdict, reason={"fr": "Autre.", "en": "Other."})

    def words_move(held: Verdict, said: Verdict) -> bool:
        before = HeldVerdict(held, NOW, NOW, None)
        written = standing(before, said, now=NOW, facts={}, topics=()).written
        return written is not None and written.words_move

    assert not words_move(known, verdict)
    assert words_move(verdict, replace(verdict))
    assert words_move(known, other)


def test_at_a_glance_it_is_told_whether_all_verdicts_stand(database: Database) -> None:
    a_token(database)
    store = Records(database)
    keys = [a_device(database, name) for name in ("a", "b", "c")]
    hour = timedelta(hours=1)
    written = a_verdict(Status.PASS, next_check_at=NOW + hour)
    named = replace(written.held.verdict, rule="Q99-last")
    later = replace(written, held=replace(written.held, verdict=named))
    for key in keys[:2]:
        store.commit([a_change(store.record(key), 1, later, a_verdict(Status.FAIL))], [])
    alone = store.record(keys[0])
    said = [held.verdict for _, held in sorted(alone.verdicts.items())]
    known = set(standings(alone.verdicts))

    first, other, without = store.many(keys, glance=True)

    assert not_standing(first.verdicts, said, NOW) == ()
    assert set(standings(first.verdicts)) == known
    assert not_standing(other.verdicts, said, NOW + hour) == said  # a check is due
    assert not_standing(without.verdicts, said, NOW) == said
    with pytest.raises(RuntimeError, match="not read in full"):
        standings(other.verdicts)

    for record in (first, other):
        store.read_verdicts(record)
        assert dict(record.verdicts) == dict(store.record(record.key).verdicts)


def test_a_change_on_an_older_revision_comes_too_late_and_leaves_no_trace(
    database: Database,
) -> None:
    a_token(database)
    store = Records(database)
    first, second = a_device(database, "a"), a_device(database, "b")
    stale, fresh = store.record(first), store.record(second)
    store.start_sessions(
        [SessionStart(first, b"n" * 16, (), ("boot",), "0.1.0", "embedded", 0, NOW, None)]
    )

    late = store.commit([a_change(stale, 1), a_change(fresh, 1)], [])

    assert late == {first}
    assert store.record(first).snapshots == {}
    assert store.record(second).last_seq == 1


@pytest.mark.parametrize("spool", [b"s" * 16, b"n" * 16])
def test_a_record_that_begins_a_session_is_what_the_store_then_holds(
    database: Database, spool: bytes
) -> None:
    a_token(database)
    store = Records(database)
    key = a_device(database, "a")
    store.commit([a_change(store.record(key), 7, a_verdict(Status.FAIL))], [])
    record = store.record(key)
    start = SessionStart(key, spool, (), ("boot",), "0.2.0", "osqueryd", 3, NOW, 1.5)

    (revision,) = store.start_sessions([start])
    assert revision == record.revision + 1
    begin(record, start, revision)

    assert all_of(record) == all_of(store.record(key))
    assert record.committed_seq == (7 if spool == b"s" * 16 else 0)


def test_a_sign_of_life_never_moves_back(database: Database) -> None:
    a_token(database)
    store = Records(database)
    key = a_device(database, "a")

    store.commit([], [Seen(key, NOW + timedelta(minutes=2), 4.5)])
    store.commit([], [Seen(key, NOW + timedelta(minutes=1), None)])

    record = store.record(key)
    assert record.last_seen_at == NOW + timedelta(minutes=2)
    assert record.device.clock_skew_seconds == 4.5


def test_judging_a_device_again_is_no_sign_of_life_and_describes_nothing(
    database: Database,
) -> None:
    a_token(database)
    store = Records(database)
    record = store.record(a_device(database, "a"))
    heard = a_change(record, 1)
    later = NOW + timedelta(hours=25)
    unheard = replace(
        a_change(record, 1), at=later, evidence=(), heard=False, described=False, judged_anew=False
    )

    assert store.commit([heard], []) == frozenset()
    assert store.commit([unheard], []) == frozenset()

    found = store.record(record.key)
    assert (found.revision, found.last_seen_at) == (record.revision, NOW)


def test_what_one_change_of_a_group_describes_is_kept_by_the_next(database: Database) -> None:
    a_token(database)
    store = Records(database)
    record = store.record(a_device(database, "a"))
    renamed = replace(a_change(record, 1), judged_with="newer", described=True)
    record.device = renamed.device
    same = replace(a_change(record, 2), device=renamed.device, judged_with="newer")
    same = replace(same, at=NOW + timedelta(minutes=1), described=False, judged_anew=False)
    unheard = replace(a_change(record, 2), device=renamed.device, judged_with="newer", heard=False)
    unheard = replace(unheard, at=NOW + timedelta(days=2), evidence=(), described=False)

    store.commit([renamed, same, unheard], [])

    found = store.record(record.key)
    assert (found.device.hostname, found.judged_with) == ("poste-1", "newer")
    assert found.last_seen_at == NOW + timedelta(minutes=1)


def test_a_value_the_store_cannot_hold_is_refused_as_such(database: Database) -> None:
    a_token(database)
    store = Records(database)
    record = store.record(a_device(database, "a"))

    impossible = replace(a_change(record, 1), last_seq=2**64)

    with pytest.raises(StoreRefused):
        store.commit([impossible], [])

    assert store.record(record.key).last_seq == 0


def test_due_verdicts_come_the_longest_overdue_first(database: Database) -> None:
    a_token(database)
    store = Records(database)
    keys = [a_device(database, name) for name in "abc"]
    for key, hours in zip(keys, (2, 1, 9), strict=True):
        verdict = a_verdict(Status.PASS, next_check_at=NOW + timedelta(hours=hours))
        store.commit([a_change(store.record(key), 1, verdict)], [])

    due = store.due(now=NOW + timedelta(hours=3), limit=10)

    assert list(due) == [keys[1], keys[0]]
    assert store.due_since(now=NOW + timedelta(hours=3)) == NOW + timedelta(hours=1)
    assert store.due_since(now=NOW) is None


def test_a_retired_device_is_judged_no_more(database: Database) -> None:
    a_token(database)
    store = Records(database)
    key = a_device(database, "a")
    verdict = a_verdict(Status.PASS, next_check_at=NOW)
    store.commit([a_change(store.record(key), 1, verdict)], [])

    Administration(database).retire("a", now=NOW, actor="test")

    assert store.due(now=NOW + timedelta(days=1), limit=10) == {}
    assert list(store.judged_otherwise("other rules", limit=10)) == []


@pytest.mark.parametrize("act", ["retire", "revoke"])
def test_no_check_waits_for_a_device_that_is_judged_no_more(database: Database, act: str) -> None:
    a_token(database)
    store = Records(database)
    for name in "ab":
        verdict = a_verdict(Status.PASS, next_check_at=NOW)
        store.commit([a_change(store.record(a_device(database, name)), 1, verdict)], [])

    getattr(Administration(database), act)("a", now=NOW, actor="test")
    # Nor does one that is asked for later, of all devices of its site.
    Overrides(database).put(
        Target(Scope.SITE, SITE, SITE),
        rule="Q06-firewall-enabled",
        name="x",
        value=1,
        reason="why",
        act=Act("test", NOW),
    )

    waiting = text(
        "SELECT device.id FROM verdict JOIN device ON device.key = verdict.device_key "
        "WHERE verdict.next_check_at IS NOT NULL"
    )
    with database.reading() as connection:
        assert connection.execute(waiting).scalars().all() == ["b"]


@pytest.mark.parametrize(
    ("acts", "told"),
    [
        ("", ("active", False)),
        ("revoke", ("active", True)),
        ("retire", ("retired", False)),
        ("revoke retire", ("retired", False)),
    ],
)
def test_readers_see_that_a_device_is_refused_where_its_state_does_not_say_so(
    database: Database, acts: str, told: tuple[str, bool]
) -> None:
    a_token(database)
    a_device(database, "a")
    lists = FleetLists(database)

    for act in acts.split():
        getattr(Administration(database), act)("a", now=NOW, actor="test")

    shown = Fleet(database, {}).device("a")
    (entry,) = lists.devices(DevicesWanted(), after=None, limit=2).items
    written = lists.devices_in_json(DevicesWanted(), after=None, limit=2).items
    (item,) = json.loads(b"[%s]" % written)
    assert (shown.state, shown.revoked) == told
    assert (entry.device.state, entry.device.revoked) == told
    assert (item["state"], item["revoked"]) == told
    for wanted in (True, False):
        asked = DevicesWanted(revoked=wanted)
        found = (
            len(lists.devices(asked, after=None, limit=2).items),
            lists.devices_in_json(asked, after=None, limit=2).number,
            len(
                Fleet(database, {})
                .devices(DeviceFilter(revoked=wanted), after=None, limit=2)
                .devices
            ),
        )
        assert set(found) == {told[1] is wanted}


def test_devices_judged_by_other_rules_are_found(database: Database) -> None:
    a_token(database)
    store = Records(database)
    judged, fresh = a_device(database, "a"), a_device(database, "b")
    store.commit([a_change(store.record(judged), 1)], [])

    assert list(store.judged_otherwise("rules", limit=10)) == [fresh]
    assert list(store.judged_otherwise("other rules", limit=10)) == [judged, fresh]


def test_a_certificate_speaks_for_its_device_alone(database: Database) -> None:
    a_token(database)
    store = Records(database)
    key = a_device(database, "a")
    a_device(database, "b")

    strangers = [Peer("a", "b"), Peer("b", "a"), Peer("c", "a"), Peer("a", "")]
    first, *refused, second = store.greeted([Peer("a", "a"), *strangers, Peer("a", "a")])

    assert first is not None
    assert second is not None
    assert first.key == second.key == key
    assert first is not second  # each session moves its own
    assert refused == [None] * 4
    assert store.greeted(strangers) == [None] * 4


def test_devices_are_listed_page_by_page_within_a_filter(database: Database) -> None:
    a_token(database)
    store, fleet = Records(database), Fleet(database, {})
    for name in "abcde":
        key = a_device(database, name)
        status = Status.FAIL if name in "ace" else Status.PASS
        store.commit([a_change(store.record(key), 1, a_verdict(status))], [])
    wanted = DeviceFilter(
        sites=frozenset({"Les Tilleuls"}), rule="Q06-firewall-enabled", status=Status.FAIL
    )

    first = fleet.devices(wanted, after=None, limit=2)
    second = fleet.devices(wanted, after=first.next_after, limit=2)

    assert [view.device.id for view in first.devices] == ["a", "c"]
    assert first.devices[0].measures == {"vigie_device_rules_total": 3.5}
    assert [view.device.id for view in second.devices] == ["e"]
    assert second.next_after is None
    assert not fleet.devices(DeviceFilter(sites=frozenset()), after=None, limit=2).devices


def test_verdicts_and_transitions_are_read_as_they_were_written(database: Database) -> None:
    a_token(database)
    store, fleet = Records(database), Fleet(database, {})
    record = store.record(a_device(database, "a"))
    store.commit(
        [
            a_change(record, 1, a_verdict(Status.PASS)),
            a_change(record, 2, a_verdict(Status.FAIL)),
        ],
        [],
    )

    (verdict,) = fleet.verdicts("a")
    transitions = fleet.transitions("a", limit=1)

    assert (verdict.status, verdict.evidence_at) == (Status.FAIL, NOW)
    assert verdict.offending == [{"name": "ipv6", "enabled": False, "rules": 3}]
    assert [moved.after for moved in transitions] == [Status.FAIL]
    with pytest.raises(NotFound):
        fleet.verdicts("nobody")


def test_a_retired_device_holds_no_certificate(database: Database) -> None:
    a_token(database)
    a_device(database, "a")

    Administration(database).retire("a", now=NOW, actor="test")

    holder = Enrolments(database).transact(lambda store: store.certificate_device("a"))
    assert holder is None
    assert Fleet(database, {}).device("a").state is DeviceState.RETIRED


def test_a_step_that_fails_leaves_no_trace(database: Database) -> None:
    a_token(database)

    def step(store: EnrolmentTransaction) -> None:
        token = store.token(b"h" * 32)
        assert token is not None
        store.count_use(token)
        raise TokenRefused("after all")

    with pytest.raises(TokenRefused):
        Enrolments(database).transact(step)

    (token,) = Tokens(database).enrolment_tokens()
    assert token.uses == 0


def test_enrolment_tokens_are_read_a_page_at_a_time_in_a_scope(database: Database) -> None:
    store = Tokens(database)
    for number in range(5):
        site = "Les Lilas" if number % 2 else SITE
        token = NewToken(f"t{number}", bytes([number]), NOW, NOW + timedelta(days=1), "test")
        store.add_enrolment_token(token, site=site, profile="standard", max_uses=1, serials=None)

    def walked(within: frozenset[str] | None) -> list[list[str]]:
        pages, after = [], None
        while True:
            page = store.enrolment_page(within, after=after, limit=2)
            pages.append([token.id for token in page.items])
            after = page.after
            if after is None:
                return pages

    assert walked(None) == [["t4", "t3"], ["t2", "t1"], ["t0"]]
    assert walked(frozenset({SITE})) == [["t4", "t2"], ["t0"]]
    assert walked(frozenset({"Les Lilas"})) == [["t3", "t1"]]
    assert walked(frozenset()) == [[]]


def test_a_token_of_either_kind_is_found_by_its_id(database: Database) -> None:
    store = Tokens(database)
    lets_in, reads = (
        NewToken(name, name.encode(), NOW, NOW + timedelta(days=1), "test") for name in ("e", "r")
    )
    store.add_enrolment_token(lets_in, site=SITE, profile="standard", max_uses=1, serials=None)
    store.add_api_token(reads, name="x", role=Role.AUDITOR, sites=None)

    assert (store.enrolment_token("e").site, store.api_token("r").name) == (SITE, "x")
    for find, token_id in ((store.enrolment_token, "r"), (store.api_token, "e")):
        with pytest.raises(NotFound, match=f"no token {token_id}"):
            find(token_id)


def test_api_tokens_are_known_until_they_expire_or_are_revoked(database: Database) -> None:
    store = Tokens(database)
    for name in ("kept", "revoked"):
        token = NewToken(name, name.encode(), NOW, NOW + timedelta(days=1), "test")
        store.add_api_token(token, name=name, role=Role.AUDITOR, sites=frozenset({"A"}))
    store.revoke("revoked", now=NOW, actor="test")

    caller = store.api_caller(b"kept", now=NOW)

    assert (caller.role, caller.sites) == (Role.AUDITOR, frozenset({"A"}))
    for secret_hash, when in ((b"revoked", NOW), (b"no", NOW), (b"kept", NOW + timedelta(days=2))):
        with pytest.raises(TokenRefused):
            store.api_caller(secret_hash, now=when)
    with pytest.raises(NotFound):
        store.revoke("no such token", now=NOW, actor="test")


def topics_left(database: Database) -> list[tuple[str, int]]:
    with database.reading() as connection:
        rows = connection.execute(text("SELECT topic, revision FROM evidence ORDER BY revision"))
        return [(row.topic, row.revision) for row in rows]


def an_answer(record: DeviceRecord, seq: int, topic: str, at: datetime) -> DeviceChange:
    change = a_change(record, seq)
    return replace(
        change,
        at=at,
        evidence=tuple(replace(new, topic=topic, observed_at=at) for new in change.evidence),
    )


def forget(forgetting: Forgetting, kept: Mapping[str, timedelta], *, bite: int = 100) -> int:
    past = forgetting.past_answers(kept, timedelta(days=90), now=NOW, bite=bite)
    return forgetting.erase_answers(past)


def test_answers_are_forgotten_when_their_time_is_over(database: Database) -> None:
    a_token(database)
    store, forgetting = Records(database), Forgetting(database)
    record = store.record(a_device(database, "a"))
    for seq, days in enumerate((200, 100, 10, 1), start=1):
        store.commit([an_answer(record, seq, "firewall", NOW - timedelta(days=days))], [])

    erased = forget(forgetting, {"firewall": timedelta(days=90)})

    assert erased == 2
    assert topics_left(database) == [("firewall", 3), ("firewall", 4)]
    assert store.record(record.key).snapshots["firewall"].revision == 4


def test_the_newest_answer_counts_from_when_it_was_last_true(database: Database) -> None:
    a_token(database)
    store, forgetting = Records(database), Forgetting(database)
    keys = [a_device(database, name) for name in ("lives", "silent")]
    for key in keys:
        store.commit([an_answer(store.record(key), 1, "firewall", NOW - timedelta(days=100))], [])
    living = store.record(keys[0])
    seen = replace(a_change(living, 2), evidence=(), seen=(("firewall", NOW),))
    store.commit([seen], [])

    forget(forgetting, {"firewall": timedelta(days=90)})

    assert [bool(store.record(key).snapshots) for key in keys] == [True, False]


def test_what_a_device_confirms_while_it_is_about_to_be_forgotten_stays(
    database: Database,
) -> None:
    a_token(database)
    store, forgetting = Records(database), Forgetting(database)
    keys = [a_device(database, name) for name in ("lives", "silent")]
    for key in keys:
        store.commit([an_answer(store.record(key), 1, "firewall", NOW - timedelta(days=100))], [])

    past = forgetting.past_answers({}, timedelta(days=90), now=NOW, bite=100)
    confirmed = a_change(store.record(keys[0]), 2)
    store.commit([replace(confirmed, evidence=(), seen=(("firewall", NOW),))], [])

    assert forgetting.erase_answers(past) == 1
    assert [bool(store.record(key).snapshots) for key in keys] == [True, False]
    assert topics_left(database) == [("firewall", 1)]


def test_what_a_topic_does_not_keep_at_all_goes_at_once_and_strangers_have_a_time(
    database: Database,
) -> None:
    a_token(database)
    store, forgetting = Records(database), Forgetting(database)
    record = store.record(a_device(database, "a"))
    for seq, topic in enumerate(("network", "pack.own.new"), start=1):
        store.commit([an_answer(record, seq, topic, NOW - timedelta(minutes=1))], [])
    old = an_answer(record, 3, "pack.own.old", NOW - timedelta(days=91))
    store.commit([old], [])

    forget(forgetting, {"network": timedelta(0)})

    assert topics_left(database) == [("pack.own.new", 2)]


def test_what_is_past_is_looked_for_once_for_each_time_and_erased_by_its_key(
    database: Database,
) -> None:
    a_token(database)
    store, forgetting = Records(database), Forgetting(database)
    record = store.record(a_device(database, "a"))
    store.commit([an_answer(record, 1, "firewall", NOW - timedelta(days=100))], [])
    kept = {f"topic {number}": timedelta(days=90 + number % 2) for number in range(40)}
    asked: list[str] = []
    event.listen(
        database.engine, "before_cursor_execute", lambda *given: asked.append(str(given[2]))
    )

    past = forgetting.past_answers(kept, timedelta(days=90), now=NOW, bite=100)
    looks = [sql for sql in asked if sql.startswith("SELECT evidence")]
    erased = forgetting.erase_answers(past)

    assert (len(looks), erased) == (2, 1)
    if not database.is_sqlite:  # however many there are: what is never found is never erased
        assert asked.index("SET LOCAL statement_timeout = 0") < asked.index(looks[0])
    else:
        with database.reading() as connection:
            plans = [
                row.detail
                for sql in asked
                if sql.startswith("DELETE")
                for row in connection.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {sql}", (0,) * sql.count("?")
                )
            ]
        assert all(plan.startswith(("SEARCH", "CORRELATED")) for plan in plans), plans


def test_what_is_forgotten_at_once_is_no_more_than_a_bite(database: Database) -> None:
    a_token(database)
    store, forgetting = Records(database), Forgetting(database)
    record = store.record(a_device(database, "a"))
    for seq in range(1, 8):
        store.commit([an_answer(record, seq, "firewall", NOW - timedelta(days=100))], [])

    def bite() -> int:
        return forget(forgetting, {}, bite=3)

    assert [bite(), bite(), bite(), bite()] == [3, 3, 1, 0]


def test_history_is_forgotten_and_its_newest_row_stays(database: Database) -> None:
    a_token(database)
    store, forgetting = Records(database), Forgetting(database)
    record = store.record(a_device(database, "a"))
    for seq, status in enumerate((Status.FAIL, Status.PASS, Status.FAIL), start=1):
        change = a_change(record, seq, a_verdict(status))
        store.commit([replace(change, at=NOW - timedelta(days=1200 - seq))], [])
    longest = NOW - timedelta(days=1095)

    erased = forgetting.history(transitions=longest, audit=longest, rejected=longest, bite=100)

    fleet = Fleet(database, {})
    assert erased == 2
    assert [moved.after for moved in fleet.transitions("a", limit=10)] == [Status.FAIL]
