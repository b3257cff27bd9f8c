"""The compose file: what it mounts exists, what it asks for is documented, images are pinned."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import required_program
from vigie_server.settings import ServerSettings

COMPOSE = Path(__file__).parents[2] / "deploy" / "compose"
MADE_BY_HAND = {"secrets", "secrets/smtp-password"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


def test_everything_that_is_mounted_is_there_or_a_volume(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith("."):
                inside = source.removeprefix("./")
                assert inside in MADE_BY_HAND or (COMPOSE / source).exists(), mount
            else:
                assert source in compose["volumes"], mount


def test_every_image_has_a_version(compose: dict[str, Any]) -> None:
    images = [s["image"] for s in compose["services"].values() if "build" not in s]

    assert images
    assert all(re.search(r":v?\d+(\.\d+)*$", image) for image in images)


def test_what_has_to_be_given_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", (COMPOSE / "compose.yaml").read_text()))
    given = set(re.findall(r"^([A-Z_]+)=", (COMPOSE / "env.example").read_text(), re.MULTILINE))

    assert asked == given


def test_the_servers_settings_are_settings(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in compose["services"]["server"]["environment"]:
        value = {"VIGIE_SERVER_STORE__URL": "postgresql+psycopg://vigie:x@postgres/vigie"}
        monkeypatch.setenv(name, value.get(name, "vigie.example.org,localhost"))

    settings = ServerSettings()

    assert settings.names == ("vigie.example.org", "localhost")


def test_promtool_takes_the_configuration(tmp_path: Path) -> None:
    text = (COMPOSE / "prometheus.yml").read_text(encoding="utf-8")
    for name in ("https.crt", "scrape-token"):
        (tmp_path / name).touch()
    rules = COMPOSE.parent / "prometheus" / "rules"
    written = tmp_path / "prometheus.yml"
    written.write_text(
        text.replace("/etc/prometheus/rules", str(rules)).replace(
            "/etc/prometheus/secrets", str(tmp_path)
        )
    )

    ended = subprocess.run(
        [required_program("promtool"), "check", "config", "--syntax-only", str(written)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
