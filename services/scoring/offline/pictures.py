"""The pictures of a backtest and of a comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_curve

from libs.runtime.offline.pictures import data
from services.scoring.domain.fitting.measures import Bin

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_NAMES = {
    "scorecard": "this scorecard",
    "fitted": "fitted",
    "starter": "starter",
    "recency": "recency alone",
    "rfm": "RFM quintiles",
    "logistic_rfm": "logistic on RFM",
}
_COLOURS = {
    "this scorecard": "#1a7f5a",
    "fitted": "#1a7f5a",
    "starter": "#7fb89f",
    "recency alone": "#b05050",
    "RFM quintiles": "#c9a24a",
    "logistic on RFM": "#6a86a8",
}
_BANDS = {"green": "#4c9f70", "yellow": "#e0b84c", "red": "#c0504d", "lapsed": "#b9bec4"}
_SIZE = {"width": 370, "height": 240}  # two in a row of the page
_POINTS = 200  # of a curve


def _named(name: str) -> str:
    return _NAMES.get(name, name)


def _colour(names: Sequence[str]) -> Any:
    shown = [_named(name) for name in names]
    scale = alt.Scale(domain=shown, range=[_COLOURS.get(name, "#888888") for name in shown])
    return alt.Color("score:N", scale=scale, title=None)


def roc(risks: Mapping[str, Floats], lost: Flags) -> Any:
    """How many of the lost are found for how many false alarms."""
    if not lost.any() or lost.all():
        return None
    values = []
    for name, risk in risks.items():
        false, true, _ = roc_curve(lost, risk)
        for i in np.unique(np.linspace(0, len(false) - 1, _POINTS).astype(int)).tolist():
            point = {"false": float(false[i]), "true": float(true[i])}
            values.append({"score": _named(name), **point})
    lines = (
        alt.Chart(data(values))
        .mark_line(interpolate="linear")
        .encode(
            x=alt.X("false:Q", title="share of those who came back"),
            y=alt.Y("true:Q", title="share of the lost"),
            color=_colour(list(risks)),
            order="false:Q",
        )
    )
    return (_diagonal() + lines).properties(**_SIZE, title="ROC")


def _diagonal() -> Any:
    ends = data([{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    return alt.Chart(ends).mark_line(strokeDash=[3, 3], color="#999999").encode(x="x:Q", y="y:Q")


def calibrations(curves: Mapping[str, Sequence[Bin]]) -> Any:
    """Said chance against what happened, a tenth of the customers a point."""
    if not curves:
        return None
    values = [
        {"score": _named(name), "predicted": part.predicted, "observed": part.observed}
        for name, bins in curves.items()
        for part in bins
    ]
    lines = (
        alt.Chart(data(values))
        .mark_line(point=True)
        .encode(
            x=alt.X("predicted:Q", title="said chance of being lost"),
            y=alt.Y("observed:Q", title="share who were lost"),
            color=_colour(list(curves)),
        )
    )
    return (_diagonal() + lines).properties(**_SIZE, title="Calibration")


def distribution(health: Floats, lost: Flags) -> Any:
    """The score of those who came back and of those who did not."""
    edges = np.linspace(0, 100, 41)
    values = []
    for name, group in (("came back", ~lost), ("lost", lost)):
        counts, _ = np.histogram(health[group], edges)
        values += [
            {"outcome": name, "score": float(low), "end": float(high), "customers": int(count)}
            for low, high, count in zip(edges, edges[1:], counts, strict=False)
        ]
    return (
        alt.Chart(data(values))
        .mark_bar(opacity=0.6)
        .encode(
            x=alt.X("score:Q", bin="binned", title="score at the cut-off"),
            x2="end:Q",
            y=alt.Y("customers:Q", stack=None),
            color=alt.Color(
                "outcome:N",
                scale=alt.Scale(domain=["came back", "lost"], range=["#4c9f70", "#c0504d"]),
                title=None,
            ),
        )
        .properties(**_SIZE, title="Score by outcome")
    )


def bands(dates: Sequence[str], shares: Floats, cutoff: str) -> Any:
    """Customers by band over time."""
    values = [
        {"date": date, "band": band, "share": float(share), "order": place}
        for date, line in zip(dates, shares, strict=True)
        for place, (band, share) in enumerate(zip(("lapsed", "red", "yellow", "green"), line, strict=True))
    ]
    areas = (
        alt.Chart(data(values))
        .mark_area()
        .encode(
            x=alt.X("date:T", title=None),
            y=alt.Y("share:Q", title="share of customers", axis=alt.Axis(format="%")),
            color=alt.Color(
                "band:N", scale=alt.Scale(domain=list(_BANDS), range=list(_BANDS.values())), title=None
            ),
            order="order:Q",
        )
    )
    rule = alt.Chart(data([{"date": cutoff}])).mark_rule(strokeDash=[4, 4]).encode(x="date:T")
    return (areas + rule).properties(width=880, height=200, title="Bands over time; dashed: the cut-off")


def lead(found: Mapping[str, Any]) -> Any:
    """Share of the lost who were called in time, against days of silence at as many alarms."""
    values = []
    for level, told in found.items():
        for name, source in (
            (f"{level} band", told),
            (f"{told['silent']['days']} days silent", told["silent"]),
        ):
            values += [
                {
                    "level": level,
                    "alarm": name,
                    "days": f"{days} days before",
                    "share": source[f"at_{days}_days"],
                }
                for days in (30, 60, 90)
            ]
    return (
        alt.Chart(data(values))
        .mark_bar()
        .encode(
            x=alt.X("days:N", title=None, axis=alt.Axis(labelAngle=0)),
            xOffset="alarm:N",
            y=alt.Y("share:Q", title="share of the lost", axis=alt.Axis(format="%")),
            color=alt.Color("alarm:N", title=None, scale=alt.Scale(scheme="tableau10")),
        )
        .properties(**_SIZE, title="Lead time")
    )


def rolling(cutoffs: Sequence[Mapping[str, Any]]) -> Any:
    """AUC at each cut-off, over all and among recent buyers."""
    values = [
        {"date": each["cutoff"], "score": _named(name), "auc": told[figure], "whom": whom}
        for each in cutoffs
        for name, told in each["scores"].items()
        if told is not None and name in ("starter", "fitted", "recency", "logistic_rfm")
        for figure, whom in (("auc", "all"), ("auc_recent", "recent buyers"))
        if told[figure] is not None
    ]
    names = ["fitted", "starter", "recency", "logistic_rfm"]
    return (
        alt.Chart(data(values))
        .mark_line(point=True)
        .encode(
            x=alt.X("date:T", title=None),
            y=alt.Y("auc:Q", scale=alt.Scale(zero=False), title="AUC"),
            color=_colour(names),
        )
        .properties(width=400, height=200)
        .facet(column=alt.Column("whom:N", title=None))
        .properties(title="Rolling cut-offs")
    )


def migration(matrix: Mapping[str, Mapping[str, int]], a: str, b: str) -> Any:
    """Customers by where two scorecards put them; the shade is the share of the row."""
    values = [
        {"from": start, "to": end, "customers": count, "share": count / max(sum(line.values()), 1)}
        for start, line in matrix.items()
        for end, count in line.items()
    ]
    order = list(matrix)
    cells = alt.Chart(data(values)).encode(
        x=alt.X("to:N", sort=order, title=b, axis=alt.Axis(orient="top", labelAngle=0)),
        y=alt.Y("from:N", sort=order, title=a),
    )
    shades = cells.mark_rect(stroke="#ffffff", strokeWidth=2).encode(
        color=alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], range=["#f4f6f7", "#2f6f8f"]), legend=None)
    )
    counts = cells.mark_text(fontSize=15).encode(
        text=alt.Text("customers:Q", format=","),
        color=alt.condition("datum.share > 0.6", alt.value("#ffffff"), alt.value("#1c2733")),
    )
    return (shades + counts).properties(width=520, height=300)
