"""What we ask of gRPC's core by its environment, which it reads once, when it is loaded."""

import os
import subprocess
import sys

import pytest

LOADS = """
import importlib, os, sys
class Told:
    def find_spec(self, name, path=None, target=None):
        if name == "grpc._cython":
            print(os.environ.get("GRPC_VERBOSITY"))
sys.meta_path.insert(0, Told())
importlib.import_module(sys.argv[1])
"""
PROGRAMS = pytest.mark.parametrize(
    "program", ["vigie_server.cli.serve", "vigie_server.simulator.command"]
)


def _verbosity(program: str, **environment: str) -> str:
    """What gRPC finds when a program loads it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    done = subprocess.run(
        [sys.executable, "-c", LOADS, program],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@PROGRAMS
def test_lines_of_grpc_are_left_out_before_it_is_loaded(program: str) -> None:
    assert _verbosity(program) == "NONE"


@PROGRAMS
def test_who_runs_a_program_may_want_them(program: str) -> None:
    assert _verbosity(program, GRPC_VERBOSITY="ERROR") == "ERROR"
