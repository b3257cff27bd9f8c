"""What a running agent holds in memory: only what its work takes, and no longer than it takes."""

import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from fakes.authority import Authority
from vigie_agent.domain.identity import Issued
from vigie_agent.identity.files import IdentityFiles
from vigie_agent.identity.protection import FileModes
from vigie_agent.memory import give_back

NOT_NEEDED = {
    "cryptography": "a certificate is renewed once in a month",
    "pydantic": "a dozen settings are read without it",
    "osquery": "the embedded engine answers",
    "thrift": "the embedded engine answers",
}

WHEN_BUILT = """
import json, sys
sys.modules["rich"] = None  # the server's; structlog takes it where it is installed
from vigie_agent.bootstrap.agent import build_agent
from vigie_agent.settings import load_settings
with build_agent(load_settings()):
    json.dump([name for name, module in sys.modules.items() if module], sys.stdout)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the embedded engine is Linux's")
def test_a_running_agent_loads_no_library_that_it_seldom_needs(tmp_path: Path) -> None:
    keys = IdentityFiles(tmp_path / "identity", FileModes())
    key = keys.new_key()
    authority = Authority()
    certificate = authority.device_certificate(keys.signing_request(key), "device-1")
    keys.save(Issued("device-1", (certificate,), (authority.der,), ("vigie:8443",), ()), key)

    ran = subprocess.run(
        [sys.executable, "-c", WHEN_BUILT],
        env=os.environ
        | {"VIGIE_AGENT_DATA_DIR": str(tmp_path), "VIGIE_AGENT_ENGINE__KIND": "embedded"},
        stdout=subprocess.PIPE,
        timeout=40,
        check=True,
    )

    loaded = {name.partition(".")[0] for name in json.loads(ran.stdout)}
    assert "grpc" in loaded
    assert loaded & NOT_NEEDED.keys() == set()


def test_what_a_collection_took_is_freed_after_it() -> None:
    class Node:
        """Refers to itself, so that only a collection of garbage frees it."""

    node = Node()
    node.itself = node  # type: ignore[attr-defined]
    freed: list[bool] = []
    weakref.finalize(node, freed.append, True)
    gc.disable()
    try:
        del node
        assert not freed
        give_back()
    finally:
        gc.enable()

    assert freed


ONCE_LOADED = """
import gc
from vigie_agent.memory import modules_load
before = gc.get_freeze_count()
with modules_load():
    inside = gc.isenabled()
    import decimal
first = gc.get_freeze_count()
with modules_load():
    kept = [[] for _ in range(1000)]
print(before, inside, first > 1000, gc.get_freeze_count() < first + 1000, gc.isenabled())
"""


def test_what_a_command_loads_is_not_looked_at_again_and_what_comes_later_is() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ONCE_LOADED],
        capture_output=True,
        text=True,
        timeout=40,
        check=True,
    )

    assert ran.stdout.split() == ["0", "False", "True", "True", "True"]
