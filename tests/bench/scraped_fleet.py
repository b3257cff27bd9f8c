"""A fleet for scrapes: devices of the bundled rules, a hundred to a site, as the store reads them.

Each device is of another mind on some rules, and each fail began at a time of its own, so that
lines compress as those of real devices would.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Status
from vigie_server.domain.views import DeviceView, StandingVerdict

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SITE_DEVICES = 100
PASSES, FAILS, UNKNOWNS = 15, 5, 3
"""Rules by status; the others do not apply. With these a device has some forty series."""
SYSTEMS = (
    ("windows", "Microsoft Windows 11 Pro", "10.0.26100"),
    ("windows", "Microsoft Windows 10 Pro", "10.0.19045"),
    ("linux", "Debian GNU/Linux", "12"),
    ("darwin", "macOS", "26.1"),
)


class ScrapedFleet:
    """The devices and what they say; the same for the same number of devices."""

    def __init__(self, devices: int, *, now: datetime = NOW) -> None:
        self.catalogue: Catalogue = bundled_catalogue()
        self.devices = devices
        self._now = now
        self._random = Random(devices)
        self._ids = [self._id() for _ in range(devices)]
        self._rules = sorted(self.catalogue.rules)

    def views(self) -> Iterator[DeviceView]:
        """Every device once, made as it is asked for."""
        for number in range(self.devices):
            yield self._view(number)

    def changed(self, share: float) -> Sequence[DeviceView]:
        """Devices anywhere in the fleet whose verdicts have changed, as a share of it."""
        picked = self._random.sample(range(self.devices), round(self.devices * share))
        return [self._view(number) for number in picked]

    def heard(self) -> Sequence[str]:
        """Every device's id."""
        return self._ids

    def _id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _view(self, number: int) -> DeviceView:
        random = self._random
        platform, system, version = SYSTEMS[number % len(SYSTEMS)]
        device = Device(
            id=self._ids[number],
            site=f"EHPAD Les Tilleuls {number // SITE_DEVICES:04d}",
            profile="standard",
            platform=platform,
            state=DeviceState.ACTIVE,
            hostname=f"POSTE-{number:06d}",
            os=system,
            os_version=version,
            chassis=("desktop", "laptop")[number % 3 == 0],
            agent_version="0.1.0",
            enrolled_at=self._now - timedelta(days=90),
            last_report_at=self._now - timedelta(seconds=random.randrange(900)),
            clock_skew_seconds=random.randrange(-30, 30) / 10,
            nomadic=number % 3 == 0,
        )
        return DeviceView(
            device,
            {rule: self._verdict(rule, status) for rule, status in self._statuses().items()},
            {
                name: self._now.timestamp() - random.randrange(30 * 86_400)
                if name.endswith("_seconds")
                else random.randrange(4)
                for name in self.catalogue.measures
            },
        )

    def _statuses(self) -> dict[str, Status]:
        mixed = self._random.sample(self._rules, len(self._rules))
        picked = dict.fromkeys(self._rules, Status.NOT_APPLICABLE)
        for status, count in (
            (Status.PASS, PASSES),
            (Status.FAIL, FAILS),
            (Status.UNKNOWN, UNKNOWNS),
        ):
            for _ in range(count):
                picked[mixed.pop()] = status
        return picked

    def _verdict(self, rule: str, status: Status) -> StandingVerdict:
        began = self._now - timedelta(seconds=self._random.randrange(60 * 86_400))
        return StandingVerdict(
            status,
            self.catalogue.rules[rule].severity,
            began if status is Status.FAIL else None,
        )
