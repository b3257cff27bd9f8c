"""One of the thirteen questions over the fleet."""

from vigie_grafana import wording
from vigie_grafana.parts import Sheet
from vigie_grafana.shared import HERE, HOST, SINCE, counted, failing
from vigie_grafana.wording import Words


def draw(sheet: Sheet) -> None:
    sheet.choose_question()
    sheet.choose_site()
    sheet.choose_group()
    sheet.choose_platform()
    rules = '"Q0?${question}-.*"'
    failing_devices = counted("fail", rules)
    judged_devices = counted("pass|fail|unknown|waived", rules)
    sheet.course(
        Words("Niveau dans le temps", "Level over time"),
        (f'vigie_site_maturity_level{{{HERE}, question="$question"}}', "{{site}}"),
        about=Words("De N0 à N4, par établissement.", "N0 to N4, by site."),
        most=4,
    )
    sheet.bars(
        Words("Équipements en échec par règle", "Devices failing by rule"),
        failing_devices,
        "{{rule}}",
        about=Words("Nombre d'équipements.", "Number of devices."),
    )
    sheet.course(
        Words("Part en échec dans le temps", "Share failing over time"),
        (f"{failing_devices} / {judged_devices}", "{{rule}}"),
        about=Words("Parmi les équipements concernés.", "Of the devices concerned."),
        unit="percentunit",
        most=1,
        wide=24,
    )
    sheet.rows(
        Words("Équipements en échec", "Devices that fail"),
        {"since": failing(rules)},
        {
            "device": wording.DEVICE,
            "hostname": HOST,
            "site": wording.SITE,
            "platform": wording.PLATFORM,
            "rule": wording.RULE,
            "since": SINCE,
        },
        about=Words("Depuis quand chaque règle échoue.", "Since when each rule fails."),
        units={"since": "dateTimeAsIso"},
    )
