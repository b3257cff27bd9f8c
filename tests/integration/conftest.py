"""What the suites of this folder share: the stores that their servers are on."""

from pathlib import Path

import pytest

from fakes.postgres import postgres_url
from fakes.stored import STORES, opened_store


@pytest.fixture(params=STORES)
def each_store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_settings_from_outside: None,  # noqa: ARG001 (this setting is the test's)
) -> str:
    """Servers of the test, in this process and in others, are on this kind of store, empty."""
    kind: str = request.param
    if kind == "postgres":
        with opened_store(kind, tmp_path):
            monkeypatch.setenv("VIGIE_SERVER_STORE__URL", postgres_url())
    return kind
