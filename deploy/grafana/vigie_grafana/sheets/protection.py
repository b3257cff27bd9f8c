"""Age of signatures, patches and backups (questions 2, 3 and 4)."""

from vigie_grafana import wording
from vigie_grafana.parts import Sheet
from vigie_grafana.shared import CHOSEN, FEW_IS_GOOD, HERE, HOST, SINCE, failing
from vigie_grafana.wording import Words


def draw(sheet: Sheet) -> None:
    sheet.choose_site()
    sheet.choose_group()
    sheet.choose_platform()
    ages = (
        (
            "vigie_device_antivirus_signature_timestamp_seconds",
            3,
            Words("Signatures de plus de 3 jours", "Signatures older than 3 days"),
            Words("Âge des signatures de l'antivirus", "Age of antivirus signatures"),
        ),
        (
            "vigie_device_last_patch_timestamp_seconds",
            35,
            Words("Sans correctif depuis 35 jours", "No patch for 35 days"),
            Words("Âge du dernier correctif", "Age of the last patch"),
        ),
        (
            "vigie_device_last_backup_timestamp_seconds",
            7,
            Words("Sans sauvegarde depuis 7 jours", "No backup for 7 days"),
            Words("Âge de la dernière sauvegarde", "Age of the last backup"),
        ),
    )
    for metric, days, old, _ in ages:
        sheet.figure(
            old,
            f"count(time() - {metric}{{{HERE}}} > {days} * 86400 {CHOSEN}) or vector(0)",
            about=Words(
                "Équipements ; les seuils de l'établissement peuvent différer.",
                "Devices; the site's own limits may differ.",
            ),
            steps=FEW_IS_GOOD,
            wide=8,
        )
    for metric, _, _, age in ages:
        recorded = f"site:{metric}:age"
        sheet.course(
            age,
            (
                f"quantile(0.5, {recorded}_median{{{HERE}}})",
                sheet.say(Words("médiane", "median")),
            ),
            (f"max({recorded}_p95{{{HERE}}})", "95 %"),
            (f"max({recorded}_max{{{HERE}}})", sheet.say(Words("le plus ancien", "oldest"))),
            about=Words(
                "Médiane des établissements ; 95e centile de celui qui a le plus de retard ; "
                "maximum. Tous les groupes.",
                "Median of sites; 95th percentile of the one furthest behind; maximum. All groups.",
            ),
            unit="s",
            wide=8,
        )
    sheet.rows(
        Words("Règles en échec", "Rules that fail"),
        {"since": failing('"Q0[234]-.*"')},
        {
            "device": wording.DEVICE,
            "hostname": HOST,
            "site": wording.SITE,
            "rule": wording.RULE,
            "since": SINCE,
        },
        about=Words(
            "Sauvegardes, mises à jour, antivirus : questions 2, 3 et 4.",
            "Backups, updates, antivirus: questions 2, 3 and 4.",
        ),
        units={"since": "dateTimeAsIso"},
    )
