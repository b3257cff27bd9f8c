"""As docs/server.md says, in both stores: revoked devices count, and retired ones do not."""

from dataclasses import dataclass

import pytest

from fakes.judged import a_judged_device
from fakes.stored import NOW, SITE, a_token
from metric_pages import samples_of, text_of
from vigie_server.domain.maturity import Population
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.metrics.device_lines import DeviceLines
from vigie_server.store.administration import Administration
from vigie_server.store.assessments import Assessments
from vigie_server.store.database import Database
from vigie_server.store.device_lists import FleetLists
from vigie_server.store.fleet import Fleet
from vigie_server.store.report_reading import ReportRecords

RULE = "Q06-firewall-enabled"


@dataclass(frozen=True)
class Counted:
    """In how many places the one device, which fails the rule, counts."""

    level: int
    report: int
    tally: int
    site_devices: float
    site_rule_devices: float
    site_agents: float
    revoked: float
    of_device: bool


def counted(database: Database) -> Counted:
    store = Assessments(database, own=(), shared={Population.ALL: {RULE}})
    (site,) = store.sites()
    seen = store.seen(site, now=NOW)
    assert seen is not None
    reported = ReportRecords(database).devices(SITE)
    failing = reported.verdicts.get(RULE, {}).get(Status.FAIL, 0)
    assert failing == len(reported.devices)
    lines = DeviceLines(measures={})
    for _, view in Fleet(database, {RULE: Severity.MAJOR}).views_after(0, limit=9):
        lines.put(view)
    samples = samples_of(text_of(lines.gather()))

    def total(family: str) -> float:
        return sum(value for (name, _), value in samples.items() if name == family)

    return Counted(
        level=seen.standing.reporting,
        report=len(reported.devices),
        tally=sum(one.failing for one in FleetLists(database).tallies(None)),
        site_devices=total("vigie_site_devices"),
        site_rule_devices=total("vigie_site_rule_devices"),
        site_agents=total("vigie_site_agents"),
        revoked=total("vigie_site_revoked_devices"),
        of_device=any(name.startswith("vigie_device_") for name, _ in samples),
    )


@pytest.mark.parametrize("first", ["retire", "revoke"])
def test_a_revoked_device_counts_by_its_state_and_a_retired_one_nowhere(
    database: Database, first: str
) -> None:
    a_token(database)
    a_judged_device(database, "a", {RULE: Status.FAIL})
    acts = Administration(database)
    before = counted(database)

    if first == "revoke":
        acts.revoke("a", now=NOW, actor="test")
        assert counted(database) == Counted(1, 1, 1, 1, 1, 1, 1, of_device=True)
    acts.retire("a", now=NOW, actor="test")

    assert before == Counted(1, 1, 1, 1, 1, 1, 0, of_device=True)
    assert counted(database) == Counted(0, 0, 0, 0, 0, 0, 0, of_device=False)
