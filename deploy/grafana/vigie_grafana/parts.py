"""What all dashboards are made of: variables, links, and panels that look alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from vigie_grafana import colours, wording
from vigie_grafana.wording import Language, Words
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Severity

SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
CONSOLE: Final = "${console}"
"""Where the console is: a variable, since only the facility knows."""

COLUMNS: Final = 24


@dataclass(frozen=True)
class Sheet:
    """One dashboard in one language, while it is being drawn."""

    name: str
    title: Words
    about: Words
    language: Language
    catalogue: Catalogue
    built: dashboard.Dashboard = field(init=False)

    def __post_init__(self) -> None:
        built = (
            dashboard.Dashboard(f"Vigie - {self.say(self.title)}")
            .uid(f"vigie-{self.name}-{self.language}")
            .description(self.say(self.about))
            .tags(["vigie", self.language.value])
            .timezone("browser")
            .time("now-7d", "now")
            .refresh("1m")
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .readonly()
            .link(
                dashboard.DashboardLink("Vigie")
                .type(models.DashboardLinkType.DASHBOARDS)
                .tags(["vigie", self.language.value])
                .as_dropdown(as_dropdown=True)
                .include_vars(include_vars=True)
                .keep_time(keep_time=True)
            )
            .link(
                dashboard.DashboardLink(self.say(Words("Console de Vigie", "Vigie's console")))
                .type(models.DashboardLinkType.LINK)
                .icon("external link")
                .url(f"{CONSOLE}/console")
                .target_blank(target_blank=True)
            )
            .with_variable(
                dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
            )
            .with_variable(
                dashboard.TextBoxVariable("console")
                .label(self.say(Words("Adresse de la console", "Address of the console")))
                .default_value("https://vigie.example.org:8445")
            )
        )
        object.__setattr__(self, "built", built)

    def say(self, words: Words) -> str:
        return words.said(self.language)

    def row(self, title: Words) -> None:
        self.built.with_row(dashboard.Row(self.say(title)))

    def add(self, panel: "Builder[models.Panel]") -> None:
        self.built.with_panel(panel)

    # --- Variables -------------------------------------------------------------------------------

    def choose(
        self, name: str, label: Words, metric: str, *, several: bool = True, by: str = ""
    ) -> None:
        """Lets the reader choose among the values that a label has now."""
        variable = (
            dashboard.QueryVariable(name)
            .label(self.say(label))
            .datasource(SOURCE)
            .query({"query": f"label_values({metric}, {by or name})", "refId": name})
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.ALPHABETICAL_ASC)
            .multi(several)
            .include_all(several)
        )
        self.built.with_variable(variable.all_value(".*") if several else variable)

    def choose_site(self, *, several: bool = True) -> None:
        self.choose("site", wording.SITE, "vigie_site_devices", several=several)

    def choose_group(self) -> None:
        self.choose("group", wording.GROUP, 'vigie_device_group_info{site=~"$site"}')

    def choose_platform(self) -> None:
        metric = 'vigie_device_info{site=~"$site"}'
        self.choose("platform", wording.PLATFORM, metric)

    def choose_severity(self) -> None:
        """The value of a severity is the pattern of its rules: metrics carry the rule alone."""
        severe = [(self.say(wording.ALL), ".*")]
        for severity, words in _SEVERITIES.items():
            rules = sorted(
                rule.id for rule in self.catalogue.rules.values() if rule.severity is severity
            )
            severe.append((self.say(words), "|".join(rules)))
        self._custom("severity", wording.SEVERITY, severe)

    def choose_question(self) -> None:
        self._custom(
            "question",
            wording.QUESTION,
            [
                (f"{number}. {self.question(number)}", str(number))
                for number in sorted(self.catalogue.questions)
            ],
        )

    def question(self, number: int) -> str:
        """The guide's question as it is asked."""
        return self.catalogue.questions[number][self.language]

    def _custom(self, name: str, label: Words, options: Sequence[tuple[str, str]]) -> None:
        written = ", ".join(f"{_escaped(text)} : {_escaped(value)}" for text, value in options)
        text, value = options[0]
        self.built.with_variable(
            dashboard.CustomVariable(name)
            .label(self.say(label))
            .values(written)
            .current(models.VariableOption(selected=True, text=text, value=value))
        )

    # --- Panels ----------------------------------------------------------------------------------

    def figure(
        self,
        title: Words,
        expr: str,
        *,
        about: Words,
        unit: str = "short",
        steps: Sequence[tuple[float | None, str]] = ((None, colours.QUIET),),
        wide: int = 4,
    ) -> None:
        """One figure, coloured by thresholds."""
        self.add(
            stat.Panel()
            .title(self.say(title))
            .description(self.say(about))
            .datasource(SOURCE)
            .with_target(_instant(expr))
            .unit(unit)
            .thresholds(_thresholds(steps))
            .color_mode(common_models.BigValueColorMode.VALUE)
            .graph_mode(common_models.BigValueGraphMode.NONE)
            .no_value("-")
            .height(4)
            .span(wide)
        )

    def course(
        self,
        title: Words,
        *queries: tuple[str, str],
        about: Words,
        unit: str = "short",
        most: float | None = None,
        wide: int = 12,
    ) -> None:
        """Lines over time; each query with the legend of its lines."""
        panel = (
            timeseries.Panel()
            .title(self.say(title))
            .description(self.say(about))
            .datasource(SOURCE)
            .unit(unit)
            .min(0)
            .line_width(2)
            .fill_opacity(8)
            .color_scheme(
                dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)
            )
            .legend(
                common.VizLegendOptions()
                .display_mode(common_models.LegendDisplayMode.LIST)
                .placement(common_models.LegendPlacement.BOTTOM)
                .show_legend(show_legend=True)
            )
            .height(8)
            .span(wide)
        )
        for letter, (expr, legend) in zip("ABCDEF", queries, strict=False):
            panel.with_target(
                prometheus.Dataquery().expr(expr).range().legend_format(legend).ref_id(letter)
            )
        self.add(panel if most is None else panel.max(most))

    def bars(
        self, title: Words, expr: str, legend: str, *, about: Words, unit: str = "short"
    ) -> None:
        """Horizontal bars, the longest first."""
        self.add(
            bargauge.Panel()
            .title(self.say(title))
            .description(self.say(about))
            .datasource(SOURCE)
            .with_target(_instant(expr).legend_format(legend))
            .unit(unit)
            .min(0)
            .orientation(common_models.VizOrientation.HORIZONTAL)
            .display_mode(common_models.BarGaugeDisplayMode.BASIC)
            .color_scheme(
                dashboard.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(colours.BLUE)
            )
            .height(10)
            .span(12)
        )

    def levels(self, title: Words, expr: str, *, about: Words) -> None:
        """A map of sites (rows) and questions (columns); each cell says its level in words."""
        matrix = {"rowField": "site", "columnField": "question", "valueField": "Value"}
        self.add(
            self._table(title, about, {"levels": expr})
            .with_transformation(models.DataTransformerConfig("groupingToMatrix", options=matrix))
            .mappings([_level_names()])
            .override_by_name("site\\question", [_property("displayName", self.say(wording.SITE))])
            .override_by_regexp(
                "^[0-9]+$", [_property("custom.cellOptions", {"type": "color-background"})]
            )
            .height(12)
            .span(COLUMNS)
        )

    def rows(
        self,
        title: Words,
        queries: Mapping[str, str],
        columns: Mapping[str, Words],
        *,
        about: Words,
        units: Mapping[str, str] | None = None,
        wide: int = COLUMNS,
    ) -> None:
        """A table: one row for each set of labels, one column for each named query.

        `columns` names what is shown, in order; a device links to its page and its dashboard.
        """
        panel = self._table(title, about, queries)
        if len(queries) > 1:
            panel.with_transformation(models.DataTransformerConfig("merge", options={}))
        panel.with_transformation(
            models.DataTransformerConfig(
                "filterFieldsByName",
                options={"include": {"names": [_field(queries, name) for name in columns]}},
            )
        ).with_transformation(
            models.DataTransformerConfig(
                "organize",
                options={
                    "indexByName": {
                        _field(queries, name): place for place, name in enumerate(columns)
                    },
                    "renameByName": {
                        _field(queries, name): self.say(words) for name, words in columns.items()
                    },
                },
            )
        )
        for name, unit in (units or {}).items():
            panel.override_by_name(self.say(columns[name]), [_property("unit", unit)])
        if "device" in columns:
            panel.override_by_name(
                self.say(columns["device"]), [_property("links", self._device_links())]
            )
        if "rule" in columns:
            panel.override_by_name(
                self.say(columns["rule"]), [_property("mappings", [self._rule_titles().to_json()])]
            )
        self.add(panel.height(11).span(wide))

    def _table(self, title: Words, about: Words, queries: Mapping[str, str]) -> table.Panel:
        panel = (
            table.Panel()
            .title(self.say(title))
            .description(self.say(about))
            .datasource(SOURCE)
            .no_value("-")
        )
        for name, expr in queries.items():
            panel.with_target(_instant(expr).format(PromQueryFormat.TABLE).ref_id(name))
        return panel

    def _rule_titles(self) -> models.ValueMap:
        return models.ValueMap(
            {
                rule.id: models.ValueMappingResult(text=f"{rule.title[self.language]} ({rule.id})")
                for rule in sorted(self.catalogue.rules.values(), key=lambda rule: rule.id)
            }
        )

    def _device_links(self) -> list[dict[str, object]]:
        value = "${__value.raw}"
        return [
            {
                "title": self.say(Words("Tableau de bord", "Dashboard")),
                "url": f"/d/vigie-device-{self.language}?var-device={value}"
                "&var-datasource=${datasource}&var-console=${console:percentencode}",
            },
            {
                "title": self.say(Words("Console de Vigie", "Vigie's console")),
                "url": f"{CONSOLE}/console/devices/{value}",
                "targetBlank": True,
            },
        ]


_SEVERITIES: Final = {
    Severity.CRITICAL: Words("Critique", "Critical"),
    Severity.MAJOR: Words("Majeure", "Major"),
    Severity.MINOR: Words("Mineure", "Minor"),
}


def _field(queries: Mapping[str, str], name: str) -> str:
    """What Grafana calls the column: the value of the only query has no letter."""
    if name not in queries:
        return name
    return "Value" if len(queries) == 1 else f"Value #{name}"


def _instant(expr: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expr).instant().ref_id("A")


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=colour) for value, colour in steps])
    )


def _level_names() -> models.ValueMap:
    return models.ValueMap(
        {
            str(level): models.ValueMappingResult(text=f"N{level}", color=colour)
            for level, colour in enumerate(colours.LEVELS)
        }
    )


def _property(name: str, value: object) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=name, value=value)


def _escaped(text: str) -> str:
    """In a list of values commas part them and colons name them."""
    return text.replace(",", "\\,").replace(" : ", " ")
