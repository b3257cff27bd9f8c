"""Every query of dashboards, alerts and recorded series, asked of a real Prometheus.

It watches a fleet in all states (`watched_fleet`): a query that finds nothing there is a mistake.
"""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from alert_files import Alert, alerts, recordings
from monitoring import answers, asked
from vigie_server.domain.capacity import Fleet, planned
from vigie_server.measured_costs import measured_costs
from watched_fleet import FAILING, GROUP, Watched, watched_fleet

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards" / "fr").glob("*.json"))
DAY = 86_400
LATER = (0, 3 * 3600, 2 * DAY, 4 * DAY, 10 * DAY, 45 * DAY, 355 * DAY, 720 * DAY)
"""Seconds after the fleet was watched: what alerts ask of time holds at one of them."""
NEVER_HERE = {
    "VigieAgentsOutdated": (
        "no agent is two minor versions behind the first one",
        'age="unsupported"',
        'age=~".+"',
    ),
    "VigieCommitsSlow": ("no disk is slow on demand", "> 1", ">= 0"),
    "VigieStoreNearlyFull": ("no disk is filled for a test", "> 0.85", "> 0"),
}
"""Alerts that cannot fire in a test: why, and the condition that is taken back for another."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    async with watched_fleet(tmp_path_factory.mktemp("kit")) as found:
        yield found


def queries_of(board: Path) -> list[tuple[str, str]]:
    """The title and the query of each target of a dashboard."""
    return [
        (panel["title"], target["expr"])
        for panel in json.loads(board.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
    ]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda path: path.stem)
async def test_every_panel_shows_something(watched: Watched, board: Path) -> None:
    empty = []
    for title, expr in queries_of(board):
        for question in range(1, 14) if "$question" in expr or "${question}" in expr else (0,):
            asked_for = with_variables(expr, watched, question)
            if await shows(watched.prometheus, asked_for):
                break
        else:
            empty.append((title, asked_for))
    assert empty == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
async def test_panels_with_a_group_show_its_devices_alone(watched: Watched) -> None:
    asked_for = [
        with_variables(expr, watched, 9)
        for board in DASHBOARDS
        for _, expr in queries_of(board)
        if "$group" in expr
    ]
    of_all = 'group=~".*"'

    assert len(asked_for) > 10
    for expr in asked_for:
        assert of_all in expr
        laptops = expr.replace(of_all, f'group=~"{GROUP}"')
        assert await shows(watched.prometheus, laptops), laptops
        assert not await shows(watched.prometheus, expr.replace(of_all, 'group=~"aucun"')), expr


def with_variables(expr: str, watched: Watched, question: int) -> str:
    """The query as a reader's choice makes it, without the zero that would stand for nothing."""
    expr = expr.removesuffix(" or vector(0)")
    # No device of a new fleet has been silent for a week: any silence will do.
    expr = re.sub(r"(vigie_device_last_report[^>]*)> 7 \* 86400", r"\1> 0", expr)
    values = {"device": watched.failing_device, "question": str(question)}
    return re.sub(r"\$\{?([a-z]+)\}?", lambda found: values.get(found[1], ".*"), expr)


async def shows(url: str, expr: str) -> bool:
    return bool(await answers(url, expr))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
async def test_every_alert_finds_what_it_looks_for(watched: Watched) -> None:
    quiet = [alert.name for alert in alerts() if not await fires(watched, alert)]

    assert quiet == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
async def test_every_recorded_series_is_there(watched: Watched) -> None:
    missing = [name for name in recordings() if not await shows(watched.prometheus, name)]

    assert missing == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
async def test_prometheus_evaluates_every_rule_and_writes_every_text(watched: Watched) -> None:
    groups = (await asked(watched.prometheus, "rules"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert len(rules) == len(alerts()) + len(recordings())
    assert {rule["name"]: rule["lastError"] for rule in rules if rule["health"] != "ok"} == {}
    texts = [
        text
        for rule in rules
        for alert in rule.get("alerts", ())
        for text in alert["annotations"].values()
    ]
    assert texts
    assert [text for text in texts if "<error" in text or "<no value>" in text] == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
async def test_a_plan_counts_the_series_that_there_are(watched: Watched) -> None:
    async def counted(expression: str) -> float:
        found = await answers(watched.prometheus, expression)
        return float(found[0]["value"][1])

    reporting = round(await counted("count(vigie_device_last_report_timestamp_seconds)"))
    judged = await counted("count(vigie_device_rule_compliant)")
    failing = await counted(f"count({FAILING})")
    groups = await counted("count(vigie_device_group_info)")
    scraped = await counted("sum(scrape_samples_scraped)")
    recorded = await counted('count({__name__=~".+:.+:.+"})')

    plan = planned(
        Fleet(
            devices=reporting,
            period=timedelta(minutes=15),
            sites=1,
            groups=groups / reporting,
            failing=failing / judged,
        ),
        measured_costs().costs,
    )

    assert plan.series == pytest.approx(scraped + recorded, rel=0.1)


async def fires(watched: Watched, alert: Alert) -> bool:
    """Whether the alert's expression finds something, at any of the moments."""
    _, condition, instead = NEVER_HERE.get(alert.name, ("", "", ""))
    assert condition in alert.expression
    expression = alert.expression.replace(condition, instead) if condition else alert.expression
    for moment in await moments(watched):
        if await answers(watched.prometheus, expression, moment):
            return True
    return False


async def moments(watched: Watched) -> list[float]:
    """When alerts are asked: as things are, and as they will be if nothing changes."""
    (last,) = await answers(watched.prometheus, "max(vigie_device_last_report_timestamp_seconds)")
    # Some device is to have been heard within the week, and unknown before it.
    heard_last = float(last["value"][1]) + 7 * DAY - 0.1
    return [watched.stalled, heard_last, *(watched.now + later for later in LATER)]
