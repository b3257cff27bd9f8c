"""The example reports of `docs/report.md`: recorded devices report to a running server, people act.

    PYTHONPATH=tests .venv/bin/python -m example_report FOLDER

writes the reports of a facility, its body and its region in both languages and forms, and pictures
of the PDF's pages by `pdftoppm`, where there is one. Names and people are made up.
"""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from fakes.facility import SITE, Facility, facility
from vigie_server.bootstrap.reports import reports_of
from vigie_server.bundled import bundled_site_guide
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.facility_report.content import Making
from vigie_server.domain.facility_report.trends import period_until
from vigie_server.ports.reporting import Format, Wanted
from vigie_server.services.make_reports import MakeReports
from vigie_server.simulator.enrolling import FleetRefused
from vigie_server.store.administration import Administration

BODY: Final = "Association Les Fleurs"
REGION: Final = "84"
DEVICES: Final = (
    *[("windows", "compliant")] * 5,
    *[("windows", "neglected")] * 2,
    ("windows", "english"),
    ("windows", "domain-joined"),
    ("linux", "compliant"),
    ("linux", "neglected"),
    ("darwin", "compliant"),
    ("darwin", "neglected"),
)
AT_FIRST: Final = (
    "Q06-professional-internet",
    "Q11-logging-study",
    "Q12-risk-analysis",
    "Q12-alert-procedure",
    "Q13-contract-requirements",
)
TRIES: Final = 20
LATER: Final = (
    "Q02-backup-and-retention-policy",
    "Q10-formal-information",
    "Q10-regular-reminders",
    "Q10-training-programme",
    "Q12-risk-method",
    "Q12-risk-map",
    "Q07-mssante",
    "Q07-upstream-antivirus",
    "Q05-account-lifecycle-procedure",
)


async def lived(site: Facility) -> None:
    """Two months of a facility."""
    await site.declare(body=BODY, region=REGION, finess="690781810", declared_devices=15)
    await site.enrol(DEVICES)
    for item in AT_FIRST:
        await site.attest(item, document="DOC-2026-014")
    await site.attest("Q09-no-local-data", outcome="not_held")
    await site.until(13, lambda question: question["level"] == 1)
    names = list(site.devices)
    await later(site, timedelta(days=45), names[:-1])  # the last one is silent from here on
    await site.until(1, lambda question: question["level"] is not None)
    for item in LATER:
        await site.attest(item, document="Qualité / PR-07")
    await site.attest("Q10-charter-signed", value=100, document="Registre RH")
    await site.attest("Q02-restore-test", document="PV de restauration", author="M. Ledoux (DSI)")
    await site.attest(
        "Q06-wifi-access-points",
        outcome="not_applicable",
        reason="aucune borne Wi-Fi dans l'établissement",
    )
    await site.until(12, lambda question: question["level"] == 2)
    await later(site, timedelta(days=20), names[:-1])
    ids = await site.ids()
    Administration(site.running.server.database).declare_state(
        ids[names[6]], DeviceState.LOST, now=site.clock(), actor="example"
    )
    for text in (
        "Courriel d'hameçonnage signalé par l'accueil",
        "Compte bloqué, mot de passe changé",
    ):
        await site.of_site("/incidents", "POST", json={"person": "M. Ledoux", "text": text})
    rule = "Q09-usb-storage-blocked"
    await site.until_verdict(names[5], rule, lambda verdict: verdict["status"] == "fail")
    await site.of_site(
        "/waivers",
        "POST",
        json={
            "rule": rule,
            "devices": [ids[names[5]]],
            "reason": "lecteur de cartes du logiciel de soins, remplacement en mars",
            "author": "M. Ledoux",
            "approver": "C. Direction",
        },
    )
    await site.until_verdict(names[5], rule, lambda verdict: verdict["waived"])
    await site.until_rule("Q01-coverage", "fail", "12 of 15")


async def later(site: Facility, by: timedelta, names: Sequence[str]) -> None:
    """Time passes and these devices report, again where the sweep was at them in that moment."""
    site.clock.ahead += by
    for name in names:
        for _ in range(TRIES):
            with suppress(FleetRefused):
                await site.report(name)
                break


def written(site: Facility, folder: Path) -> None:
    """Every report, into the folder."""
    server = site.running.server
    reports = reports_of(
        server.settings, server.database, site.catalogue, bundled_site_guide(site.catalogue)
    )
    for language in ("fr", "en"):
        for form in Format:
            _written(reports, site, folder, language, form)


def _written(
    reports: MakeReports, site: Facility, folder: Path, language: str, form: Format
) -> None:
    now = site.clock()
    wanted = Wanted(form, language, period_until(now), Making(now, "C. Direction", "0.1.0"))
    for name, content in (
        ("site", reports.of_site(SITE, wanted)),
        ("body", reports.of_body(BODY, None, wanted)),
        ("region", reports.of_region(REGION, None, wanted)),
    ):
        (folder / f"{name}-{language}.{form}").write_bytes(content)


async def main(folder: Path) -> None:
    """Lives through the months and writes what they come to."""
    with TemporaryDirectory() as data:
        async with facility(Path(data)) as site:
            await lived(site)
            await asyncio.to_thread(written, site, folder)


def pictured(folder: Path) -> None:
    """The pages of the PDFs, as pictures."""
    drawer = shutil.which("pdftoppm")
    for pdf in sorted(folder.glob("*.pdf")) if drawer else []:
        subprocess.run([str(drawer), "-r", "60", "-png", pdf, pdf.with_suffix("")], check=True)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
    pictured(target)
