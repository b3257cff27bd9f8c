"""Which families are exported, as the settings say it."""

import pytest

from metric_pages import samples_of, text_of
from vigie_server import clock
from vigie_server.bootstrap.metrics import device_lines
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.views import DeviceView
from vigie_server.metrics.chunks import SITE_FAMILIES
from vigie_server.settings import MetricsSettings, ServerSettings

PATCHED = "vigie_device_last_patch_timestamp_seconds"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return bundled_catalogue()


def shown(families: str, catalogue: Catalogue) -> set[str]:
    settings = ServerSettings(metrics=MetricsSettings(families=families))
    lines = device_lines(settings, catalogue, now=clock.utc_now)
    device = Device("d1", "les-lilas", "standard", "linux", DeviceState.ACTIVE)
    lines.put(DeviceView(device, {}, {PATCHED: 1.0}))
    told = {name for name, _ in samples_of(text_of(lines.gather()))}
    return told - {family.name for family in SITE_FAMILIES}


def test_families_are_named_all_or_none(catalogue: Catalogue) -> None:
    two = shown(f" vigie_device_info, {PATCHED},", catalogue)

    assert {PATCHED, "vigie_device_info"} < shown("all", catalogue)
    assert two == {"vigie_device_info", PATCHED}
    assert shown("none", catalogue) == set()


def test_a_family_that_does_not_exist_is_refused_with_those_that_do(
    catalogue: Catalogue,
) -> None:
    with pytest.raises(SettingsMalformed) as refused:
        shown("vigie_device_inf,vigie_device_info", catalogue)

    assert "is called vigie_device_inf;" in str(refused.value)
    assert PATCHED in str(refused.value)
