"""Whatever happened to the fleet, a page is what a fresh server would show of it."""

import asyncio
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from metric_pages import Labels, pages_of, samples_of, text_of
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import FleetNotRead
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.views import DeviceView, StandingVerdict
from vigie_server.metrics.device_lines import DeviceLines
from vigie_server.metrics.exposition import said
from vigie_server.metrics.fleet_pages import FleetPages
from vigie_server.ports.scraping import Scrape, TextFormat

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MEASURES = {"vigie_device_local_admins": 'Accounts with "every" right.\n\\'}
RULES = ("Q04-a", "Q05-b", "Q06-c")
DEVICES = [f"d{number}" for number in range(70)]
SITES = ("Les Lilas", 'Le "Clos"\n')


def lines(*, text_bytes: int = 1 << 20, above: int = 40) -> DeviceLines:
    return DeviceLines(
        measures=MEASURES,
        failing_rules_only_above=above,
        text_bytes=text_bytes,
        grace=timedelta(days=3),
        now=lambda: NOW,
    )


verdicts = st.dictionaries(
    st.sampled_from(RULES),
    st.builds(
        StandingVerdict,
        st.sampled_from(Status),
        st.sampled_from(Severity),
        st.sampled_from([None, NOW, NOW - timedelta(days=1, microseconds=5)]),
        st.booleans(),
    ),
)
views = st.builds(
    DeviceView,
    st.builds(
        Device,
        id=st.sampled_from(DEVICES),
        site=st.sampled_from(SITES),
        profile=st.just("standard"),
        platform=st.just("linux"),
        state=st.sampled_from([*[DeviceState.ACTIVE] * 4, DeviceState.LOST, DeviceState.RETIRED]),
        hostname=st.sampled_from(["poste", "accueil"]),
        enrolled_at=st.sampled_from([NOW, NOW - timedelta(days=9)]),
        last_report_at=st.just(NOW),
        clock_skew_seconds=st.sampled_from([None, 0.04, -3.16]),
        nomadic=st.booleans(),
    ),
    verdicts,
    st.dictionaries(st.sampled_from([*MEASURES, "other"]), st.integers(0, 3).map(float)),
)


@given(
    st.lists(st.lists(views, max_size=80), max_size=4), st.booleans(), st.sampled_from([0, 4096])
)
def test_a_page_does_not_depend_on_what_was_scraped_before(
    rounds: Sequence[Sequence[DeviceView]], gzip: bool, text_bytes: int
) -> None:
    followed, last = lines(text_bytes=text_bytes), dict[str, DeviceView]()
    for number, shown in enumerate(rounds):
        for view in shown:
            followed.put(view)
            last[view.device.id] = view
        followed.gather(gzip=gzip is bool(number % 2))

    fresh = lines()
    for view in last.values():
        fresh.put(view)

    assert samples_of(text_of(followed.gather(gzip=gzip))) == samples_of(text_of(fresh.gather()))


@pytest.mark.parametrize("text_format", TextFormat)
@given(st.text(), st.text(), st.text(), st.text())
def test_hostile_text_is_read_back_as_one_line_of_what_it_says(
    text_format: TextFormat, hostname: str, site: str, version: str, rule: str
) -> None:
    shown = lines()
    device = Device(
        id=version,
        site=site,
        profile="standard",
        platform="linux",
        state=DeviceState.ACTIVE,
        hostname=hostname,
        os_version=version,
    )
    shown.put(DeviceView(device, {rule: StandingVerdict(Status.FAIL, Severity.MAJOR, NOW)}, {}))
    end = "# EOF\n" if text_format is TextFormat.OPENMETRICS else ""

    found = samples_of(text_of(shown.gather(), text_format) + end, text_format)

    named = {name: dict(labels) for name, labels in found}
    assert named["vigie_device_info"]["hostname"] == said(hostname)
    assert named["vigie_device_info"]["os_version"] == said(version)
    assert named["vigie_device_nomadic"]["device"] == version.replace("\0", "\ufffd")
    assert named["vigie_site_rule_devices"]["site"] == site.replace("\0", "\ufffd")
    assert named["vigie_device_rule_compliant"]["rule"] == rule.replace("\0", "\ufffd")


