"""For every test: Hypothesis profiles, an environment without settings of ours, who runs where."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from programs import none_left
from quick_folders import quick_folder
from vigie_server.garbage import look_seldom

settings.register_profile(
    "vigie", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.register_profile("ci", parent=settings.get_profile("vigie"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "vigie")

# Next to nothing is dropped while thousands of tests are collected.
gc.disable()

_OURS = ("VIGIE_AGENT_", "VIGIE_SERVER_")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from the test, never from the shell that runs it."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_program_left() -> Iterator[None]:
    """A test that fails half-way leaves no program running."""
    with none_left():
        yield


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The test's own folder, in memory where it can be; a failed test's stays to be looked at."""
    failed, folder = request.session.testsfailed, quick_folder().resolve()
    yield folder
    if request.session.testsfailed == failed:
        shutil.rmtree(folder, ignore_errors=True)


OF_THIS_MACHINE: Final = frozenset(
    {
        "test_agent_bundle",
        "test_idle_digests",
        "test_machine_changes",
        "test_pack_cost_budget",
        "test_packs_on_this_machine",
        "test_rows_follow_the_machine",
    }
)
"""Files whose tests change this machine, or take it to stand still: one worker runs them all."""

LONGEST: Final = (
    "test_agent_bundle",
    "test_server_package",
    "test_killed_at_any_moment",
    "test_agent_rpm",
    "test_server_rpm",
    "test_agent_deb",
    "test_ansible_role",
    "test_agent_updates",
    "test_replicas_under_fire",
    "test_walk_through_the_guide",
    "test_api_as_described",
    "test_console_in_a_browser",
    "test_every_older_schema",
    "test_simulated_fleet",
    "test_agent_life",
    "test_declaring_api",
    "test_backup_files",
    "test_server_crashes",
    "test_alerts_arrive",
    "test_live_questions",
    "test_server_cli",
    "test_restored_elsewhere",
    "test_backup_and_restore",
    "test_prometheus",
    "test_alert_rules",
    "test_demo",
    "test_monitoring_kit",
    "test_server_enrolment",
)
"""Files that begin first: one that began last would run alone at the end."""


class _FileByFile(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """One worker runs a file from end to end."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "this machine" if PurePath(file).stem in OF_THIS_MACHINE else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return _FileByFile(config, log)


def pytest_collection_finish() -> None:
    """Garbage is not looked for among thousands of tests, again and again."""
    look_seldom()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has the longest files begin first, after pytest-randomly has shuffled all."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
