"""The Ansible role, run on a clean Debian by Ansible's own ssh, behind which stands a chroot.

With a package that is another one, as a check of what would be done, in earnest, again; then the
removal.
"""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from clean_root import CleanRoot
from components import required_program
from programs import ServerProgram
from vigie_packaging.release import ROOT

pytestmark = pytest.mark.timeout(600)

ROLES = ROOT / "deploy" / "ansible" / "roles"
SSH = """#!/bin/sh
# The last word is the command; what comes before says how to reach a machine.
for command; do :; done
exec {inside} sh -c "$command"
"""
TOKEN = "etc/vigie/enrolment-token"
IDENTITY = "var/lib/vigie-agent/identity/identity.json"


@pytest.fixture
def playing(root: CleanRoot, tmp_path: Path) -> dict[str, str]:
    """The environment in which Ansible reaches the root, which has Python and apt as Debian has."""
    required_program("ansible-playbook")
    root.add(tmp_path / "debs", "python3", "python3-apt", "apt")
    ssh = tmp_path / "ssh"
    words = (part.replace('"', '\\"').replace("$", "\\$") for part in root.inside())
    ssh.write_text(SSH.format(inside=" ".join(f'"{word}"' for word in words)))
    ssh.chmod(0o755)
    return {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(tmp_path),
        "ANSIBLE_ROLES_PATH": str(ROLES),
        "ANSIBLE_SSH_EXECUTABLE": str(ssh),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_SSH_TRANSFER_METHOD": "piped",
        "ANSIBLE_NOCOLOR": "true",
    }


def sha256_of(package: Path) -> str:
    return hashlib.sha256(package.read_bytes()).hexdigest()


def play(
    playing: dict[str, str], folder: Path, *options: str, **variables: object
) -> tuple[dict[str, int], str]:
    """Runs the role; Ansible's counts, and all that it said."""
    playbook = folder / "playbook.yml"
    tasks = [{"hosts": "all", "gather_subset": ["!all"], "roles": ["vigie_agent"]}]
    playbook.write_text(json.dumps(tasks))
    given = folder / "variables.json"
    python = {"ansible_python_interpreter": "/usr/bin/python3"}
    given.write_text(json.dumps(python | variables))
    done = subprocess.run(
        ["ansible-playbook", "-i", "device,", "-e", f"@{given}", *options, str(playbook)],
        env=playing,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    (recap,) = re.findall(r"^device +: (.+)$", done.stdout, re.MULTILINE)
    counts = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", recap)}
    return counts, done.stdout


async def test_the_role_installs_enrols_changes_nothing_again_and_removes(
    deb: Path, root: CleanRoot, playing: dict[str, str], server: ServerProgram, tmp_path: Path
) -> None:
    token = (await server.command("token", "create", "--site", "les-lilas")).strip()
    before = root.holding()
    wanted = {
        "vigie_agent_file": str(deb),
        "vigie_agent_sha256": sha256_of(deb),
        "vigie_agent_token": token,
        "vigie_agent_settings": {"live_questions": False, "engine": {"kind": "embedded"}},
    }

    with pytest.raises(AssertionError, match="its SHA-256 is another one"):
        play(playing, tmp_path, **wanted | {"vigie_agent_sha256": "0" * 64})
    assert root.holding() == before

    foreseen, said = play(playing, tmp_path, "--check", **wanted)

    assert foreseen["changed"] >= 3, said
    assert root.holding() == before

    done, said = play(playing, tmp_path, **wanted)

    assert done["changed"] >= foreseen["changed"]
    assert token not in said
    assert (root.folder / IDENTITY).exists()
    assert not (root.folder / TOKEN).exists()
    assert json.loads(root.run("vigie-agent", "status", "--json"))["enrolled"] is True
    assert 'kind = "embedded"' in (root.folder / "etc" / "vigie" / "agent.toml").read_text()

    again, said = play(playing, tmp_path, **wanted)

    assert again["changed"] == 0, said

    play(playing, tmp_path, vigie_agent_state="absent")

    assert not (root.folder / IDENTITY).parent.parent.exists()
    assert not {name for name in root.holding() - before if "vigie" in name}


def test_the_example_playbook_is_sound() -> None:
    required_program("ansible-playbook")
    example = ROLES.parent / "playbook.yml"

    done = subprocess.run(
        ["ansible-playbook", "--syntax-check", "-i", "device,", str(example)],
        cwd=ROLES.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
