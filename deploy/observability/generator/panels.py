"""Panels and dashboards in the one form that all four dashboards share, built with Grafana's Foundation SDK."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
COLUMNS = 24
HEIGHT = 8
NUMBER_HEIGHT = 4
RATE = "$__rate_interval"
"""Grafana's window for rates: at least four scrape intervals."""

Panel: TypeAlias = timeseries.Panel | stat.Panel


class Query(NamedTuple):
    """A PromQL expression and the legend of its series; `exemplars` shows the traces behind a latency."""

    expression: str
    legend: str
    exemplars: bool = False


def graph(
    title: str, unit: str, meaning: str, *queries: Query, stacked: bool = False, most: float | None = None
) -> Panel:
    """Returns a graph over time. `unit` is Grafana's name of one; `meaning` is shown at the title; `most` ends the axis."""
    panel = timeseries.Panel().title(title).unit(unit).description(meaning).datasource(SOURCE).height(HEIGHT).min(0)
    panel.legend(
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    panel.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    panel.draw_style(GraphDrawStyle.LINE).fill_opacity(20 if stacked else 5)
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if most is not None:
        panel.max(most)
    for letter, query in zip("ABCDEF", queries, strict=False):
        panel.with_target(_target(query).ref_id(letter))
    return panel


def number(title: str, unit: str, meaning: str, expression: str, *, red_from: float | None = None) -> Panel:
    """Returns a large number, which is red from `red_from` on."""
    panel = stat.Panel().title(title).unit(unit).description(meaning).datasource(SOURCE).height(NUMBER_HEIGHT)
    steps = [Threshold(value=None, color="green")]
    if red_from is not None:
        steps.append(Threshold(value=red_from, color="red"))
    panel.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return panel.with_target(_target(Query(expression, "")).ref_id("A"))


def quantiles(metric: str, selector: str, by: str = "") -> tuple[Query, ...]:
    """Returns the median, the 95th and the 99th percentile of a histogram, for each value of the label `by` the 95th alone."""
    buckets = f"rate({_selected(f'{metric}_bucket', selector)}[{RATE}])"
    if by:
        return (Query(f"histogram_quantile(0.95, sum by (le, {by}) ({buckets}))", f"{{{{{by}}}}}", exemplars=True),)
    return tuple(
        Query(f"histogram_quantile({share}, sum by (le) ({buckets}))", name, exemplars=True)
        for share, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
    )


def rate(metric: str, selector: str, by: str) -> Query:
    """Returns a counter's increase a second for each value of the label `by`, or of several with commas."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return Query(f"sum by ({by}) (rate({_selected(metric, selector)}[{RATE}]))", legend)


def assemble(uid: str, title: str, meaning: str, rows: Mapping[str, Sequence[Panel]]) -> dashboard.Dashboard:
    """Returns a dashboard with its rows of panels, each row as wide as the page; firing alerts are marked in all graphs."""
    made = dashboard.Dashboard(title).uid(uid).description(meaning).tags(["parlour"]).readonly()
    made.refresh("30s").time("now-3h", "now").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    made.with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    alerts = dashboard.AnnotationQuery().name("Alerts").datasource(SOURCE).enable(True).icon_color("red")
    made.annotation(alerts.expr('ALERTS{alertname=~"Parlour.+",alertstate="firing"}'))
    for row, panels in rows.items():
        made.with_row(dashboard.Row(row))
        for panel in panels:
            made.with_panel(panel.span(COLUMNS // _in_line(panels)))
    return made


def _in_line(panels: Sequence[Panel]) -> int:
    """Returns how many panels of a row stand side by side."""
    if all(isinstance(panel, stat.Panel) for panel in panels):
        return len(panels)
    return 2 if len(panels) in {2, 4} else 3


def _selected(metric: str, selector: str) -> str:
    return f"{metric}{{{selector}}}" if selector else metric


def _target(query: Query) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query.expression).legend_format(query.legend).exemplar(query.exemplars).range()
