"""Sites as they are assessed, over both stores: what is read of them, what is kept."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from fakes.judged import a_judged_device
from fakes.stored import NOW, SITE, a_device, a_token
from vigie_server.bundled import bundled_attestations
from vigie_server.domain.attesting import NewAttestation
from vigie_server.domain.attesting import Outcome as Said
from vigie_server.domain.errors import NotFound
from vigie_server.domain.maturity import (
    NAMED,
    Action,
    Assessment,
    Attestation,
    Need,
    Outcome,
    Population,
    RuleStanding,
    WordShare,
)
from vigie_server.domain.overrides import Scope
from vigie_server.domain.site_figures import Inventory
from vigie_server.domain.site_rules import SiteVerdict
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status
from vigie_server.ports.accesses import AccessRow
from vigie_server.ports.assessing import SiteSeen, TakenTraits, WordedAssessment
from vigie_server.ports.declaring import Act, Target
from vigie_server.ports.tokens import NewToken, Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.store.accesses import Accesses
from vigie_server.store.assessments import Assessments
from vigie_server.store.attestations import Attestations
from vigie_server.store.database import Database
from vigie_server.store.groups import Groups
from vigie_server.store.inventories import SiteInventories
from vigie_server.store.maturity import MaturityRecords
from vigie_server.store.models import DeviceRow
from vigie_server.store.organisation import Organisation
from vigie_server.store.overrides import Overrides
from vigie_server.store.rejudging import record_act
from vigie_server.store.tables import table
from vigie_server.store.tokens import Tokens

FIREWALL, USB = "Q06-firewall-enabled", "Q09-usb-storage-blocked"
COVERAGE = "Q01-coverage"
ACT = Act("test", NOW)
DEVICE = table(DeviceRow)


@pytest.fixture
def store(database: Database) -> Assessments:
    """The store of assessments, of a site that exists."""
    a_token(database)
    return Assessments(
        database,
        own={COVERAGE},
        shared={Population.ALL: {FIREWALL, USB}, Population.NOMADIC: {USB}},
    )


def site_of(store: Assessments) -> int:
    (site,) = store.sites()
    return site


def seen(store: Assessments, *, now: datetime = NOW) -> SiteSeen:
    found = store.seen(site_of(store), now=now)
    assert found is not None
    return found


def worded(question: int, level: int | None, *actions: Action) -> WordedAssessment:
    words = {"fr": "Faites", "en": "Do"}
    return WordedAssessment(Assessment(question, level, actions), words, [words] * len(actions))


def test_devices_are_counted_by_rule_and_the_open_ones_are_named(
    database: Database, store: Assessments
) -> None:
    a_judged_device(database, "b", {FIREWALL: Status.PASS, USB: Status.NOT_APPLICABLE})
    a_judged_device(database, "c", {FIREWALL: Status.FAIL, USB: Status.PASS}, nomadic=True)
    a_judged_device(database, "a", {FIREWALL: Status.UNKNOWN, USB: Status.FAIL})
    a_device(database, "new", serial="PF-new")

    standing = seen(store).standing

    assert standing.reporting == 4
    assert standing.rules[FIREWALL, Population.ALL] == RuleStanding(4, 1, True, ("a", "c"))
    assert standing.rules[USB, Population.ALL] == RuleStanding(3, 1, True, ("a",))
    assert standing.rules[USB, Population.NOMADIC] == RuleStanding(1, 1, True)


def test_of_many_open_devices_the_first_by_name_are_told_nomadic_ones_by_themselves(
    database: Database, store: Assessments
) -> None:
    for number in range(NAMED + 1):
        a_judged_device(database, f"m{number:02d}", {USB: Status.FAIL}, nomadic=number > 1)
    a_judged_device(database, "b", {USB: Status.UNKNOWN})
    a_judged_device(database, "z", {USB: Status.UNKNOWN}, nomadic=True)
    a_judged_device(database, "a", {USB: Status.PASS})

    rules = seen(store).standing.rules

    kept = [f"m{number:02d}" for number in range(NAMED + 1)]
    assert rules[USB, Population.ALL] == RuleStanding(24, 1, True, ("b", *kept[: NAMED - 1]))
    assert rules[USB, Population.NOMADIC] == RuleStanding(20, 0, True, (*kept[2:], "z"))


def test_what_a_person_says_of_nomadism_outweighs_what_was_found(
    database: Database, store: Assessments
) -> None:
    a_judged_device(database, "a", {USB: Status.FAIL}, nomadic=True, declared_nomadic=False)

    assert seen(store).standing.rules[USB, Population.NOMADIC].applies == 0


@pytest.mark.parametrize(
    ("state", "counted"),
    [("active", 1), ("lost", 1), ("stolen", 1), ("pending", 0), ("quarantined", 0), ("retired", 0)],
)
def test_only_settled_devices_of_the_site_count(
    database: Database, store: Assessments, state: str, counted: int
) -> None:
    a_judged_device(database, "a", {FIREWALL: Status.PASS}, state=state)

    found = seen(store)

    assert found.figures.counted == found.standing.reporting == counted
    assert found.standing.rules[FIREWALL, Population.ALL].passing == counted


def test_silence_is_counted_in_whole_days(database: Database, store: Assessments) -> None:
    a_judged_device(database, "a", {})
    a_judged_device(database, "b", {}, last_report_at=NOW - timedelta(days=7, hours=1))
    a_device(database, "never", serial="PF-never")

    figures = seen(store).figures

    assert figures.heard == {0: 1, 7: 1}
    assert figures.counted == 3


def attest(database: Database, item: str, said: Said = Said.HELD, **more: object) -> None:
    given = NewAttestation(item=item, outcome=said, author="Direction", **more)  # type: ignore[arg-type]
    checked = bundled_attestations().checked(given, now=NOW)
    Attestations(database, frozenset()).record(SITE, checked, ACT)


def test_an_attestation_counts_until_it_expires_and_the_newest_word_holds(
    database: Database, store: Assessments
) -> None:
    attest(database, "Q02-restore-test", expires_at=NOW + timedelta(days=30))
    attest(database, "Q12-risk-map")
    attest(database, "Q12-risk-map", Said.NOT_HELD)
    attest(database, "Q10-charter-signed", value=96)

    now, later = seen(store), seen(store, now=NOW + timedelta(days=30))

    assert now.standing.attestations["Q02-restore-test"].outcome is Outcome.HELD
    assert now.standing.attestations["Q12-risk-map"].outcome is Outcome.NOT_HELD
    assert now.standing.attestations["Q10-charter-signed"].value == 96
    assert now.until == NOW + timedelta(days=30)
    assert "Q02-restore-test" not in later.standing.attestations


def test_what_is_attested_of_groups_is_told_with_the_devices_that_it_covers(
    database: Database, store: Assessments
) -> None:
    item, organisation = "Q02-central-backups", Groups(database)
    organisation.put(SITE, "serveurs", '{"hostname": ["srv-*"]}', ACT)
    organisation.put(None, "linux", '{"platform": ["linux"]}', ACT)
    for name, state in (("srv-1", "active"), ("srv-2", "retired"), ("pc-1", "lost")):
        a_judged_device(database, name, {}, state=state)
    a_judged_device(database, "win-1", {}, platform="windows")
    before = seen(store).standing.of_groups
    attest(database, item, Said.NOT_HELD)
    attest(database, item, group="serveurs", expires_at=NOW + timedelta(days=30))
    servers = seen(store)
    attest(database, item, Said.NOT_APPLICABLE, group="linux", reason="sans serveur")
    all_linux = seen(store)
    later = seen(store, now=NOW + timedelta(days=30))
    Attestations(database, frozenset()).withdraw(SITE, item, "linux", ACT)

    held, no, beside = (Attestation(outcome) for outcome in Outcome)
    assert before == {}
    assert set(servers.standing.of_groups[item]) == {WordShare(held, 1), WordShare(no, 2)}
    assert servers.until == NOW + timedelta(days=30)
    assert set(all_linux.standing.of_groups[item]) == {WordShare(beside, 2), WordShare(no, 1)}
    assert all_linux.standing.attestations[item] == no
    assert set(later.standing.of_groups[item]) == {WordShare(beside, 2), WordShare(no, 1)}
    assert set(seen(store).standing.of_groups[item]) == {WordShare(held, 1), WordShare(no, 2)}


def test_what_another_site_attests_of_a_group_of_every_site_stays_there(
    database: Database, store: Assessments
) -> None:
    Organisation(database).put(Site("Les Lilas"), ACT)
    Groups(database).put(None, "linux", '{"platform": ["linux"]}', ACT)
    a_judged_device(database, "pc-1", {})
    given = NewAttestation("Q12-risk-map", Said.HELD, author="Direction", group="linux")
    checked = bundled_attestations().checked(given, now=NOW)
    Attestations(database, frozenset()).record("Les Lilas", checked, ACT)

    there, here = sorted(store.sites(), reverse=True)

    assert store.seen(here, now=NOW).standing.of_groups == {}  # type: ignore[union-attr]
    of_lilas = store.seen(there, now=NOW)
    assert of_lilas is not None
    assert of_lilas.standing.of_groups == {"Q12-risk-map": ()}


def test_contractors_are_those_who_reach_the_site_with_a_token_in_force(
    database: Database, store: Assessments
) -> None:
    make = MakeTokens(Tokens(database), lambda: NOW, "test")
    # As an earlier version made them; none is made any more.
    boundless = NewToken("1", b"e" * 32, NOW, NOW + timedelta(days=10), "test")
    Tokens(database).add_api_token(
        boundless, name="everywhere", role=Role.CONTRACTOR, sites=None, personal_data=False
    )
    for name, role, sites in (
        ("here", Role.CONTRACTOR, [SITE, "Les Lilas"]),
        ("elsewhere", Role.CONTRACTOR, ["Les Lilas"]),
        ("ours", Role.OPERATOR, None),
    ):
        make.api(name=name, role=role, sites=sites, lifetime=timedelta(days=10))

    found = seen(store).figures.contractors

    assert sorted((token.name, token.everywhere) for token in found) == [
        ("everywhere", True),
        ("here", False),
    ]
    assert seen(store, now=NOW + timedelta(days=10)).figures.contractors == ()


def test_traits_are_taken_once_for_each_answer_and_reader(
    database: Database, store: Assessments
) -> None:
    form = b"form"
    a_judged_device(database, "a", {}, content=form)
    a_judged_device(database, "b", {}, content=form)
    site = site_of(store)

    first = store.answers(site, {"firewall": "1"}, limit=10)
    store.keep(
        [
            TakenTraits(first[0], "1", frozenset({("configuration", "x")})),
            TakenTraits(first[1], "1", None),
        ]
    )

    assert [answer.form for answer in first] == [form, form]
    assert store.answers(site, {"firewall": "1"}, limit=10) == []
    assert len(store.answers(site, {"firewall": "2"}, limit=10)) == 2
    assert seen(store).figures.firewall_told == 1
    assert seen(store).figures.configurations == {"linux": {"x": 1}}


def test_traits_of_an_answer_that_grew_old_or_told_nothing_are_not_counted(
    database: Database, store: Assessments
) -> None:
    a_judged_device(database, "a", {})
    (answer,) = store.answers(site_of(store), {"firewall": "1"}, limit=10)
    store.keep([TakenTraits(answer, "1", frozenset({("configuration", "x")}))])
    kept = seen(store).figures
    old = seen(store, now=NOW + timedelta(days=8)).figures
    store.keep([TakenTraits(answer, "1", None)])

    assert kept.firewall_told == 1
    assert old.firewall_told == 0
    assert old.configurations == {}
    assert seen(store).figures.firewall_told == 0


def test_a_device_that_reports_while_its_site_is_looked_at_still_tells_what_it_told(
    database: Database, store: Assessments
) -> None:
    a_judged_device(database, "a", {})
    (answer,) = store.answers(site_of(store), {"firewall": "1"}, limit=10)
    before = replace(answer, digest=b"the answer before")
    store.keep([TakenTraits(before, "1", frozenset({("configuration", "x")}))])

    assert seen(store).figures.firewall_told == 1
    assert len(store.answers(site_of(store), {"firewall": "1"}, limit=10)) == 1


def test_a_level_keeps_its_beginning_and_its_changes_are_history(
    database: Database, store: Assessments
) -> None:
    site, reader = site_of(store), MaturityRecords(database)
    later = NOW + timedelta(days=2)
    mend = Action(Need.MEND, FIREWALL, 2, ("a", "b"), ((Action(Need.ATTEST, "Q02-x"),),))

    store.save(site, [], [worded(6, None), worded(7, None)], now=NOW)
    store.save(site, [], [worded(6, 0, mend)], now=NOW + timedelta(hours=1))
    store.save(site, [], [worded(6, 0, mend)], now=later)
    store.save(site, [], [worded(6, 1)], now=later + timedelta(hours=1))

    six, seven = reader.levels(SITE)
    assert (six.level, six.since) == (1, later + timedelta(hours=1))
    assert (seven.level, seven.since) == (None, NOW)
    assert [(change.before, change.after) for change in reader.history(SITE, limit=10)] == [
        (0, 1),
        (None, 0),
    ]


def test_actions_come_back_with_their_words_and_alternatives(
    database: Database, store: Assessments
) -> None:
    mend = Action(Need.MEND, FIREWALL, 2, ("a", "b"), ((Action(Need.ATTEST, "Q02-x"),),))
    store.save(site_of(store), [], [worded(6, 0, mend)], now=NOW)

    (level,) = MaturityRecords(database).levels(SITE)

    (action,) = level.actions
    assert action["need"] == "mend"
    assert action["devices"] == ["a", "b"]
    assert action["words"] == {"fr": "Faites", "en": "Do"}
    assert action["alternatives"][0][0]["subject"] == "Q02-x"  # type: ignore[index]


def a_site_verdict(status: Status, **detail: object) -> SiteVerdict:
    return SiteVerdict(COVERAGE, status, {"fr": "Oui", "en": "Yes"}, detail)


def test_a_verdict_on_a_site_remembers_and_keeps_its_beginning(
    database: Database, store: Assessments
) -> None:
    site = site_of(store)
    store.save(site, [a_site_verdict(Status.PASS, began=1)], [], now=NOW)
    store.save(site, [a_site_verdict(Status.PASS, began=2)], [], now=NOW + timedelta(hours=1))

    (record,) = MaturityRecords(database).verdicts(SITE)

    assert (record.status, record.since) == (Status.PASS, NOW)
    assert seen(store).memory == {COVERAGE: {"began": 2}}


def test_verdicts_that_are_decided_elsewhere_count_as_they_are(store: Assessments) -> None:
    site = site_of(store)
    before = store.progress()
    starttls = replace(a_site_verdict(Status.PASS), rule="Q07-starttls")
    store.save(site, [starttls, a_site_verdict(Status.FAIL)], [], now=NOW)

    changed, _ = store.changed(before)

    assert seen(store).standing.site_rules == {"Q07-starttls": Status.PASS}
    assert changed == {site}


def test_a_verdict_decided_elsewhere_marks_its_site_once_also_where_it_comes_to_light_late(
    database: Database, store: Assessments
) -> None:
    a_token(database, secret_hash=b"o" * 32, site="Les Lilas")
    first, second = store.sites()
    starttls = replace(a_site_verdict(Status.PASS), rule="Q07-starttls")
    store.save(first, [starttls], [], now=NOW)
    held, mark = store.changed(store.progress())
    store.save(second, [starttls], [], now=NOW + timedelta(seconds=40))
    newer, mark = store.changed(mark)
    quiet, mark = store.changed(mark)
    spf = replace(starttls, rule="Q07-spf")
    late = NOW + timedelta(seconds=20 if not database.is_sqlite else 50)
    store.save(first, [spf], [], now=late)
    found, mark = store.changed(mark)
    nothing, _ = store.changed(mark)

    assert (held, newer, quiet) == (set(), {second}, set())
    assert (found, nothing) == ({first}, set())


def test_a_parameter_set_for_the_site_is_seen_and_marks_it_as_changed(
    database: Database, store: Assessments
) -> None:
    before = store.progress()

    Overrides(database).put(
        Target(Scope.SITE, SITE), rule=COVERAGE, name="share", value=80, reason="x", act=ACT
    )
    changed, _ = store.changed(before)

    assert changed == {site_of(store)}
    assert seen(store).overrides == {COVERAGE: {"share": 80}}
    assert store.key_of(SITE) == site_of(store)
    with pytest.raises(NotFound, match="no site Ailleurs"):
        store.key_of("Ailleurs")


def test_only_what_happened_to_a_site_marks_it_as_changed(
    database: Database, store: Assessments
) -> None:
    a_token(database, secret_hash=b"o" * 32, site="Les Lilas")
    mark = store.progress()
    quiet, mark = store.changed(mark)
    a_judged_device(database, "a", {FIREWALL: Status.PASS})
    by_verdict, mark = store.changed(mark)
    SiteInventories(database).review("Les Lilas", Inventory.ACCESS, "", ACT)
    by_act, mark = store.changed(mark)
    MakeTokens(Tokens(database), lambda: NOW, "test").api(
        name="x", role=Role.CONTRACTOR, sites=[SITE], lifetime=timedelta(days=1)
    )
    by_token, _ = store.changed(mark)

    first, second = store.sites()
    assert quiet == set()
    assert by_verdict == {first}
    assert by_act == {second}
    assert by_token == {first}


def test_a_token_that_reaches_every_site_concerns_all_and_one_that_only_reads_none(
    database: Database, store: Assessments
) -> None:
    make = MakeTokens(Tokens(database), lambda: NOW, "test")
    a_token(database, secret_hash=b"o" * 32, site="Les Lilas")
    mark = store.progress()
    make.api(name="x", role=Role.AUDITOR, sites=None, lifetime=timedelta(days=1))
    by_auditor, mark = store.changed(mark)
    lilas, _ = make.api(
        name="y", role=Role.CONTRACTOR, sites=["Les Lilas"], lifetime=timedelta(days=1)
    )
    _, mark = store.changed(mark)
    Tokens(database).revoke(lilas, now=NOW, actor="test")
    by_revoking, mark = store.changed(mark)
    everywhere = NewToken("all", b"all", NOW, NOW + timedelta(days=1), "test")
    Tokens(database).add_api_token(everywhere, name="z", role=Role.CONTRACTOR, sites=None)
    by_one_of_every_site, _ = store.changed(mark)

    assert by_auditor == set()
    assert by_revoking == {store.key_of("Les Lilas")}
    assert by_one_of_every_site is None


@pytest.mark.parametrize("subject", [SITE, "every site of its scope", "outside its sites"])
def test_that_a_contractor_looked_marks_no_site_as_changed(
    database: Database, store: Assessments, subject: str
) -> None:
    before = store.progress()
    told = "GET /api/v1/devices: 200, 1 request, 100 rows"
    Accesses(database).write([AccessRow(None, NOW, "api:a", told, subject)])

    changed, after = store.changed(before)

    assert (changed, after != before) == (set(), True)


@pytest.mark.parametrize("begun", ["before the first look", "between two looks"])
def test_what_comes_to_light_late_marks_its_site_all_the_same(
    database: Database, store: Assessments, begun: str
) -> None:
    """On SQLite one transaction ends before the next begins."""
    if database.is_sqlite:
        return
    a_token(database, secret_hash=b"o" * 32, site="Les Lilas")
    first, second = store.sites()
    mark = store.progress() if begun == "between two looks" else None
    with database.writing() as late:
        record_act(late, ACT, "declared a site", SITE)
        mark = mark or store.progress()
        SiteInventories(database).review("Les Lilas", Inventory.ACCESS, "", ACT)
        between, mark = store.changed(mark)
        quiet, mark = store.changed(mark)
    afterwards, mark = store.changed(mark)
    nothing, mark = store.changed(mark)
    SiteInventories(database).review("Les Lilas", Inventory.ACCESS, "", ACT)
    again, _ = store.changed(mark)

    assert (between, quiet) == ({second}, set())
    assert (afterwards, nothing) == ({first}, set())
    assert again == {second}


def test_bodies_and_regions_see_how_many_sites_hold_each_level(
    database: Database, store: Assessments
) -> None:
    sites, reader = Organisation(database), MaturityRecords(database)
    for name in (SITE, "Les Lilas", "Les Roses"):
        sites.put(Site(name, body="Les Fleurs", region="84"), ACT)
    sites.put(Site("Ailleurs", body="Autre", region="84"), ACT)
    first, second, *_ = store.sites()
    store.save(first, [], [worded(6, 2)], now=NOW)
    store.save(second, [], [worded(6, None)], now=NOW)

    body = reader.of_body("Les Fleurs", None)
    region = reader.of_region("84", None)
    narrow = reader.of_region("84", frozenset({SITE}))

    assert (body.sites, body.levels) == (3, {6: {2: 1, None: 2}})
    assert (region.sites, region.levels[6]) == (4, {2: 1, None: 3})
    assert (narrow.sites, narrow.levels) == (1, {6: {2: 1}})
    with pytest.raises(NotFound):
        reader.of_body("Les Fleurs", frozenset({"Ailleurs"}))
    with pytest.raises(NotFound):
        reader.of_region("11", None)


def test_the_newest_review_of_each_inventory_says_when_the_next_is_due(
    database: Database, store: Assessments
) -> None:
    inventories = SiteInventories(database)
    attest(database, "Q01-access-inventory")
    inventories.review(SITE, Inventory.ACCESS, "badges", ACT)
    inventories.review(SITE, Inventory.ACCESS, "clés", Act("other", NOW + timedelta(days=1)))

    found = {one.inventory: one for one in inventories.reviews(SITE, days=183, now=NOW)}

    access = found[Inventory.ACCESS]
    assert (access.complement, access.author, access.attested) == ("clés", "other", True)
    assert access.due_at == NOW + timedelta(days=184)
    assert found[Inventory.SOFTWARE].due_at is None
    assert seen(store).figures.reviews == {"access": NOW + timedelta(days=1)}


def test_answers_of_a_site_come_device_by_device(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigie_server.store.inventories.AT_ONCE", 2)
    a_token(database)
    for number in range(4):
        a_judged_device(database, f"pc-{number}", {}, content=f"form-{number}".encode())

    answers = list(SiteInventories(database).answers(SITE, "firewall"))

    assert [answer.hostname for answer in answers] == ["pc-0", "pc-1", "pc-2", "pc-3"]
    assert answers[3].form == b"form-3"


def test_a_site_that_does_not_exist_is_not_found(database: Database, store: Assessments) -> None:
    with pytest.raises(NotFound):
        MaturityRecords(database).levels("nowhere")
    with pytest.raises(NotFound):
        SiteInventories(database).answers("nowhere", "software")
    assert store.seen(999, now=NOW) is None
    store.save(999, [], [worded(6, 1)], now=NOW)
    assert len(store.sites()) == 1


def test_what_was_concluded_of_a_site_does_not_keep_it_from_being_removed(
    database: Database, store: Assessments
) -> None:
    Organisation(database).put(Site("Vide"), ACT)
    empty = store.sites()[1]
    store.save(empty, [a_site_verdict(Status.PASS)], [worded(6, 1)], now=NOW)

    Organisation(database).remove("Vide", ACT)

    assert empty not in store.sites()
