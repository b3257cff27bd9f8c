"""Panels of a dashboard as HTML, from what Prometheus answered: for pictures in the documentation.

It follows the dashboard's JSON as far as ours go: figures, lines, bars and tables, with units,
thresholds, names and places. Grafana draws them otherwise. Pure.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from math import isfinite
from typing import Any, Final

Panel = Mapping[str, Any]
Series = Sequence[Mapping[str, Any]]
"""What Prometheus answers to one query: labels, with a value or with values over time."""

COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
ROW: Final = 38
"""Pixels of a row of the grid, its gap included."""
LINE: Final = 23
"""Pixels of a line of a table."""
STYLE: Final = """
body { font: 13px 'DejaVu Sans', sans-serif; margin: 0; background: #f4f5f5; color: #24292e }
header { padding: 14px 18px 6px; font-size: 19px } header small { font-size: 13px; color: #57606a }
main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: 30px; gap: 8px;
  padding: 8px 18px }
section { background: #fff; border: 1px solid #d0d7de; border-radius: 3px; padding: 6px 10px;
  overflow: hidden; display: flex; flex-direction: column }
h2 { font-size: 13px; margin: 0 0 4px; font-weight: 600 }
.figure { font-size: 30px; margin: auto; font-weight: 600 }
table { border-collapse: collapse; width: 100% } th { text-align: left; color: #57606a }
th, td { padding: 3px 8px; border-bottom: 1px solid #eaeef2 }
.bar { display: grid; grid-template-columns: 40% 1fr 34px; gap: 6px; align-items: center; flex: 1;
  min-height: 0 } .bar span:first-child { text-align: right; overflow: hidden; white-space: nowrap }
.bar i { display: block; height: 70%; background: #0072B2 }
.legend { font-size: 11px; color: #57606a } .legend b { padding-right: 10px }
svg { flex: 1; min-height: 0; width: 100% }
footer { padding: 2px 18px 12px; color: #57606a; font-size: 12px }
"""


def page(board: Mapping[str, Any], answered: Mapping[tuple[str, str], Series], caption: str) -> str:
    """The dashboard as a page; `answered` by the title of a panel and the letter of its query."""
    drawn = "".join(
        _placed(
            panel,
            {
                target["refId"]: answered[panel["title"], target["refId"]]
                for target in panel["targets"]
            },
        )
        for panel in board["panels"]
    )
    return (
        f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>"
        f"<header>{escape(board['title'])} <small>{escape(board['description'])}</small></header>"
        f"<main>{drawn}</main><footer>{escape(caption)}</footer>"
    )


def _placed(panel: Panel, answers: Mapping[str, Series]) -> str:
    place = panel["gridPos"]
    style = (
        f"grid-column: {place.get('x', 0) + 1} / span {place['w']};"
        f"grid-row: {place.get('y', 0) + 1} / span {place['h']}"
    )
    draw = {"stat": _figure, "timeseries": _course, "bargauge": _bars, "table": _table}
    inside = draw[panel["type"]](panel, answers)
    return f'<section style="{style}"><h2>{escape(panel["title"])}</h2>{inside}</section>'


def written(value: float, unit: str) -> str:
    """A value in a unit of Grafana's."""
    return _WRITTEN[unit](value)


def _span(seconds: float) -> str:
    for size, name in ((86_400, "j"), (3_600, "h"), (60, "min"), (1, "s")):
        if abs(seconds) >= size:
            return f"{seconds / size:.{0 if seconds >= 100 * size else 1}f} {name}"
    return f"{seconds * 1000:.3g} ms"


_WRITTEN: Final[Mapping[str, Callable[[float], str]]] = {
    "short": lambda value: f"{value:.4g}",
    "percentunit": lambda value: f"{value * 100:.0f} %",
    "dateTimeAsIso": lambda value: f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M}",
    "bytes": lambda value: f"{value / 2**20:.0f} Mio",
    "reqps": lambda value: f"{value:.2g}/s",
    "s": _span,
}


def _unit(panel: Panel) -> str:
    return str(panel["fieldConfig"]["defaults"].get("unit", "short"))


def _value(series: Mapping[str, Any]) -> float:
    return float(series["value"][1])


def _figure(panel: Panel, answers: Mapping[str, Series]) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    (series,) = answers.values()
    if not series or not isfinite(_value(series[0])):
        return f'<div class="figure">{escape(defaults["noValue"])}</div>'
    value = _value(series[0])
    steps = defaults["thresholds"]["steps"]
    colour = [step["color"] for step in steps if step["value"] is None or step["value"] <= value][
        -1
    ]
    return f'<div class="figure" style="color: {colour}">{written(value, _unit(panel))}</div>'


def _legend(target: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    return re.sub(
        r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), target.get("legendFormat") or ""
    )


def _course(panel: Panel, answers: Mapping[str, Series]) -> str:
    lines = [
        (_legend(target, series["metric"]), [(at, float(value)) for at, value in series["values"]])
        for target in panel["targets"]
        for series in answers[target["refId"]]
    ]
    lines = [(name, [point for point in points if isfinite(point[1])]) for name, points in lines]
    points = [point for _, line in lines for point in line]
    if not points:
        return '<div class="figure">-</div>'
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    most = panel["fieldConfig"]["defaults"].get("max") or max(value for _, value in points) or 1
    place = panel["gridPos"]
    width, height, left, low = place["w"] * 50 - 20, place["h"] * ROW - 62, 62, 18
    drawn, legend = [], []
    for step in range(5):
        y = height - low - step / 4 * (height - low - 8)
        text = escape(written(most * step / 4, _unit(panel)))
        drawn.append(
            f'<line x1="{left}" x2="{width}" y1="{y}" y2="{y}" stroke="#eaeef2"/>'
            f'<text x="{left - 6}" y="{y + 4}" text-anchor="end" font-size="11">{text}</text>'
        )
    for at, anchor in ((first, "start"), (last, "end")):
        x = left if at == first else width
        text = f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
        drawn.append(
            f'<text x="{x}" y="{height - 3}" text-anchor="{anchor}" font-size="11">{text}</text>'
        )
    for number, (name, line) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(
            f"{left + (at - first) / ((last - first) or 1) * (width - left):.1f},"
            f"{height - low - value / most * (height - low - 8):.1f}"
            for at, value in line
        )
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        legend.append(f'<span style="color: {colour}">■</span> <b>{escape(name)}</b>')
    return (
        f'<svg viewBox="0 0 {width} {height}">{"".join(drawn)}</svg>'
        f'<div class="legend">{"".join(legend[:8])}</div>'
    )


def _bars(panel: Panel, answers: Mapping[str, Series]) -> str:
    (target,) = panel["targets"]
    found = sorted(answers[target["refId"]], key=_value, reverse=True)
    most = max((_value(series) for series in found), default=1)
    return "".join(
        f'<div class="bar"><span>{escape(_legend(target, series["metric"]))}</span>'
        f'<i style="width: {_value(series) / most:.1%}"></i>'
        f"<span>{escape(written(_value(series), _unit(panel)))}</span></div>"
        for series in found
    )


def _table(panel: Panel, answers: Mapping[str, Series]) -> str:
    changes = {one["id"]: one["options"] for one in panel.get("transformations", ())}
    if "groupingToMatrix" in changes:
        return _matrix(panel, next(iter(answers.values())))
    column = "Value" if len(answers) == 1 else "Value #{}"
    rows: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for name, found in answers.items():
        for series in found:
            labels = {key: value for key, value in series["metric"].items() if key != "__name__"}
            row = rows.setdefault(tuple(sorted(labels.items())), dict(labels))
            row[column.format(name)] = _value(series)
    order = changes["organize"]["indexByName"]
    names = changes["organize"]["renameByName"]
    shown = sorted(order, key=lambda name: order[name])
    titles, units = _overrides(panel)
    lines = "".join(
        "<tr>" + "".join(f"<td>{_cell(row.get(n), names[n], titles, units)}</td>" for n in shown)
        for row in list(rows.values())[: (panel["gridPos"]["h"] * ROW - 60) // LINE]
    )
    return (
        f"<table><tr>{''.join(f'<th>{escape(names[n])}</th>' for n in shown)}</tr>{lines}</table>"
    )


def _overrides(panel: Panel) -> tuple[Mapping[str, Mapping[str, str]], Mapping[str, str]]:
    """Texts that stand for values, and units, by column."""
    titles: dict[str, dict[str, str]] = {}
    units: dict[str, str] = {}
    for override in panel["fieldConfig"]["overrides"]:
        of = override["matcher"]["options"]
        for one in override["properties"]:
            if one["id"] == "unit":
                units[of] = one["value"]
            if one["id"] == "mappings":
                (mapping,) = one["value"]
                titles[of] = {key: told["text"] for key, told in mapping["options"].items()}
    return titles, units


def _cell(
    value: object, of: str, titles: Mapping[str, Mapping[str, str]], units: Mapping[str, str]
) -> str:
    if isinstance(value, float):
        return escape(written(value, units.get(of, "short")))
    text = "" if value is None else str(value)
    text = titles.get(of, {}).get(text, text)
    # A device's id is long and says nothing to a reader of a picture.
    return escape(text[:8] + "…" if re.fullmatch(r"[0-9a-f]{8}-[0-9a-f-]{27}", text) else text)


def _matrix(panel: Panel, found: Series) -> str:
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    cells = {
        (series["metric"]["site"], int(series["metric"]["question"])): mapping["options"][
            series["value"][1]
        ]
        for series in found
    }
    questions = sorted({question for _, question in cells})
    head = "".join(f"<th>{question}</th>" for question in questions)
    rows = "".join(
        f"<tr><td>{escape(site)}</td>"
        + "".join(
            f'<td style="background: {cell["color"]}; color: #fff">{cell["text"]}</td>'
            if (cell := cells.get((site, question)))
            else "<td></td>"
            for question in questions
        )
        for site in sorted({site for site, _ in cells})
    )
    return f"<table><tr><th>Établissement</th>{head}</tr>{rows}</table>"
