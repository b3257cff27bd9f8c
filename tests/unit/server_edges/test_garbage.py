"""When garbage is looked for."""

import gc

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
