"""The agent as PyInstaller builds it: whole, small, the same each time, and as the source reads."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components import required_program
from programs import BIN
from vigie_packaging.bundle import build_bundle, digest, size
from vigie_packaging.release import release

pytestmark = pytest.mark.timeout(400)

LARGEST = 70_000_000
LONGEST_START = 0.5
"""Seconds of one core: others use the machine that tests, and the clock would tell of them."""
BARE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
ROUNDS = 4
APART = ("unshare", "--net") if os.geteuid() == 0 else ()
"""A network without the programs of other tests, which listen and go."""


def said(*command: str | Path, codes: frozenset[int] = frozenset({0})) -> str:
    ran = subprocess.run(
        [str(part) for part in command],
        env=BARE | {"VIGIE_AGENT_ENGINE__KIND": "embedded"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode in codes, ran.stdout + ran.stderr
    return ran.stdout


def collected(program: Path, topics: set[str]) -> dict[str, dict[str, Any]]:
    """What `check` says of these topics, or of all: all but what it cost."""
    named = [part for topic in sorted(topics) for part in ("--topic", topic)]
    answers = json.loads(said(*APART, program, "check", "--json", *named, codes=frozenset({0, 4})))
    cost = {"wall_seconds", "cpu_seconds"}
    return {
        answer["topic"]: {name: told for name, told in answer.items() if name not in cost}
        for answer in answers
    }


def test_every_part_of_the_built_agent_works(bundle: Path) -> None:
    lines = said(bundle / "vigie-agent", "selftest").splitlines()

    assert len(lines) == 8
    assert [line for line in lines if not line.startswith("ok  ")] == []


def test_an_agent_with_a_file_left_out_says_that_it_is_not_whole(
    bundle: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", bundle, copy], check=True)
    (copy / "_internal" / "vigie_agent" / "topics" / "firewall.yaml").unlink()
    subprocess.run(["rm", "-r", copy / "_internal" / "cryptography"], check=True)

    lines = said(copy / "vigie-agent", "selftest", codes=frozenset({1})).splitlines()

    broken = {line.split()[1] for line in lines if line.startswith("!!  ")}
    assert broken == {"modules:", "packs:", "identity:", "link:"}


def test_the_built_agent_collects_what_the_source_collects(bundle: Path) -> None:
    differing: set[str] = set()
    for _ in range(ROUNDS):  # this machine is used by others: what moved is asked again
        built = collected(bundle / "vigie-agent", differing)
        source = collected(BIN / "vigie-agent", differing)
        assert built.keys() == source.keys()
        differing = {topic for topic in built if built[topic] != source[topic]}
        if not differing:
            break

    assert {topic: (built[topic], source[topic]) for topic in sorted(differing)} == {}


def test_the_built_agent_keeps_to_its_size_and_its_start(bundle: Path) -> None:
    worked = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said(bundle / "vigie-agent", "version")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        worked.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    told = f"`version` in {min(worked):.2f} s of one core"
    print(f"\nbuilt agent: {size(bundle) / 1e6:.1f} MB, {told}")
    assert size(bundle) <= LARGEST
    assert min(worked) <= LONGEST_START


def test_the_built_agent_says_what_it_is_made_of(bundle: Path) -> None:
    bill = json.loads((bundle / "share" / "sbom.cdx.json").read_text(encoding="utf-8"))

    names = {part["name"] for part in bill["components"]}
    texts = {folder.name for folder in (bundle / "share" / "licences").iterdir()}
    assert bill["metadata"]["component"]["version"] == release().version
    assert {"cpython", "grpcio", "cryptography", "apsw", "thrift", "libssl3"} <= names
    assert texts == names
    assert all(list(folder.iterdir()) for folder in (bundle / "share" / "licences").iterdir())


def test_no_path_of_the_machine_that_built_it_is_inside(bundle: Path) -> None:
    here = str(Path(__file__).parents[2]).encode()

    assert [
        path for path in bundle.rglob("*") if path.is_file() and here in path.read_bytes()
    ] == []


def test_libraries_look_for_others_in_no_folder_of_the_builder(bundle: Path) -> None:
    readelf = required_program("readelf")
    libraries = [path for path in bundle.rglob("*.so*") if path.is_file()]

    told = said(readelf, "--dynamic", bundle / "vigie-agent", *libraries)

    paths = re.findall(r"(?:RPATH|RUNPATH).*\[(.*)\]", told)
    assert len(libraries) > 40
    assert [path for path in paths if path and not path.startswith("$ORIGIN")] == []


def test_the_same_source_builds_the_same_agent(bundle: Path, tmp_path: Path) -> None:
    again = build_bundle(tmp_path, release())

    assert digest(again) == digest(bundle), sys.version
