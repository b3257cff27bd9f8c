"""The workflow for Windows and macOS names what there is, and runs nothing that is not pinned."""

import re
from typing import Any

import yaml

from vigie_packaging.release import ROOT

TEXT = (ROOT / ".github" / "workflows" / "packages.yml").read_text(encoding="utf-8")


def jobs() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(TEXT)["jobs"]
    return told


def steps() -> list[dict[str, Any]]:
    return [step for job in jobs().values() for step in job["steps"]]


def test_actions_are_of_one_publisher_and_pinned_to_a_major_version() -> None:
    used = {step["uses"] for step in steps() if "uses" in step}

    assert used
    assert [name for name in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", name)] == []


def test_it_needs_no_secret_and_may_only_read() -> None:
    assert "secrets." not in TEXT
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}


def test_every_file_that_it_runs_is_there() -> None:
    words = " ".join(str(step.get("run", "")) for step in steps()).replace("\\", "/")
    named = set(re.findall(r"(?:deploy|requirements)/[\w/.-]+\w", words))

    assert "deploy/agent/windows/try-on-windows.ps1" in named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_job_waits_for_those_whose_work_it_takes() -> None:
    for name, job in jobs().items():
        taken = {
            step["with"]["name"]
            for step in job["steps"]
            if "download-artifact" in step.get("uses", "")
        }
        needed = job.get("needs", [])
        given = {
            step["with"]["name"]
            for other in ([needed] if isinstance(needed, str) else needed)
            for step in jobs()[other]["steps"]
            if "upload-artifact" in step.get("uses", "")
        }
        assert taken <= given, name
