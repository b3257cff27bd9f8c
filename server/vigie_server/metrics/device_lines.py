"""The fleet's lines: rendered when a device has changed, joined at the scrape.

A scrape runs no query. What a commit costs here is one dictionary write: the device's lines are
rendered at the next scrape, so a device that changes ten times in between is rendered once.
Everything runs on the server's event loop.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final

from vigie_server.clock import utc_now
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.views import DeviceView
from vigie_server.metrics import families
from vigie_server.metrics.exposition import Family, labels, number

DEFAULT_FAILING_RULES_ONLY_ABOVE: Final = 20_000
"""Above this many devices the per-rule family holds failing rules only (a setting)."""


class DeviceLines:
    """Per-device and per-site series of the whole fleet.

    `measures` gives the help text of every measure that rules export, by metric name; others are
    not rendered. For the time of `grace` after its enrolment a device has no failing-since lines:
    alerts leave it alone, and a scrape after that shows them, whether or not it reported.
    """

    def __init__(
        self,
        *,
        measures: Mapping[str, str],
        failing_rules_only_above: int = DEFAULT_FAILING_RULES_ONLY_ABOVE,
        grace: timedelta = timedelta(0),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._measures = {name: Family(name, text) for name, text in sorted(measures.items())}
        self._failing_rules_only_above = failing_rules_only_above
        self._failing_rules_only = False
        self._grace = grace
        self._now = now
        self._graces: list[tuple[datetime, str]] = []
        self._in_grace: set[str] = set()
        self._views: dict[str, DeviceView] = {}
        self._changed: dict[str, DeviceView | None] = {}
        self._seen: dict[str, tuple[str, str]] = {}
        self._lines: dict[Family, dict[str, str]] = {
            family: {} for family in (*families.DEVICE_FAMILIES, *self._measures.values())
        }
        self._site_devices: Counter[tuple[str, str]] = Counter()
        self._site_rules: Counter[tuple[str, str, str]] = Counter()

    def put(self, view: DeviceView) -> None:
        """Replaces what is shown of this device; a retired one disappears."""
        device = view.device
        self._changed[device.id] = None if device.state is DeviceState.RETIRED else view
        if device.last_report_at is not None and device.state is not DeviceState.RETIRED:
            self._see(view, device.last_report_at)

    def seen(self, device_id: str, at: datetime) -> None:
        """Moves the device's last report, and nothing else of it; never back."""
        known = self._seen.get(device_id)
        if known is not None:
            self._seen[device_id] = (known[0], _later(known[1], at))

    def remove(self, device_id: str) -> None:
        """Takes all of the device's series away at once."""
        self._changed[device_id] = None

    def exposition(self) -> Iterator[str]:
        """The text format, family by family: each must stand in one piece."""
        now = self._now()
        self._end_graces(now)
        self._apply_changes(now)
        for family, lines in self._lines.items():
            if lines:
                yield family.header
                yield from lines.values()
        if self._seen:
            yield families.LAST_REPORT.header
            for head, value in self._seen.values():
                yield f"{head}{value}\n"
        yield from self._site_lines()

    def _see(self, view: DeviceView, at: datetime) -> None:
        head = f"{families.LAST_REPORT.name}{{{families.identity(view)}}} "
        known = self._seen.get(view.device.id)
        self._seen[view.device.id] = (head, _later("0" if known is None else known[1], at))

    def _end_graces(self, now: datetime) -> None:
        while self._graces and self._graces[0][0] <= now:
            _, device_id = heappop(self._graces)
            self._in_grace.discard(device_id)
            view = self._views.get(device_id)
            if view is not None:
                line = families.render_failing_since(view)
                self._keep(families.FAILING_SINCE, view, line)

    def _spared(self, view: DeviceView, now: datetime) -> bool:
        """Whether the device is new; if so, its lines come when its grace has ended."""
        device = view.device
        if not self._grace or device.enrolled_at is None:
            return False
        end = device.enrolled_at + self._grace
        if end <= now:
            return False
        if device.id not in self._in_grace:
            self._in_grace.add(device.id)
            heappush(self._graces, (end, device.id))
        return True

    def _apply_changes(self, now: datetime) -> None:
        changed, self._changed = self._changed, {}
        for device_id, view in changed.items():
            self._count(self._views.pop(device_id, None), -1)
            if view is None:
                self._forget(device_id)
                continue
            self._views[device_id] = view
            self._count(view, 1)
            self._render(view, now)
        only = len(self._views) > self._failing_rules_only_above
        if only is not self._failing_rules_only:
            self._failing_rules_only = only
            for view in self._views.values():
                self._render_rule_family(view)

    def _render(self, view: DeviceView, now: datetime) -> None:
        spared = self._spared(view, now)
        for family, render in families.DEVICE_FAMILIES.items():
            if family is not families.RULE_COMPLIANT:
                hidden = spared and family is families.FAILING_SINCE
                self._keep(family, view, "" if hidden else render(view))
        self._render_rule_family(view)
        for name, family in self._measures.items():
            value = view.measures.get(name)
            line = "" if value is None else f"{name}{{{families.identity(view)}}} {number(value)}\n"
            self._keep(family, view, line)

    def _render_rule_family(self, view: DeviceView) -> None:
        render = (
            families.render_rule_failing
            if self._failing_rules_only
            else families.render_rule_compliant
        )
        self._keep(families.RULE_COMPLIANT, view, render(view))

    def _keep(self, family: Family, view: DeviceView, line: str) -> None:
        if line:
            self._lines[family][view.device.id] = line
        else:
            self._lines[family].pop(view.device.id, None)

    def _forget(self, device_id: str) -> None:
        self._seen.pop(device_id, None)
        for lines in self._lines.values():
            lines.pop(device_id, None)

    def _count(self, view: DeviceView | None, step: int) -> None:
        if view is None:
            return
        site = view.device.site
        self._site_devices[site, view.device.state.value] += step
        for rule, standing in view.verdicts.items():
            status = "waived" if standing.waived else standing.status.value
            self._site_rules[site, rule, status] += step

    def _site_lines(self) -> Iterator[str]:
        devices = {key: count for key, count in self._site_devices.items() if count}
        rules = {key: count for key, count in self._site_rules.items() if count}
        if devices:
            yield families.SITE_DEVICES.header
        for (site, state), count in sorted(devices.items()):
            shown = labels((("site", site), ("state", state)))
            yield f"{families.SITE_DEVICES.name}{{{shown}}} {count}\n"
        if rules:
            yield families.SITE_RULE_DEVICES.header
        for (site, rule, status), count in sorted(rules.items()):
            shown = labels((("site", site), ("rule", rule), ("status", status)))
            yield f"{families.SITE_RULE_DEVICES.name}{{{shown}}} {count}\n"


def _later(shown: str, at: datetime) -> str:
    """The later of what is shown and this instant: a view may be older than what was seen since."""
    return number(max(float(shown), round(at.timestamp())))
