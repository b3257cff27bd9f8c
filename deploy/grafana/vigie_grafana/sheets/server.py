"""The health of Vigie itself."""

from typing import Final

from vigie_grafana import colours
from vigie_grafana.parts import Sheet
from vigie_grafana.shared import FEW_IS_GOOD, NONE_IS_GOOD, percentiles
from vigie_grafana.wording import Words

WIDE: Final = 3
"""Eight figures in a row."""


def draw(sheet: Sheet) -> None:
    sheet.choose("instance", Words("Serveur", "Server"), "vigie_sessions")
    on = '{instance=~"$instance"}'
    sheet.figure(
        Words("Sessions", "Sessions"),
        f"sum(vigie_sessions{on})",
        about=Words("Équipements connectés maintenant.", "Devices connected now."),
        wide=WIDE,
    )
    sheet.figure(
        Words("Rapports par seconde", "Reports a second"),
        f"sum(rate(vigie_ingest_reports_total{on}[5m]))",
        about=Words("Enregistrés.", "Committed."),
        unit="reqps",
        wide=WIDE,
    )
    sheet.figure(
        Words("Retard du balayage", "Sweeper's delay"),
        f"max(vigie_sweeper_overdue_seconds{on})",
        about=Words(
            "Retard du dernier passage qui rejuge ce que le temps change.",
            "How late the last round was that judges again what time changes.",
        ),
        unit="s",
        steps=((None, colours.GOOD), (300, colours.WARNING), (3600, colours.BAD)),
        wide=WIDE,
    )
    sheet.figure(
        Words("Fin du premier certificat", "First certificate ends"),
        f"min(vigie_certificate_expiry_timestamp_seconds{on}) - time()",
        about=Words("Temps restant.", "Time left."),
        unit="s",
        steps=((None, colours.BAD), (7 * 86400, colours.WARNING), (30 * 86400, colours.GOOD)),
        wide=WIDE,
    )
    sheet.figure(
        Words("Rapports refusés", "Reports refused"),
        f"sum(increase(vigie_ingest_rejected_reports_total{on}[1d]))",
        about=Words("En un jour.", "In a day."),
        steps=FEW_IS_GOOD,
        wide=WIDE,
    )
    sheet.figure(
        Words("Serveur de service", "Leading servers"),
        f"sum(vigie_leading{on})",
        about=Words("Un seul fait le travail planifié.", "One alone does the scheduled work."),
        steps=((None, colours.BAD), (1, colours.GOOD), (2, colours.BAD)),
        wide=WIDE,
    )
    sheet.figure(
        Words("Dernière sauvegarde", "Last backup"),
        f"time() - (max(vigie_backup_last_success_timestamp_seconds{on}) > 0)",
        about=Words(
            "Âge de la dernière sauvegarde de Vigie ; un tiret tant qu'il n'y en a aucune.",
            "Age of Vigie's last backup; a dash while there is none.",
        ),
        unit="s",
        steps=((None, colours.GOOD), (2 * 86400, colours.WARNING), (8 * 86400, colours.BAD)),
        wide=WIDE,
    )
    sheet.figure(
        Words("Sauvegardes échouées", "Failed backups"),
        f"sum(increase(vigie_backup_failures_total{on}[7d]))",
        about=Words(
            "Sur sept jours ; le journal du serveur dit pourquoi.",
            "In seven days; the server's log says why.",
        ),
        steps=NONE_IS_GOOD,
        wide=WIDE,
    )
    sheet.course(
        Words("Ce qui arrive", "What arrives"),
        (
            f"sum(rate(vigie_ingest_reports_total{on}[5m]))",
            sheet.say(Words("rapports", "reports")),
        ),
        (
            f"sum(rate(vigie_ingest_heartbeats_total{on}[5m]))",
            sheet.say(Words("signes de vie", "heartbeats")),
        ),
        (
            f"sum(rate(vigie_ingest_repeated_reports_total{on}[5m]))",
            sheet.say(Words("répétés", "repeated")),
        ),
        about=Words("Par seconde.", "A second."),
        unit="reqps",
    )
    sheet.course(
        Words("Durée d'un enregistrement", "Time of a commit"),
        *percentiles("vigie_commit_seconds", on),
        about=Words("Centiles.", "Percentiles."),
        unit="s",
    )
    sheet.course(
        Words("Durée d'un jugement", "Time of judging"),
        *percentiles("vigie_judge_seconds", on),
        about=Words("Par rapport reçu.", "For each report."),
        unit="s",
    )
    sheet.course(
        Words("Processeur et mémoire", "Processor and memory"),
        (f"rate(process_cpu_seconds_total{on}[5m])", "{{instance}} CPU"),
        about=Words("Cœurs occupés.", "Cores busy."),
    )
    sheet.course(
        Words("Mémoire", "Memory"),
        (f"process_resident_memory_bytes{on}", "{{instance}}"),
        about=Words("Mémoire résidente.", "Resident memory."),
        unit="bytes",
    )
    sheet.course(
        Words("Avis envoyés", "Notices sent"),
        (
            f"sum by (kind, outcome) (rate(vigie_notifications_total{on}[1h])) * 3600",
            "{{kind}} {{outcome}}",
        ),
        about=Words("Par heure ; vide tant qu'aucun avis n'est réglé.", "An hour."),
    )
