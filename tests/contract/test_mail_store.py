"""Mail domains in both stores: declared, checked by one process at a time, told to their sites."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from fakes.stored import NOW, SITE, a_token
from vigie_server.domain.errors import DeclarationRefused, InUse, NotFound
from vigie_server.domain.mail.findings import DKIM, RULES, SPF, Finding
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Act
from vigie_server.ports.mail import Due
from vigie_server.store.database import Database
from vigie_server.store.declared_models import SiteVerdict
from vigie_server.store.forgetting import Forgetting
from vigie_server.store.mail import MOST, MailDomains
from vigie_server.store.models import Audit
from vigie_server.store.models import Site as SiteRow
from vigie_server.store.organisation import Organisation
from vigie_server.store.tables import table

ACT = Act("cli:test", NOW)
D = "tilleuls.example"
OTHER_SITE = "Les Lilas"
HOLD = timedelta(minutes=10)
DAY = timedelta(days=1)


@pytest.fixture
def store(database: Database) -> MailDomains:
    a_token(database)
    a_token(database, secret_hash=b"o" * 32, site=OTHER_SITE)
    return MailDomains(database)


def findings(**statuses: Status) -> dict[str, Finding]:
    """A finding for every rule: `spf=...`; those not given pass."""
    found = {rule: statuses.get(rule.removeprefix("Q07-"), Status.PASS) for rule in RULES}
    return {
        rule: Finding(status, {"fr": f"é {status}", "en": f"e {status}"}, ({"name": D},))
        for rule, status in found.items()
    }


def keep(
    store: MailDomains,
    keys: Sequence[int],
    at: datetime = NOW,
    **statuses: Status,
) -> None:
    store.write(keys, findings(**statuses), now=at, next_check_at=at + DAY)


def site_verdicts(database: Database, site: str = SITE) -> dict[str, tuple[str, datetime]]:
    verdict, sites = table(SiteVerdict), table(SiteRow)
    query = (
        select(verdict).join(sites, sites.c.key == verdict.c.site_key).where(sites.c.name == site)
    )
    with database.reading() as connection:
        return {row.rule: (row.status, row.since) for row in connection.execute(query)}


def acts(database: Database) -> list[tuple[str, str]]:
    audit = table(Audit)
    with database.reading() as connection:
        rows = connection.execute(select(audit).where(audit.c.actor == ACT.actor))
        return [(row.action, row.subject) for row in rows]


def test_a_domain_is_kept_with_its_selectors_and_audited(
    store: MailDomains, database: Database
) -> None:
    store.put(SITE, D, ["s1", "s2"], ACT)
    store.put(SITE, D, ["s3"], ACT)
    store.ask(SITE, D, ACT)

    (held,) = store.of_site(SITE)
    assert (held.domain, held.selectors, held.checked_at) == (D, ("s3",), None)
    assert store.domains(frozenset({OTHER_SITE})) == []
    assert len(store.domains(None)) == 1
    assert [action.split()[0] for action, _ in acts(database)] == ["declared", "declared", "asked"]
    assert {subject for _, subject in acts(database)} == {SITE}


def test_what_is_not_there_is_said_so(store: MailDomains) -> None:
    for call in (
        lambda: store.of_site("nowhere"),
        lambda: store.put("nowhere", D, [], ACT),
        lambda: store.remove(SITE, D, ACT),
        lambda: store.ask(SITE, D, ACT),
        lambda: store.take(SITE, D),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_site_has_a_bounded_number_of_domains(store: MailDomains) -> None:
    for number in range(MOST):
        store.put(SITE, f"d{number}.example", [], ACT)

    with pytest.raises(DeclarationRefused):
        store.put(SITE, D, [], ACT)
    store.put(SITE, "d1.example", ["s1"], ACT)


def test_a_new_domain_is_due_at_once_and_given_to_one_checker(store: MailDomains) -> None:
    store.put(SITE, D, ["s1"], ACT)
    store.put(SITE, "b.example", [], ACT)

    first = store.take_due(NOW, limit=1, hold=HOLD)
    second = store.take_due(NOW, limit=10, hold=HOLD)

    assert [due.domain for due in (*first, *second)] == [D, "b.example"]
    assert store.take_due(NOW, limit=10, hold=HOLD) == ()
    assert len(store.take_due(NOW + HOLD, limit=10, hold=HOLD)) == 2


def test_a_checked_domain_is_due_again_at_its_time_or_when_asked(store: MailDomains) -> None:
    store.put(SITE, D, [], ACT)
    (due,) = store.take_due(NOW, limit=1, hold=HOLD)
    keep(store, due.keys)

    assert store.take_due(NOW + DAY - timedelta(seconds=1), limit=1, hold=HOLD) == ()
    store.ask(SITE, D, ACT)
    assert store.take_due(NOW, limit=1, hold=HOLD) == [due]
    keep(store, due.keys)
    assert store.take_due(NOW + DAY, limit=1, hold=HOLD) == [due]


def test_a_domain_of_two_sites_is_checked_once_for_both(
    store: MailDomains, database: Database
) -> None:
    store.put(SITE, D, ["s1"], ACT)
    store.put(OTHER_SITE, D, ["s1"], ACT)

    (due,) = store.take_due(NOW, limit=10, hold=HOLD)
    keep(store, due.keys, spf=Status.FAIL)

    assert len(due.keys) == 2
    assert site_verdicts(database)[SPF][0] == "fail"
    assert site_verdicts(database, OTHER_SITE)[SPF][0] == "fail"


def test_a_domain_with_other_selectors_is_another_check(store: MailDomains) -> None:
    store.put(SITE, D, ["s1"], ACT)
    store.put(OTHER_SITE, D, ["s2"], ACT)

    due = store.take_due(NOW, limit=10, hold=HOLD)

    assert sorted(item.selectors for item in due) == [("s1",), ("s2",)]


def test_verdicts_stand_since_their_status_changed_and_fail_through_unknown(
    store: MailDomains,
) -> None:
    store.put(SITE, D, [], ACT)
    keys = store.take(SITE, D).keys
    seen = []
    for day, status in enumerate(
        [Status.PASS, Status.FAIL, Status.FAIL, Status.UNKNOWN, Status.FAIL, Status.PASS]
    ):
        keep(store, keys, NOW + day * DAY, spf=status)
        verdict = store.of_site(SITE)[0].verdicts[SPF]
        failing = verdict.failing_since
        seen.append(((verdict.since - NOW).days, None if failing is None else (failing - NOW).days))

    assert seen == [(0, None), (1, 1), (1, 1), (3, 1), (4, 1), (5, None)]


def test_what_was_found_is_read_back_whole(store: MailDomains) -> None:
    store.put(SITE, D, [], ACT)
    keep(store, store.take(SITE, D).keys)

    (held,) = store.of_site(SITE)

    assert held.checked_at == NOW
    assert held.next_check_at == NOW + DAY
    assert held.verdicts[DKIM].finding == findings()[DKIM]
    assert [(standing.rule, standing.status) for standing in store.standings()] == [
        (rule, Status.PASS) for rule in sorted(RULES)
    ]


def test_a_mark_differs_after_whatever_may_change_a_verdict(store: MailDomains) -> None:
    marks = [store.mark()]
    for domain, at in ((D, NOW), ("b.example", NOW - DAY)):
        store.put(SITE, domain, [], ACT)
        marks.append(store.mark())
        keep(store, store.take(SITE, domain).keys, at)
        marks.append(store.mark())
    store.remove(SITE, "b.example", ACT)
    marks.append(store.mark())

    assert [before for before, after in pairwise(marks) if before == after] == []
    assert store.mark() == store.mark()


def test_the_site_follows_the_worst_of_its_domains(store: MailDomains, database: Database) -> None:
    store.put(SITE, D, [], ACT)
    assert site_verdicts(database)[SPF][0] == "unknown"
    keep(store, store.take(SITE, D).keys)
    assert site_verdicts(database)[SPF] == ("pass", NOW)

    store.put(SITE, "b.example", [], Act("cli:test", NOW + DAY))
    assert site_verdicts(database)[SPF] == ("unknown", NOW + DAY)
    keep(store, store.take(SITE, "b.example").keys, NOW + 2 * DAY, spf=Status.FAIL)
    assert site_verdicts(database)[SPF] == ("fail", NOW + 2 * DAY)
    assert site_verdicts(database)[DKIM] == ("pass", NOW + 2 * DAY)

    store.remove(SITE, "b.example", Act("cli:test", NOW + 3 * DAY))
    assert site_verdicts(database)[SPF] == ("pass", NOW + 3 * DAY)
    store.remove(SITE, D, ACT)
    assert site_verdicts(database) == {}


def test_the_sites_reason_names_the_domain_in_both_languages(
    store: MailDomains, database: Database
) -> None:
    store.put(SITE, D, [], ACT)
    keep(store, store.take(SITE, D).keys, spf=Status.FAIL)

    verdict = table(SiteVerdict)
    with database.reading() as connection:
        row = connection.execute(select(verdict).where(verdict.c.rule == SPF)).one()

    assert json.loads(row.reason) == {"fr": f"{D} : é fail", "en": f"{D}: e fail"}


def test_a_check_of_a_domain_that_went_meanwhile_keeps_nothing(
    store: MailDomains, database: Database
) -> None:
    store.put(SITE, D, [], ACT)
    keys = store.take(SITE, D).keys
    store.remove(SITE, D, ACT)

    keep(store, keys)

    assert store.standings() == []
    assert site_verdicts(database) == {}


def test_a_site_without_mail_domains_left_can_be_removed(
    store: MailDomains, database: Database
) -> None:
    Organisation(database).put(Site("Vide"), ACT)
    store.put("Vide", D, [], ACT)
    with pytest.raises(InUse):
        Organisation(database).remove("Vide", ACT)

    store.remove("Vide", D, ACT)

    Organisation(database).remove("Vide", ACT)


def test_a_due_names_what_is_to_be_checked(store: MailDomains) -> None:
    store.put(SITE, D, ["s1"], ACT)

    due = store.take(SITE, D)

    assert due == Due(D, ("s1",), due.keys)


def test_a_verdict_that_changes_is_kept_and_one_that_stays_is_not(store: MailDomains) -> None:
    store.put(SITE, D, (), ACT)
    store.put(OTHER_SITE, D, (), ACT)
    here, there = store.take(SITE, D).keys, store.take(OTHER_SITE, D).keys
    keep(store, here, spf=Status.FAIL)
    keep(store, [*here, *there], NOW + DAY, spf=Status.FAIL)
    keep(store, here, NOW + 2 * DAY, dkim=Status.UNKNOWN)
    store.remove(SITE, D, ACT)

    changes = store.transitions(SITE, D, limit=100)
    newest = store.transitions(SITE, D, limit=1)
    elsewhere = store.transitions(OTHER_SITE, D, limit=100)

    assert [(one.rule, one.before, one.after, one.at) for one in changes[:2]] == [
        (DKIM, Status.PASS, Status.UNKNOWN, NOW + 2 * DAY),
        (SPF, Status.FAIL, Status.PASS, NOW + 2 * DAY),
    ]
    assert {(one.before, one.at) for one in changes[2:]} == {(None, NOW)}
    assert len(changes) == 2 + len(RULES)
    assert changes[0].reason == {"fr": "é unknown", "en": "e unknown"}
    assert newest == changes[:1]
    assert {one.at for one in elsewhere} == {NOW + DAY}


def test_a_domain_that_never_was_has_no_history(store: MailDomains) -> None:
    store.put(SITE, D, (), ACT)

    assert store.transitions(SITE, D, limit=1) == []
    with pytest.raises(NotFound, match=r"no mail domain other\.example"):
        store.transitions(SITE, "other.example", limit=1)
    with pytest.raises(NotFound, match="no site Ailleurs"):
        store.transitions("Ailleurs", D, limit=1)


def test_history_past_its_time_is_erased_and_the_newest_row_stays(
    database: Database, store: MailDomains
) -> None:
    store.put(SITE, D, (), ACT)
    keys = store.take(SITE, D).keys
    keep(store, keys)
    keep(store, keys, NOW + 2 * DAY, spf=Status.FAIL)

    Forgetting(database).history(
        transitions=NOW + DAY, audit=NOW, rejected=NOW, bite=len(RULES) - 1
    )
    left = store.transitions(SITE, D, limit=100)
    Forgetting(database).history(transitions=NOW + 9 * DAY, audit=NOW, rejected=NOW, bite=100)

    assert [one.at for one in left] == [NOW + 2 * DAY, NOW]
    assert [one.at for one in store.transitions(SITE, D, limit=100)] == [NOW + 2 * DAY]


def test_history_goes_with_its_site(database: Database, store: MailDomains) -> None:
    Organisation(database).put(Site("Vide"), ACT)
    store.put("Vide", D, (), ACT)
    keep(store, store.take("Vide", D).keys)
    store.remove("Vide", D, ACT)

    Organisation(database).remove("Vide", ACT)

    with pytest.raises(NotFound, match="no site Vide"):
        store.transitions("Vide", D, limit=1)
