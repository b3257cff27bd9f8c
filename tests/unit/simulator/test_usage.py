"""What a process uses is read from the system, also once it has ended."""

import os
import subprocess
import sys

import pytest

from vigie_server.domain.errors import NotFound
from vigie_server.simulator.usage import Watched, usage_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")

BUSY = "import sys; sum(range(3_000_000)); print('done', flush=True); sys.stdin.read()"


def test_cpu_and_memory_are_those_that_the_process_used_and_are_known_after_its_end() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        watched = Watched(process.pid)
        process.stdout.readline()
        used = watched.used()
        process.communicate()

    assert 0 < used.cpu_seconds < 60
    assert 1_000_000 < used.resident_bytes <= used.peak_bytes
    assert watched.used() == used


def test_a_process_that_is_not_there_is_named() -> None:
    assert usage_of(os.getpid()).cpu_seconds > 0
    with pytest.raises(NotFound, match="no process 999999999"):
        usage_of(999_999_999)
