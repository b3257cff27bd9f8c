"""The lines of metrics, as the settings want them."""

from collections.abc import Callable
from datetime import datetime

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.domain.rules import Catalogue
from vigie_server.metrics.device_lines import DeviceLines
from vigie_server.metrics.families import DEVICE_FAMILIES
from vigie_server.settings import PREFIX, ServerSettings


def device_lines(
    settings: ServerSettings, catalogue: Catalogue, *, now: Callable[[], datetime]
) -> DeviceLines:
    """Raises SettingsMalformed: a family of that name is not exported."""
    exported = settings.metrics.exported
    if exported is not None:
        known = {family.name for family in DEVICE_FAMILIES} | catalogue.measures.keys()
        if unknown := exported - known:
            raise SettingsMalformed(
                f"{PREFIX}METRICS__FAMILIES: no family of devices is called "
                f"{', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
            )
    return DeviceLines(
        measures=catalogue.measures,
        exported=exported,
        failing_rules_only_above=settings.failing_rules_only_above,
        text_bytes=settings.metrics.text_memory,
        grace=settings.verdicts.grace,
        now=now,
    )
