"""Versions in use and ends of support."""

from vigie_grafana import wording
from vigie_grafana.parts import Sheet
from vigie_grafana.shared import HERE, HOST, IN_GROUP, OS, SINCE, VERSION, failing
from vigie_grafana.wording import Words


def draw(sheet: Sheet) -> None:
    sheet.choose_site()
    sheet.choose_group()
    sheet.choose_platform()
    recorded = (
        f'site_platform_os_os_version:vigie_device_info:count{{{HERE}, platform=~"$platform"}}'
    )
    devices = f'vigie_device_info{{{HERE}, platform=~"$platform"}} {IN_GROUP}'
    sheet.bars(
        Words("Versions de système", "Versions of systems"),
        f"topk(20, count by (os, os_version) ({devices}))",
        "{{os}} {{os_version}}",
        about=Words("Nombre d'équipements.", "Number of devices."),
    )
    sheet.bars(
        Words("Versions de l'agent", "Versions of the agent"),
        f"topk(20, count by (agent_version) ({devices}))",
        "{{agent_version}}",
        about=Words("Nombre d'équipements.", "Number of devices."),
    )
    sheet.course(
        Words("Versions de système dans le temps", "Versions of systems over time"),
        (f"sum by (os, os_version) ({recorded})", "{{os}} {{os_version}}"),
        about=Words("Nombre d'équipements, tous groupes.", "Number of devices, of all groups."),
    )
    sheet.course(
        Words("Nombre de versions différentes", "How many versions differ"),
        (
            f"count by (os) (count by (os, os_version) ({recorded}))",
            "{{os}}",
        ),
        about=Words(
            "Un parc homogène en a peu. Les logiciels, version par version, sont dans la console.",
            "A homogeneous fleet has few. Software, version by version, is in the console.",
        ),
    )
    sheet.rows(
        Words("Systèmes et logiciels dépassés", "Systems and software out of date"),
        {"since": failing('"Q03-(os-supported|os-support-horizon|no-obsolete-software)"')},
        {
            "device": wording.DEVICE,
            "hostname": HOST,
            "site": wording.SITE,
            "os": OS,
            "os_version": VERSION,
            "rule": wording.RULE,
            "since": SINCE,
        },
        about=Words("Question 3 du guide.", "Question 3 of the guide."),
        units={"since": "dateTimeAsIso"},
    )
