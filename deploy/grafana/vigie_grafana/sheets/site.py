"""One site: its levels, its rules, its attestations."""

from vigie_grafana import wording
from vigie_grafana.parts import Sheet
from vigie_grafana.shared import HERE, counted
from vigie_grafana.wording import Words


def draw(sheet: Sheet) -> None:
    sheet.choose_site(several=False)
    sheet.choose_platform()
    sheet.choose_severity()
    sheet.levels(
        Words("Niveau de maturité par question", "Maturity level by question"),
        f"vigie_site_maturity_level{{{HERE}}}",
        about=Words("De N0 à N4, par question du guide.", "N0 to N4, by question of the guide."),
    )
    sheet.course(
        Words("Niveaux dans le temps", "Levels over time"),
        (f"vigie_site_maturity_level{{{HERE}}}", "Q{{question}}"),
        about=Words("Le niveau de chaque question.", "The level of each question."),
        most=4,
    )
    sheet.course(
        Words("Équipements par état", "Devices by state"),
        (f"sum by (state) (vigie_site_devices{{{HERE}}})", "{{state}}"),
        about=Words("Actifs, en attente, perdus, retirés…", "Active, pending, lost, retired…"),
    )
    sheet.rows(
        Words("Règles en échec", "Rules that fail"),
        {
            "fail": f"{counted('fail')} > 0",
            "pass": counted("pass"),
        },
        {
            "rule": wording.RULE,
            "fail": Words("En échec", "Failing"),
            "pass": Words("Conformes", "Passing"),
        },
        about=Words("Équipements en échec et conformes.", "Devices failing and passing."),
        wide=12,
    )
    sheet.rows(
        Words("Ce qui est inconnu", "What is unknown"),
        {"unknown": f"{counted('unknown')} > 0"},
        {"rule": wording.RULE, "unknown": Words("Équipements", "Devices")},
        about=Words(
            "Règles qui n'ont pu être jugées : la console dit pourquoi.",
            "Rules that could not be judged: the console says why.",
        ),
        wide=12,
    )
    sheet.rows(
        Words("Règles de l'établissement en échec", "Rules of the site that fail"),
        {"value": f"vigie_site_rule_compliant{{{HERE}}} == 0"},
        {"rule": wording.RULE, "site": wording.SITE},
        about=Words(
            "Jugées sur l'établissement entier : couverture, inventaires relus…",
            "Judged over the whole site: coverage, inventories reviewed…",
        ),
        wide=12,
    )
    sheet.rows(
        Words("Attestations par échéance", "Attestations by expiry"),
        {"expiry": f"sort(vigie_site_attestation_expiry_timestamp_seconds{{{HERE}}} * 1000)"},
        {"item": Words("Attestation", "Attestation"), "expiry": Words("Expire", "Expires")},
        about=Words("Les plus proches d'abord.", "The nearest first."),
        units={"expiry": "dateTimeAsIso"},
        wide=12,
    )
