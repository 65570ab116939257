"""A page on which anyone can ask for a source and for labels: one file, no network.

Everything is inlined (Vega, the map, the answers), so that it opens from a disk. The form is
plain HTML, so that a keyboard, a phone and a screen reader can use it.
"""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from .errors import DataError
from .languages import find_language

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["advisor_page"]

RANK_COLUMNS = ("task", "target", "source", "predicted", "low", "high")
CURVE_COLUMNS = ("task", "target", "source", "labels", "score", "low", "high")


def advisor_page(ranks: pd.DataFrame, curves: pd.DataFrame, tasks: dict[str, str]) -> str:
    """Make the page.

    Parameters
    ----------
    ranks : DataFrame
        task, target, source, predicted, low, high; fractions. Sources of a target are shown
        in descending order of ``predicted``.
    curves : DataFrame
        task, target, source, labels, score, low, high: predicted growth with target labels
        after the source. Tasks without any row answer that they cannot tell.
    tasks : dict
        Task -> a sentence on where its numbers come from.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    DataError
        If columns are missing, or a task has no ranks.
    """
    for table, wanted in ((ranks, RANK_COLUMNS), (curves, CURVE_COLUMNS)):
        lacking = [c for c in wanted if c not in table]
        if lacking:
            raise DataError(f"the advisor page needs columns {', '.join(lacking)}.")
    for task in tasks:
        if not (ranks["task"] == task).any():
            raise DataError(f"the advisor page has no ranks for the task {task!r}.")
    import vl_convert

    bundle: Any = vl_convert.javascript_bundle

    fill = {
        "BUNDLE": bundle().replace("</script", "<\\/script"),
        "SPEC": _script(_charts()),
        "DATA": _script(_payload(ranks, curves, tasks)),
        "TASKS": "".join(
            f'<option value="{html.escape(t)}">{html.escape(t)}</option>' for t in tasks
        ),
    }
    page = (files("crosslingual") / "data" / "advisor.html").read_text("utf-8")
    for name, content in fill.items():
        page = page.replace(f"@@{name}@@", content)
    return page


def _script(value: Any) -> str:
    """JSON that may stand inside a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("</", "<\\/")


def _payload(ranks: pd.DataFrame, curves: pd.DataFrame, tasks: dict[str, str]) -> dict[str, Any]:
    """Answers by task and target, numbers rounded to what is shown."""
    codes = sorted({*ranks["target"], *ranks["source"]})
    languages = {
        c: [find_language(c).name, find_language(c).latitude, find_language(c).longitude]
        for c in codes
    }
    found: dict[str, Any] = {"languages": languages, "tasks": {}}
    for task, note in tasks.items():
        mine = ranks[ranks["task"] == task].sort_values("predicted", ascending=False, kind="stable")
        sources = {
            str(target): [
                list(row)
                for row in part[["source", "predicted", "low", "high"]]
                .round(3)
                .itertuples(index=False)
            ]
            for target, part in mine.groupby("target")
        }
        grown = curves[curves["task"] == task].sort_values("labels")
        growth: dict[str, Any] = {}
        for (target, source), part in grown.groupby(["target", "source"]):
            columns = [part[c].round(3).tolist() for c in ("score", "low", "high")]
            growth.setdefault(str(target), {})[str(source)] = columns
        labels = sorted(grown["labels"].unique().tolist())
        found["tasks"][task] = {
            "note": note, "sources": sources, "growth": growth, "labels": labels,
        }  # fmt: skip
    return found


def _charts() -> dict[str, Any]:
    """Map and intervals, in Vega-Lite; both read the data set ``rows``, filled by the page."""
    import altair

    alt: Any = altair  # its generated signatures say less than its manual
    land = json.loads((files("crosslingual") / "data" / "land.json").read_text("utf-8"))
    colour = (
        alt.Color("predicted:Q")
        .scale(scheme="viridis")
        .title("predicted score")
        .legend(orient="bottom")
    )
    tips = [
        alt.Tooltip("name:N", title="source"),
        alt.Tooltip("predicted:Q", format=".2f"),
        alt.Tooltip("low:Q", format=".2f"),
        alt.Tooltip("high:Q", format=".2f"),
    ]
    world = alt.Chart(alt.Data(values={"type": "Feature", "geometry": land})).mark_geoshape(
        fill="#e2e2e2", stroke="white", strokeWidth=0.4
    )
    rows, here = alt.NamedData("rows"), alt.NamedData("here")
    places = (
        alt.Chart(rows)
        .mark_circle(size=110, stroke="black", strokeWidth=0.5, opacity=1)
        .encode(longitude="lon:Q", latitude="lat:Q", color=colour, tooltip=tips)
    )
    goal = (
        alt.Chart(here)
        .mark_point(shape="cross", size=220, color="#d55e00", filled=True)
        .encode(longitude="lon:Q", latitude="lat:Q", tooltip=[alt.Tooltip("name:N")])
    )
    size = {"width": "container"}
    chart_map = (world + places + goal).project("equalEarth").properties(height=260, **size)
    order = alt.Y("name:N").sort(alt.EncodingSortField("rank")).title(None)
    reach = (
        alt.Chart(rows)
        .mark_rule(strokeWidth=3, color="#888")
        .encode(
            x=alt.X("low:Q")
            .scale(zero=False)
            .axis(tickCount=6, format=".2f")
            .title("score: predicted, and 80 % interval"),
            x2="high:Q",
            y=order,
        )
    )
    dots = (
        alt.Chart(rows)
        .mark_point(filled=True, size=90, opacity=1)
        .encode(x="predicted:Q", y=order, color=colour.legend(None), tooltip=tips)
    )
    ranking = (reach + dots).properties(
        height={"step": 18}, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"), **size
    )
    made = []
    for chart, what in (
        (chart_map, "World map: circles are the sources, coloured by predicted score; the cross "
                    "is the target."),
        (ranking, "Sources in order of predicted score, with intervals."),
    ):  # fmt: skip
        spec = chart.properties(description=what).to_dict()
        spec.setdefault("datasets", {}).update({"rows": [], "here": []})
        made.append(spec)
    return {"map": made[0], "ranking": made[1]}
