"""Alertmanager's configuration as shipped: who is told what, and in which words."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import required_program

KIT = Path(__file__).parents[2] / "deploy" / "alertmanager"
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"
STARTED = "2026-03-01T09:30:00+01:00"


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    text = (KIT / "alertmanager.yml").read_text(encoding="utf-8")
    written = tmp_path / "alertmanager.yml"
    written.write_text(text.replace("/etc/alertmanager/templates", str(KIT / "templates")))
    return written


def amtool(*arguments: str) -> str:
    ended = subprocess.run(
        [required_program("amtool"), *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def shipped_alerts() -> list[dict[str, Any]]:
    return [
        rule
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def test_amtool_finds_nothing_wrong(configuration: Path) -> None:
    assert "SUCCESS" in amtool("check-config", str(configuration))


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=VigieServerDown scope=server severity=critical", "exploitants"),
        ("alertname=VigieCommitsSlow scope=server severity=warning", "exploitants"),
        ("alertname=VigieMissingDeviceReports scope=device severity=critical", "astreinte"),
        ("alertname=VigieFirewallOff scope=device severity=critical site=A", "astreinte"),
        ("alertname=VigieBackupOverdue scope=device severity=warning site=A", "informatique"),
        ("alertname=VigieAttestationExpiring scope=site severity=info site=A", "informatique"),
        ("alertname=OurOwn", "informatique"),
    ],
)
def test_who_is_told(configuration: Path, labels: str, receiver: str) -> None:
    file = f"--config.file={configuration}"
    assert amtool("config", "routes", "test", file, *labels.split()).strip() == receiver


def test_inhibitions_speak_of_alerts_that_there_are() -> None:
    configured = yaml.safe_load((KIT / "alertmanager.yml").read_text(encoding="utf-8"))
    known = {rule["alert"] for rule in shipped_alerts()}

    named = {
        name
        for inhibition in configured["inhibit_rules"]
        for matchers in (inhibition["source_matchers"], inhibition["target_matchers"])
        for matcher in matchers
        if matcher.startswith("alertname")
        for name in matcher.split('"')[1].split("|")
    }

    assert named <= known


def a_message(*statuses: str) -> dict[str, Any]:
    common = {"alertname": "VigieFirewallOff", "site": "Les Tilleuls", "severity": "critical"}
    return {
        "status": "firing" if "firing" in statuses else "resolved",
        "externalURL": "https://alertes.example.org",
        "commonLabels": common | {"question": "6"},
        "groupLabels": {"alertname": "VigieFirewallOff", "site": "Les Tilleuls"},
        "alerts": [
            {
                "status": status,
                "labels": common | {"device": str(number)},
                "annotations": {
                    "summary": f"poste-{number} <b>accueil</b> : pare-feu désactivé",
                    "description": "Un poste voisin infecté peut l'atteindre.",
                    "runbook_url": "docs/runbooks/VigieFirewallOff.md",
                },
                "startsAt": STARTED,
                "endsAt": STARTED,
            }
            for number, status in enumerate(statuses)
        ],
    }


def said(tmp_path: Path, template: str, message: dict[str, Any], kind: str = "text") -> str:
    data = tmp_path / "message.json"
    data.write_text(json.dumps(message))
    return amtool(
        "template",
        "render",
        f"--template.glob={KIT / 'templates' / '*.tmpl'}",
        f'--template.text={{{{ template "{template}" . }}}}',
        f"--template.type={kind}",
        f"--template.data={data}",
    )


def test_one_alert_is_the_subject_and_many_are_counted(tmp_path: Path) -> None:
    one = said(tmp_path, "vigie.fr.objet", a_message("firing"))
    many = said(tmp_path, "vigie.fr.objet", a_message("firing", "firing", "resolved"))
    over = said(tmp_path, "vigie.fr.objet", a_message("resolved"))

    assert one.strip() == "[Vigie] URGENT : poste-0 <b>accueil</b> : pare-feu désactivé"
    assert many.strip() == "[Vigie] URGENT : VigieFirewallOff, 2 alertes (Les Tilleuls)"
    assert over.strip() == "[Vigie] Résolu : poste-0 <b>accueil</b> : pare-feu désactivé"


def test_the_text_says_what_to_do_and_what_was_put_right(tmp_path: Path) -> None:
    text = said(tmp_path, "vigie.fr.texte", a_message("firing", "resolved"))

    assert "Établissement : Les Tilleuls" in text
    assert "Que faire : docs/runbooks/VigieFirewallOff.md" in text
    assert text.index("poste-0") < text.index("Résolu :") < text.index("poste-1")


def test_what_a_device_says_is_text_in_html(tmp_path: Path) -> None:
    page = said(tmp_path, "vigie.fr.html", a_message("firing"), kind="html")

    assert "poste-0 &lt;b&gt;accueil&lt;/b&gt;" in page
    assert '<html lang="fr">' in page
