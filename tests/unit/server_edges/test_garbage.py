"""When garbage is looked for."""

import gc
import subprocess
import sys

import pytest

from vigie_server.garbage import not_looked_for


def test_garbage_waits_while_modules_load_and_no_longer() -> None:
    with not_looked_for():
        inside = gc.isenabled()

    assert not inside
    assert gc.isenabled()


def test_garbage_is_looked_for_again_when_loading_failed() -> None:
    with pytest.raises(ImportError), not_looked_for():
        raise ImportError

    assert gc.isenabled()


def test_who_had_turned_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with not_looked_for():
            pass

        assert not gc.isenabled()
    finally:
        gc.enable()


ONCE_LOADED = """
import gc
from vigie_server.garbage import not_looked_for
before = gc.get_freeze_count()
with not_looked_for():
    import decimal
first = gc.get_freeze_count()
with not_looked_for():
    kept = [[] for _ in range(1000)]
print(before, first > 1000, gc.get_freeze_count() < first + 1000)
"""


def test_what_a_process_loads_first_is_not_looked_at_again_and_what_comes_later_is() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ONCE_LOADED],
        capture_output=True,
        text=True,
        timeout=40,
        check=True,
    )

    assert ran.stdout.split() == ["0", "True", "True"]


LOADED = """
import gc, weakref
from vigie_server.garbage import look_past_what_lives
class Kept: pass
kept = [Kept() for _ in range(1000)]
ring = Kept(); ring.ring = ring; gone = weakref.ref(ring); del ring
look_past_what_lives()
looked_at = any(one is kept[7] for one in gc.get_objects())
dropped = weakref.ref(kept[7]); del kept[7]
print(gone() is None, looked_at, dropped() is None)
"""


def test_what_a_process_has_read_is_not_looked_at_again_and_goes_when_it_is_dropped() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=40, check=True
    )

    # get_objects lists what looks go through.
    assert ran.stdout.split() == ["True", "False", "True"]
