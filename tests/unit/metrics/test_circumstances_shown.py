"""What alerts need of few devices: states, missing since, claims, unknown since, agents' ages."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from metric_pages import samples_of, text_of
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.views import DeviceView, StandingVerdict
from vigie_server.metrics.device_lines import DeviceLines

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(days=9)
DEVICE = Device("d1", "Les Lilas", "standard", "linux", DeviceState.ACTIVE, agent_version="1.2.0")
VIEW = DeviceView(DEVICE, {}, {})


def shown(lines: DeviceLines, family: str) -> dict[tuple[str, ...], float]:
    """The values of a family by its labels beside device and site."""
    found = samples_of(text_of(lines.gather()))
    return {
        tuple(value for label, value in labels if label not in {"device", "site"}): value
        for (name, labels), value in found.items()
        if name == family
    }


def of_state(view: DeviceView, state: DeviceState) -> DeviceView:
    return replace(view, device=replace(view.device, state=state))


@pytest.mark.parametrize("state", ["pending", "quarantined", "lost", "stolen"])
def test_a_device_that_is_not_active_shows_its_state(state: str) -> None:
    lines = DeviceLines(measures={})
    lines.put(VIEW)
    assert shown(lines, "vigie_device_state") == {}

    lines.put(of_state(VIEW, DeviceState(state)))

    assert shown(lines, "vigie_device_state") == {(state,): 1}
    lines.put(VIEW)
    assert shown(lines, "vigie_device_state") == {}


def test_a_device_is_missing_until_it_is_found() -> None:
    lines = DeviceLines(measures={})
    family = "vigie_device_missing_since_timestamp_seconds"

    lines.put(replace(of_state(VIEW, DeviceState.LOST), missing_since=EARLIER))

    assert shown(lines, family) == {(): EARLIER.timestamp()}
    lines.seen("d1", NOW)
    assert shown(lines, family) == {(): EARLIER.timestamp()}
    lines.put(VIEW)
    assert shown(lines, family) == {}


def test_claims_that_nobody_settled_are_counted() -> None:
    lines = DeviceLines(measures={})

    lines.put(replace(of_state(VIEW, DeviceState.PENDING), conflicts=2))

    assert shown(lines, "vigie_device_identity_conflicts") == {(): 2}


def test_the_rule_that_is_unknown_longest_counts() -> None:
    lines = DeviceLines(measures={})
    unknown = {
        f"Q0{number}-a": StandingVerdict(
            Status.UNKNOWN, Severity.MAJOR, unknown_since=NOW - timedelta(days=number)
        )
        for number in (1, 9, 3)
    }

    lines.put(replace(VIEW, verdicts=unknown))

    assert shown(lines, "vigie_device_unknown_since_timestamp_seconds") == {
        (): (NOW - timedelta(days=9)).timestamp()
    }


def test_active_devices_are_counted_by_version_and_age_of_their_agents() -> None:
    lines = DeviceLines(measures={}, server_version="1.3.0")
    old = replace(DEVICE, id="d2", agent_version="1.1.0")
    lines.put(VIEW)
    lines.put(DeviceView(old, {}, {}))
    lines.put(DeviceView(replace(old, id="d3", state=DeviceState.LOST), {}, {}))
    agents = {("previous", "1.2.0"): 1, ("unsupported", "1.1.0"): 1}
    assert shown(lines, "vigie_site_agents") == agents

    lines.put(replace(VIEW, device=replace(old, agent_version="1.3.1")))
    lines.put(DeviceView(replace(DEVICE, agent_version="1.3.1"), {}, {}))

    assert shown(lines, "vigie_site_agents") == {("current", "1.3.1"): 2}


def test_what_few_devices_have_costs_the_others_no_line() -> None:
    lines = DeviceLines(measures={})

    lines.put(VIEW)

    names = {name for name, _ in samples_of(text_of(lines.gather()))}
    assert names.isdisjoint(
        {
            "vigie_device_state",
            "vigie_device_missing_since_timestamp_seconds",
            "vigie_device_identity_conflicts",
            "vigie_device_unknown_since_timestamp_seconds",
            "vigie_device_group_info",
        }
    )


def test_groups_of_a_device_are_shown_as_they_are_and_cost_no_other_family_a_line() -> None:
    lines = DeviceLines(measures={})
    lines.put(replace(VIEW, groups=('Accueil "A"', "Portables")))
    before = dict(lines.gather())
    assert shown(lines, "vigie_device_group_info") == {('Accueil "A"',): 1, ("Portables",): 1}

    lines.put(replace(VIEW, groups=("Portables",)))

    after = dict(lines.gather())
    assert shown(lines, "vigie_device_group_info") == {("Portables",): 1}
    assert [family.name for family in after if after[family] != before[family]] == [
        "vigie_device_group_info"
    ]
