"""Charts of the plan as Vega-Lite specifications, and as SVG to put into a page.

Leaves to others: what is counted (view). Invariants: a chart refers to nothing outside itself; its layout does not
depend on the fonts of the machine that draws it.
"""

from __future__ import annotations

from typing import Any

from mailferry.planner.papers.view import View

_BLUE, _ORANGE, _RED, _GREY = "#1f5fa8", "#b85c00", "#b3261e", "#5f6368"
_WIDTH, _ROW = 560, 26
_LETTER, _WIDE = 6.6, 12.2  # widths in pixels at 12 px

_CONFIG: dict[str, Any] = {
    "font": "sans-serif",
    "background": None,
    "view": {"stroke": None},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "labelColor": "#222", "titleColor": "#222", "labelLimit": 0},
    "legend": {"labelFontSize": 12, "labelLimit": 0},
    "text": {"fontSize": 12},
}


def by_way(view: View) -> dict[str, Any]:
    """A bar for each way, with its number of clients."""
    rows = [{"way": way, "count": count} for way, count in view.ways()]
    extent = max((_width(way) for way, _ in view.ways()), default=0) + 8
    encoding: dict[str, Any] = {
        "y": {
            "field": "way",
            "type": "nominal",
            "sort": None,
            "axis": {"title": None, "minExtent": extent, "maxExtent": extent, "domain": False, "ticks": False},
        },
        "x": {"field": "count", "type": "quantitative", "axis": None},
    }
    return {
        **_head(view.words["by_way"], rows),
        "width": _WIDTH - extent,
        "height": {"step": _ROW},
        "encoding": encoding,
        "layer": [
            {"mark": {"type": "bar", "color": _BLUE, "height": {"band": 0.7}}},
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "color": "#222"},
                "encoding": {"text": {"field": "count", "format": ",d"}},
            },
        ],
    }


def burndown(view: View) -> dict[str, Any]:
    """The plan's line down to nothing, what was seen, and the day by which it must be there."""
    words = view.words
    plan = [{"day": day.isoformat(), "open": left, "line": words["plan_line"]} for day, left in view.burndown()]
    actual = [
        {"day": one.day.isoformat(), "open": one.planned - one.moved, "line": words["actual_line"]}
        for one in view.history
    ]
    most = max((len(f"{row['open']:,}") for row in [*plan, *actual]), default=1)
    extent = round(most * _LETTER) + 10
    encoding = _lines(view, extent, legend=bool(actual))
    marks = {
        words["plan_line"]: {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
        words["actual_line"]: {"type": "line", "point": True, "strokeWidth": 2},
    }
    lines = [
        {"transform": [{"filter": {"field": "line", "equal": line}}], "mark": mark, "encoding": encoding}
        for line, mark in marks.items()
    ]
    return {
        **_head(words["burndown"], plan + actual),
        "width": _WIDTH - extent - 20,
        "height": 220,
        "layer": [*lines, *_cutoff(view)],
    }


def _lines(view: View, extent: int, *, legend: bool) -> dict[str, Any]:
    """The axes and colours of the burn-down."""
    words = view.words
    y_axis = {"title": words["open"], "minExtent": extent, "maxExtent": extent, "format": ",d", "tickMinStep": 1}
    return {
        "x": {
            "field": "day",
            "type": "temporal",
            "axis": {"title": None, "format": "%m-%d", "grid": False, "tickCount": 6},
        },
        "y": {"field": "open", "type": "quantitative", "axis": y_axis, "scale": {"domainMin": 0}},
        "color": {
            "field": "line",
            "type": "nominal",
            "scale": {"domain": [words["plan_line"], words["actual_line"]], "range": [_BLUE, _ORANGE]},
            "legend": {"title": None, "orient": "top"} if legend else None,
        },
    }


def svg(spec: dict[str, Any]) -> str:
    """The chart, drawn. It stands for itself: nothing in it is a link, a script or an external file."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


def _cutoff(view: View) -> list[dict[str, Any]]:
    """A vertical line on the day of the cut-off, with its date."""
    day = view.plan.cutoff.isoformat()
    data = {"values": [{"day": day, "text": day}]}
    x = {"field": "day", "type": "temporal"}
    return [
        {"data": data, "mark": {"type": "rule", "color": _RED, "strokeDash": [5, 3]}, "encoding": {"x": x}},
        {
            "data": data,
            "mark": {"type": "text", "align": "right", "baseline": "top", "dx": -5, "y": 0, "color": _RED},
            "encoding": {"x": x, "text": {"field": "text"}},
        },
    ]


def _head(description: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": description,
        "config": _CONFIG,
        "data": {"values": rows},
        "padding": 4,
    }


def _width(text: str) -> int:
    return round(sum(_LETTER if ord(letter) < 0x2000 else _WIDE for letter in text))
