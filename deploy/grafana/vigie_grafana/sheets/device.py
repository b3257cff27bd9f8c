"""One device and what it lacks."""

from vigie_grafana import colours, wording
from vigie_grafana.parts import Sheet
from vigie_grafana.shared import FAILING, HOST, LAST, OS, RATE_STEPS, SEEN, SINCE, VERSION
from vigie_grafana.wording import Words


def draw(sheet: Sheet) -> None:
    sheet.choose("device", wording.DEVICE, "vigie_device_info", several=False)
    this = 'device="$device"'
    sheet.rows(
        Words("L'équipement", "The device"),
        {"info": f"vigie_device_info{{{this}}}"},
        {
            "device": wording.DEVICE,
            "hostname": HOST,
            "site": wording.SITE,
            "platform": wording.PLATFORM,
            "os": OS,
            "os_version": VERSION,
            "chassis": Words("Type", "Chassis"),
            "profile": Words("Profil", "Profile"),
            "agent_version": Words("Agent", "Agent"),
        },
        about=Words("Ce que l'équipement dit de lui-même.", "What the device says of itself."),
    )
    sheet.figure(
        Words("Conforme", "Compliant"),
        f"vigie_device_compliant{{{this}}}",
        about=Words(
            "1 : aucune règle critique ou majeure en échec ou inconnue.",
            "1: no critical or major rule fails or is unknown.",
        ),
        steps=((None, colours.BAD), (1, colours.GOOD)),
    )
    sheet.figure(
        Words("Règles respectées", "Rules met"),
        f"vigie_device_compliance_ratio{{{this}}}",
        about=Words("Part des règles respectées.", "Share of rules met."),
        unit="percentunit",
        steps=RATE_STEPS,
    )
    sheet.figure(
        LAST,
        f"time() - {SEEN}{{{this}}}",
        about=Words("Temps écoulé.", "Time passed."),
        unit="s",
        steps=((None, colours.GOOD), (86400, colours.WARNING), (7 * 86400, colours.BAD)),
    )
    sheet.figure(
        Words("Nomade", "Nomadic"),
        f"vigie_device_nomadic{{{this}}}",
        about=Words("1 : vu hors site ces 30 jours.", "1: seen off site in the last 30 days."),
    )
    sheet.figure(
        Words("Administrateurs locaux", "Local administrators"),
        f"vigie_device_local_admins{{{this}}}",
        about=Words("Comptes administrateurs.", "Administrator accounts."),
    )
    sheet.figure(
        Words("Écart d'horloge", "Clock skew"),
        f"vigie_device_clock_skew_seconds{{{this}}}",
        about=Words("Horloge de l'équipement moins celle du serveur.", "Device minus server."),
        unit="s",
    )
    sheet.rows(
        Words("Règles en échec", "Rules that fail"),
        {"since": f"{FAILING}{{{this}}} * 1000"},
        {"rule": wording.RULE, "since": SINCE},
        about=Words(
            "Depuis quand. Une règle en échec le reste tant qu'un succès n'a pas duré.",
            "Since when. A failure stays until a pass has lasted.",
        ),
        units={"since": "dateTimeAsIso"},
        wide=12,
    )
    sheet.course(
        Words("Règles par état", "Rules by status"),
        (f"vigie_device_rules{{{this}}}", "{{status}}"),
        about=Words("Réussies, en échec, inconnues…", "Passed, failed, unknown…"),
    )
