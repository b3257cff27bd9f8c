"""All sites at once: levels, what fails most, which devices are most at risk."""

from vigie_grafana import wording
from vigie_grafana.parts import Sheet
from vigie_grafana.shared import (
    CHOSEN,
    FEW_IS_GOOD,
    HERE,
    HOST,
    INFO,
    NONE_IS_GOOD,
    RATE_STEPS,
    SEEN,
    SILENT_DAYS,
    counted,
)
from vigie_grafana.wording import Words


def draw(sheet: Sheet) -> None:
    sheet.choose_site()
    sheet.choose_group()
    sheet.choose_platform()
    sheet.choose_severity()
    sheet.figure(
        Words("Équipements suivis", "Devices watched"),
        f'sum(vigie_site_devices{{{HERE}, state="active"}})',
        about=Words("Équipements actifs des établissements choisis.", "Active devices."),
    )
    sheet.figure(
        Words("Conformes", "Compliant"),
        f"avg(vigie_device_compliant{{{HERE}}} {CHOSEN})",
        about=Words(
            "Part des équipements sans règle critique ou majeure en échec ou inconnue.",
            "Share of devices on which no critical or major rule fails or is unknown.",
        ),
        unit="percentunit",
        steps=RATE_STEPS,
    )
    sheet.figure(
        Words("Règles respectées", "Rules met"),
        f"avg(vigie_device_compliance_ratio{{{HERE}}} {CHOSEN})",
        about=Words(
            "Moyenne, par équipement, des règles respectées.", "Average over devices of rules met."
        ),
        unit="percentunit",
        steps=RATE_STEPS,
    )
    sheet.figure(
        Words("Échecs critiques", "Critical failures"),
        f'sum(vigie_site_rule_devices{{{HERE}, status="fail", '
        f'rule=~"{_rules_of(sheet, "critical")}"}})',
        about=Words(
            "Règles critiques en échec, équipement par équipement.",
            "Critical rules that fail, counted device by device.",
        ),
        steps=NONE_IS_GOOD,
    )
    sheet.figure(
        Words("Silencieux", "Silent"),
        f"count(time() - {SEEN}{{{HERE}}} > {SILENT_DAYS} * 86400 {CHOSEN}) or vector(0)",
        about=Words(
            f"Équipements sans contact depuis {SILENT_DAYS} jours.",
            f"Devices not heard from for {SILENT_DAYS} days.",
        ),
        steps=FEW_IS_GOOD,
    )
    sheet.figure(
        Words("Nomades", "Nomadic"),
        f"sum(vigie_device_nomadic{{{HERE}}} {CHOSEN})",
        about=Words(
            "Portables vus hors de leur établissement ces 30 derniers jours.",
            "Laptops seen off their site in the last 30 days.",
        ),
    )
    sheet.levels(
        Words("Niveau de maturité par question", "Maturity level by question"),
        f"vigie_site_maturity_level{{{HERE}}}",
        about=Words(
            "Une ligne par établissement, une colonne par question du guide. Une case vide : la "
            "question n'est pas encore évaluée.",
            "A row a site, a column a question of the guide. An empty cell: not assessed yet.",
        ),
    )
    sheet.bars(
        Words("Règles le plus souvent en échec", "Rules that fail most"),
        f"topk(15, {counted('fail')} > 0)",
        "{{rule}}",
        about=Words("Nombre d'équipements en échec.", "Number of devices that fail."),
    )
    sheet.course(
        Words("Règles respectées, dans le temps", "Rules met, over time"),
        (f"site:vigie_device_compliance_ratio:avg{{{HERE}}}", "{{site}}"),
        about=Words("Moyenne des équipements de chaque établissement.", "Average of each site."),
        unit="percentunit",
        most=1,
    )
    sheet.rows(
        Words("Équipements les plus exposés", "Devices most at risk"),
        {"failing": f'topk(50, vigie_device_rules{{{HERE}, status="fail"}} > 0 {CHOSEN}) {INFO}'},
        {
            "device": wording.DEVICE,
            "hostname": HOST,
            "site": wording.SITE,
            "platform": wording.PLATFORM,
            "failing": Words("Règles en échec", "Rules failing"),
        },
        about=Words("Les 50 premiers.", "The first 50."),
    )


def _rules_of(sheet: Sheet, severity: str) -> str:
    rules = sheet.catalogue.rules.values()
    return "|".join(sorted(rule.id for rule in rules if rule.severity == severity))