class Exported(Collector):
    """The same samples as prometheus-client's own objects."""

    def __init__(self, samples: Mapping[tuple[str, Labels], float]) -> None:
        self._samples = samples

    def collect(self) -> Sequence[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for (name, labels), value in self._samples.items():
            family = families.setdefault(name, GaugeMetricFamily(name, "help"))
            family.add_sample(name, dict(labels), value)
        return list(families.values())


def a_fleet(count: int) -> list[DeviceView]:
    device = Device("", "Les Lilas", "standard", "linux", DeviceState.ACTIVE, last_report_at=NOW)
    standing = {
        "Q04-a": StandingVerdict(Status.FAIL, Severity.MAJOR, NOW),
        "Q06-c": StandingVerdict(Status.PASS, Severity.CRITICAL),
    }
    return [
        DeviceView(replace(device, id=f"d{number}", site=SITES[number % 2]), standing, {})
        for number in range(count)
    ]


async def read(pages: FleetPages, scrape: Scrape) -> str:
    body = b"".join([part async for part in await pages(scrape, before=b"# own\n")])
    return (gzip.decompress(body) if scrape.gzip else body).decode()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("text_format", TextFormat)
def test_a_page_holds_what_prometheus_client_would_write(
    text_format: TextFormat, compressed: bool
) -> None:
    pages = pages_of(a_fleet(200), lines(above=1_000))
    end = "# EOF\n" if text_format is TextFormat.OPENMETRICS else ""

    page = asyncio.run(read(pages, Scrape(text_format, gzip=compressed)))

    found = samples_of(page.removeprefix("# own\n") + end, text_format)
    registry = CollectorRegistry()
    registry.register(Exported(found))
    assert page.startswith("# own\n")
    assert len(found) > 200 * 10
    assert samples_of(generate_latest(registry).decode()) == found
    pages.close()


async def test_pages_of_a_server_that_is_still_reading_are_refused() -> None:
    pages = FleetPages(lines(), ())
    await pages.show(a_fleet(3))

    with pytest.raises(FleetNotRead):
        await pages(Scrape(TextFormat.CLASSIC))

    await pages.whole(DEVICES)
    assert "vigie_device_info{" in await read(pages, Scrape(TextFormat.CLASSIC))
    pages.close()


async def test_a_page_of_some_sites_holds_nothing_of_the_others() -> None:
    pages = FleetPages(lines(), ())
    await pages.show(a_fleet(4))
    await pages.whole(DEVICES)
    one, none = frozenset({"Les Lilas"}), frozenset[str]()

    found = samples_of(await read(pages, Scrape(TextFormat.CLASSIC, sites=one)))
    nothing = samples_of(await read(pages, Scrape(TextFormat.CLASSIC, gzip=True, sites=none)))

    assert {dict(labels)["site"] for _, labels in found} == {"Les Lilas"}
    assert {dict(labels)["device"] for name, labels in found if "device_" in name} == {"d0", "d2"}
    assert found["vigie_site_devices", (("site", "Les Lilas"), ("state", "active"))] == 2
    assert nothing == {}
    pages.close()


async def test_what_changes_while_a_page_is_sent_is_on_the_next_one() -> None:
    pages = FleetPages(lines(), ())
    await pages.show(a_fleet(2))
    await pages.whole(DEVICES)
    sending = await pages(Scrape(TextFormat.CLASSIC))

    await pages.show(
        [replace(a_fleet(1)[0], device=replace(a_fleet(1)[0].device, state=DeviceState.RETIRED))]
    )
    begun = b"".join([part async for part in sending]).decode()

    after = samples_of(await read(pages, Scrape(TextFormat.CLASSIC)))
    assert begun.count('vigie_device_compliant{device="d0"') == 1
    assert {dict(labels).get("device") for _, labels in after} == {None, "d1"}
    pages.close()


async def test_a_heartbeat_shows_at_the_next_scrape() -> None:
    pages = FleetPages(lines(), ())
    await pages.show(a_fleet(1))
    await pages.whole(DEVICES)
    name = "vigie_device_last_report_timestamp_seconds"

    pages.seen("d0", NOW + timedelta(seconds=30))
    pages.seen("nobody", NOW)

    found = samples_of(await read(pages, Scrape(TextFormat.CLASSIC, gzip=True)))
    assert [value for (family, _), value in found.items() if family == name] == [
        NOW.timestamp() + 30
    ]
    pages.close()


def test_only_the_families_asked_for_are_shown_and_those_of_sites_stay() -> None:
    shown = DeviceLines(measures=MEASURES, exported={"vigie_device_nomadic"}, now=lambda: NOW)
    for view in a_fleet(3):
        shown.put(view)
    shown.seen("d1", NOW)

    found = samples_of(text_of(shown.gather()))

    assert {name for name, _ in found} == {
        "vigie_device_nomadic",
        "vigie_site_agents",
        "vigie_site_devices",
        "vigie_site_rule_devices",
    }


def test_an_older_word_of_the_store_does_not_take_back_a_heartbeat() -> None:
    shown = lines()
    (view,) = a_fleet(1)
    shown.put(view)
    shown.seen("d0", NOW + timedelta(seconds=5))

    shown.put(view)

    found = samples_of(text_of(shown.gather()))
    (last,) = [value for (name, _), value in found.items() if "last_report" in name]
    assert last == NOW.timestamp() + 5


def test_a_unit_is_told_where_the_name_ends_with_it() -> None:
    shown = lines()
    shown.put(a_fleet(1)[0])

    page = text_of(shown.gather(), TextFormat.OPENMETRICS)

    assert "# UNIT vigie_device_compliance_ratio ratio\n" in page
    assert (
        "# UNIT vigie_device_last_report_timestamp_seconds seconds\n"
        "# HELP vigie_device_last_report_timestamp_seconds " in page
    )
    assert "# UNIT vigie_device_info" not in page


def test_text_is_kept_within_its_limit_and_let_go_with_its_devices() -> None:
    shown = lines(text_bytes=3_000)
    for view in a_fleet(64):
        shown.put(view)

    shown.gather()
    full = shown.text_kept
    for view in a_fleet(64):
        shown.remove(view.device.id)

    assert 1_000 < full <= 3_000
    assert shown.text_kept == 0


async def test_devices_that_are_no_longer_there_go_when_the_whole_fleet_was_read_again() -> None:
    pages = FleetPages(lines(), ())
    await pages.show(a_fleet(3))

    await pages.whole({"d0", "d2"})

    found = samples_of(await read(pages, Scrape(TextFormat.CLASSIC)))
    assert {dict(labels).get("device") for _, labels in found} == {None, "d0", "d2"}
    pages.close()


def test_a_state_that_changes_alone_moves_the_count_of_the_site() -> None:
    shown = lines()
    (view,) = a_fleet(1)
    shown.put(view)
    shown.gather()

    shown.put(replace(view, device=replace(view.device, state=DeviceState.LOST)))

    found = samples_of(text_of(shown.gather()))
    states = [dict(labels)["state"] for name, labels in found if name == "vigie_site_devices"]
    assert states == ["lost"]


def test_a_device_that_enrols_again_is_left_alone_again() -> None:
    shown = lines()
    (view,) = a_fleet(1)
    name = "vigie_device_rule_failing_since_timestamp_seconds"
    shown.put(view)
    before = [key for key in samples_of(text_of(shown.gather())) if key[0] == name]

    shown.put(replace(view, device=replace(view.device, enrolled_at=NOW)))

    after = [key for key in samples_of(text_of(shown.gather())) if key[0] == name]
    assert (len(before), after) == (1, [])
