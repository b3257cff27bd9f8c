"""Devices that leave the building (question 9)."""

from vigie_grafana import wording
from vigie_grafana.parts import Sheet
from vigie_grafana.shared import (
    CHOSEN,
    FAILING,
    FEW_IS_GOOD,
    HERE,
    HOST,
    NONE_IS_GOOD,
    SEEN,
    SILENT_DAYS,
    SINCE,
    failing,
)
from vigie_grafana.wording import Words


def draw(sheet: Sheet) -> None:
    sheet.choose_site()
    sheet.choose_group()
    sheet.choose_platform()
    nomadic = f"and on (device, site) (vigie_device_nomadic{{{HERE}}} == 1) {CHOSEN}"
    sheet.figure(
        Words("Nomades", "Nomadic devices"),
        f"sum(vigie_device_nomadic{{{HERE}}} {CHOSEN})",
        about=Words("Vus hors site ces 30 jours.", "Seen off site in the last 30 days."),
    )
    sheet.figure(
        Words("Non conformes", "Not compliant"),
        f"count((vigie_device_compliant{{{HERE}}} == 0) {nomadic}) or vector(0)",
        about=Words(
            "Nomades avec une règle critique ou majeure en échec ou inconnue.",
            "Nomadic devices on which a critical or major rule fails or is unknown.",
        ),
        steps=NONE_IS_GOOD,
    )
    sheet.figure(
        Words("Non chiffrés", "Not encrypted"),
        f'count({FAILING}{{{HERE}, rule="Q09-disk-encrypted"}} {CHOSEN}) or vector(0)',
        about=Words("Disque non chiffré.", "Disk not encrypted."),
        steps=NONE_IS_GOOD,
    )
    sheet.figure(
        Words("Sans VPN", "Without a VPN"),
        f'count({FAILING}{{{HERE}, rule=~"Q09-.*vpn.*"}} {CHOSEN}) or vector(0)',
        about=Words("Règles du VPN en échec.", "Rules on the VPN that fail."),
        steps=NONE_IS_GOOD,
    )
    sheet.figure(
        Words("Perdus ou volés", "Lost or stolen"),
        f'sum(vigie_site_devices{{{HERE}, state=~"lost|stolen"}}) or vector(0)',
        about=Words("Déclarés comme tels.", "Declared as such."),
        steps=FEW_IS_GOOD,
    )
    sheet.figure(
        Words("Silencieux", "Silent"),
        f"count((time() - {SEEN}{{{HERE}}} > {SILENT_DAYS} * 86400) {nomadic}) or vector(0)",
        about=Words(
            f"Nomades sans contact depuis {SILENT_DAYS} jours.",
            f"Nomadic devices not heard from for {SILENT_DAYS} days.",
        ),
        steps=FEW_IS_GOOD,
    )
    sheet.course(
        Words("Nomades dans le temps", "Nomadic devices over time"),
        (f"site:vigie_device_nomadic:sum{{{HERE}}}", "{{site}}"),
        about=Words("Par établissement.", "By site."),
        wide=24,
    )
    sheet.rows(
        Words("Règles du nomadisme en échec", "Mobile working rules that fail"),
        {"since": failing('"Q09-.*"')},
        {
            "device": wording.DEVICE,
            "hostname": HOST,
            "site": wording.SITE,
            "rule": wording.RULE,
            "since": SINCE,
        },
        about=Words("Question 9 du guide.", "Question 9 of the guide."),
        units={"since": "dateTimeAsIso"},
    )
