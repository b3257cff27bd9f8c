"""The lines of metrics, as the settings want them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.metrics.device_lines import DeviceLines
from vigie_server.metrics.families import DEVICE_FAMILIES
from vigie_server.metrics.guide_lines import Described
from vigie_server.settings import PREFIX, ServerSettings


def judged_rules(catalogue: Catalogue, guide: SiteGuide) -> Sequence[Described]:
    """Every rule that something is judged by: a device, a site or a mail domain."""
    return [
        *catalogue.rules.values(),
        *guide.site_rules.values(),
        *guide.mail_rules.values(),
    ]


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
        server_version=version("vigie"),
        now=now,
    )
