"""The pictures of a dry run."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt

from libs.runtime.offline.pictures import data

_COLOURS = ("#2f6f8f", "#e08a3c")  # the first rule file, and the one beside it
_PROPOSALS = ("#d9582b", "#1f8a5b", "#8455b8")  # A, B and C
_INK, _PAPER = "#1c2733", "#ffffff"
_OVER = alt.Header(labelAngle=0, labelOrient="top", labelAnchor="start", labelFontWeight="bold")


def fires(sets: Sequence[Mapping[str, Any]], first: str) -> Any:
    """Firings a day, a strip a rule, both rule files over each other. None: nothing fired."""
    start = date.fromisoformat(first)
    values = [
        {"rule": rule["rule"], "set": each["name"], "date": f"{start + timedelta(days=day)}", "fires": count}
        for each in sets
        for rule in each["rules"]
        if rule["figures"] and rule["figures"]["fires"]
        for day, count in enumerate(rule["figures"]["per_day"])
    ]
    if not values:
        return None
    names, order = [each["name"] for each in sets], list(dict.fromkeys(value["rule"] for value in values))
    legend = alt.Legend(title=None) if len(names) > 1 else None
    colour = alt.Scale(domain=names, range=_COLOURS[: len(names)])
    return (
        alt.Chart(data(values))
        .mark_area(interpolate="step-after", opacity=0.6 if len(names) > 1 else 1.0)
        .encode(
            x=alt.X(
                "date:T", title=None, axis=alt.Axis(format="%b %Y", labelOverlap="greedy", labelSeparation=12)
            ),
            y=alt.Y("fires:Q", stack=None, title="a day", axis=alt.Axis(tickCount=3)),
            color=alt.Color("set:N", scale=colour, legend=legend),
        )
        .properties(width=840, height=80)
        .facet(row=alt.Row("rule:N", title=None, sort=order, header=_OVER))
        .resolve_scale(y="independent")
    )


def overlap(shares: Mapping[str, Mapping[str, float]]) -> Any:
    """Of the customers of the rule on the left, the share of the rule above. None: one rule."""
    if len(shares) < 2:
        return None
    values = [
        {"rule": one, "other": other, "share": share}
        for one, line in shares.items()
        for other, share in line.items()
        if one != other
    ]
    order = list(shares)
    side = 62 if len(order) <= 8 else 34
    cells = alt.Chart(data(values)).encode(
        x=alt.X(
            "other:N", sort=order, title=None, axis=alt.Axis(orient="top", labelAngle=-35, labelLimit=220)
        ),
        y=alt.Y("rule:N", sort=order, title=None, axis=alt.Axis(labelLimit=220)),
    )
    shade = alt.Scale(domain=[0, 1], range=["#f4f6f7", _COLOURS[0]])
    shades = cells.mark_rect(stroke=_PAPER, strokeWidth=2).encode(
        color=alt.Color("share:Q", scale=shade, legend=None)
    )
    shown = cells.mark_text(fontSize=13 if side > 40 else 10).encode(
        text=alt.Text("share:Q", format=".0%"),
        color=alt.condition("datum.share > 0.6", alt.value(_PAPER), alt.value(_INK)),
    )
    return (shades + shown).properties(width=side * len(order), height=0.6 * side * len(order), padding=30)


def costs(values: Sequence[Mapping[str, Any]]) -> Any:
    """Work against what is caught, on the days that are chosen by and on those after."""
    kinds = list(dict.fromkeys(each["kind"] for each in values if each["kind"].startswith("proposal")))
    domain = ["other", "front", "as it is", *sorted(kinds)]
    colours = ["#c3ccd3", "#6b7a86", _INK, *_PROPOSALS[: len(kinds)]]
    base = alt.Chart(data(values)).encode(
        x=alt.X("hours:Q", title="hours a week", axis=alt.Axis(tickCount=6)),
        y=alt.Y(
            "caught:Q", title="caught", axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(zero=False)
        ),
        tooltip=["values:N"],
    )
    dots = base.mark_point(filled=True, opacity=1).encode(
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=domain, range=colours), legend=alt.Legend(title=None)
        ),
        shape=alt.Shape(
            "kind:N",
            scale=alt.Scale(domain=domain, range=["circle", "circle", "diamond", *["square"] * len(kinds)]),
            legend=None,
        ),
        size=alt.condition("datum.kind == 'other' || datum.kind == 'front'", alt.value(35), alt.value(150)),
    )
    line = (
        base.transform_filter("datum.onfront")
        .mark_line(color="#6b7a86", strokeWidth=1, strokeDash=[3, 3], interpolate="step-after")
        .encode(order=alt.Order("hours:Q"))
    )
    return (
        alt.layer(line, dots)
        .properties(width=390, height=300)
        .facet(column=alt.Column("span:N", sort=["chosen by", "days after"], title=None, header=_OVER))
        .resolve_scale(x="independent", y="independent")
    )
