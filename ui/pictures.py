"""Gradio's own plots of what a listener played and of how good the model became, for the page's views to show.

In: what a view asks (a year, a time zone, words for the axes) and the cookies of who asks. Out: data frames by way of the
HTTP API. Nothing of a plot is loaded before a view wants one; ui/assets/insights/charts.js moves it to where it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import gradio as gr
import pandas as pd
from pydantic import Field, ValidationError

from infra.errors import SegueError
from infra.models import Frozen
from serving.listening.insight_answers import MonthOfYear
from ui.client import Client
from ui.session import Listener, listener_of

__all__ = ["AskedMonths", "add_plots", "hours_of_day", "layers", "scores"]

PREFIX = "segue-chart-"
ASKED = """
addEventListener('segue-chart', ({ detail }) => {
  if (detail.name === 'months') trigger('months', detail);
  if (detail.name === 'hours') trigger('hours', detail);
  if (detail.name === 'quality') trigger('quality', detail);
});
"""
"""Views say `segue-chart` to the window; each plot is an event of its own."""
MINUTE_MS = 60_000
UNIT_MS = {"hours": 60 * MINUTE_MS, "minutes": MINUTE_MS}
MOST_LAYERS = 10
HEADROOM = 1.08
"""How far an axis goes beyond the highest bar or point."""
LAYER = "var(--layer-{})"
"""Colours are the style sheet's, so that both themes have their own."""
OTHERS = "var(--layer-others)"

Text = Field(default="", max_length=60)


class Asked(Frozen):
    """What a view wants to see, and its words for the axes."""

    tz: str = Field(default="UTC", max_length=64)
    x: str = Text
    y: str = Text


class AskedMonths(Asked):
    """A year's months in layers, each a genre or an artist."""

    year: int
    by: Literal["genres", "artists"] = "genres"
    months: tuple[str, ...] = Field(min_length=12, max_length=12)
    """Names of the months, January first."""
    layers: tuple[str, ...] = Field(max_length=MOST_LAYERS)
    """Genres or artists that have a layer of their own, as the HTTP API names them."""
    unit: Literal["hours", "minutes"] = "hours"
    others: str = Text
    unknown: str = Text


class AskedQuality(Asked):
    """Scores of the model's versions, and of what they are compared with."""

    series: dict[str, str] = Field(max_length=MOST_LAYERS)
    """Metrics as the training recorded them ("p@20", "baseline.popular.p@20"), and what each is called in the plot."""


def add_plots(client: Client) -> None:
    """Put the plots into the `Blocks` under construction, unseen and unloaded; `client` carries no token of its own."""
    asker = gr.HTML(html_template="", js_on_load=ASKED, apply_default_css=False, elem_id="segue-chart-asked")
    with gr.Column(visible=False, elem_id="segue-charts") as column:
        months = gr.BarPlot(color="layer", color_title="", **_plot("months", "month", "length"))
        hours = gr.BarPlot(x_bin=1, x_lim=[0, 24], x_axis_format="d", **_plot("hours", "hour", "minutes"))
        quality = gr.LinePlot(color="series", color_title="", **_plot("quality", "version", "score"))

    def show(kind: type[Asked], draw: Callable[[Listener, Any], gr.BarPlot | gr.LinePlot]) -> Callable[..., Any]:
        def shown(event: gr.EventData, request: gr.Request) -> tuple[gr.Column, gr.BarPlot | gr.LinePlot]:
            cookies = dict(request.cookies)
            who = listener_of(client, cookies.get("segue_user"), cookies.get("segue_token"))
            try:
                return gr.Column(visible=True), draw(who, kind.model_validate_json(event.asked))
            except (SegueError, ValidationError) as error:
                raise gr.Error(str(error), print_exception=False) from error

        return shown

    options: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
    asker.months(show(AskedMonths, _months), outputs=[column, months], **options)
    asker.hours(show(Asked, _hours), outputs=[column, hours], **options)
    asker.quality(show(AskedQuality, _quality), outputs=[column, quality], **options)


def _plot(name: str, x: str, y: str) -> dict[str, Any]:
    """What all plots have in common: no frame of their own, upright labels, nothing below zero."""
    return {"x": x, "y": y, "y_lim": [0, None], "elem_id": PREFIX + name, "container": False, "height": 320}


def _months(who: Listener, asked: AskedMonths) -> gr.BarPlot:
    frame = layers(who.client.statistics(who.user, asked.year, asked.tz).months, asked)
    colours = {name or asked.unknown: LAYER.format(place) for place, name in enumerate(asked.layers)}
    return gr.BarPlot(
        value=frame,
        sort=list(dict.fromkeys(frame["month"])),
        color_map=colours | {asked.others: OTHERS},
        colors_in_legend=[],  # the page has one of its own, which finds room on any screen
        x_title=asked.x,
        y_title=asked.y,
        y_lim=_up_to(frame.groupby("month")["length"].sum()),
    )


def layers(months: Iterable[MonthOfYear], asked: AskedMonths) -> pd.DataFrame:
    """Length of listening in each month, in the layers and the unit asked for; what has no layer is with the others."""
    rows = [
        (asked.months[int(month.month[5:]) - 1], layer, round(ms / UNIT_MS[asked.unit], 3))
        for month in months
        for layer, ms in _layers(month, asked)
    ]
    return pd.DataFrame(rows, columns=["month", "layer", "length"])


def _layers(month: MonthOfYear, asked: AskedMonths) -> Iterator[tuple[str, int]]:
    named = {part.name: part.ms for part in (month.genres if asked.by == "genres" else month.artists)}
    known = [(name or asked.unknown, named.get(name, 0)) for name in asked.layers]
    yield from known
    yield asked.others, max(0, month.ms - sum(ms for _, ms in known))


def _hours(who: Listener, asked: Asked) -> gr.BarPlot:
    frame = hours_of_day(who.client.taste(who.user, asked.tz).hours)
    return gr.BarPlot(value=frame, x_title=asked.x, y_title=asked.y, y_lim=_up_to(frame["minutes"]))


def hours_of_day(hours: Iterable[int]) -> pd.DataFrame:
    """Minutes at each hour of the day, from milliseconds."""
    rows = [(hour, round(ms / MINUTE_MS, 1)) for hour, ms in enumerate(hours)]
    return pd.DataFrame(rows, columns=["hour", "minutes"])


def _quality(who: Listener, asked: AskedQuality) -> gr.LinePlot:
    frame = scores(((model.version, model.metrics) for model in who.client.models().items), asked.series)
    return gr.LinePlot(
        value=frame,
        sort=list(dict.fromkeys(frame["version"])),
        color_map={label: LAYER.format(place) for place, label in enumerate(asked.series.values())},
        colors_in_legend=[],
        x_title=asked.x,
        y_title=asked.y,
        y_lim=_up_to(frame["score"]),
    )


def scores(versions: Iterable[tuple[str, Mapping[str, float]]], series: Mapping[str, str]) -> pd.DataFrame:
    """A row for each version and metric that was recorded, in the order given; `series` names the metrics."""
    rows = [
        (version, label, known[metric])
        for version, known in versions
        for metric, label in series.items()
        if metric in known
    ]
    return pd.DataFrame(rows, columns=["version", "series", "score"])


def _up_to(heights: pd.Series[float]) -> list[float | None]:
    """Limits of an axis from zero to a little above the highest; Gradio's own end where nothing is higher than zero."""
    highest = heights.max() if len(heights) else 0.0
    return [0, highest * HEADROOM if highest > 0 else None]
