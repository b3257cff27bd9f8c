"""Settings for every test: Hypothesis profiles, and an environment without settings of ours."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "vigie", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.register_profile("ci", parent=settings.get_profile("vigie"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "vigie")

_OURS = ("VIGIE_AGENT_", "VIGIE_SERVER_")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from the test, never from the shell that runs it."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        monkeypatch.delenv(name)
