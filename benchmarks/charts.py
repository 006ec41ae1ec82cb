"""Pictures of the benchmarks' figures."""

from pathlib import Path
from typing import Any

import altair as alt

Newest = dict[tuple[str, str, str], float]

_NAMES = {
    "greenline": "Greenline, exactly once",
    "kafka-streams-eos": "Kafka Streams, exactly once",
    "kafka-streams": "Kafka Streams, at least once",
    "quix": "Quix Streams",
    "faust-stock": "stock Faust",
    "limit": "bare read and decode",
}
_OURS, _OTHERS, _GREY = "#1a7f5a", "#8aa4b8", "#c9ced3"


def engines(found: Newest) -> Any:
    """Events a second of each engine on the equal job."""
    values = [
        {
            "engine": name,
            "rate": found["equal_job", case, "events_per_s"],
            "kind": "ours" if case == "greenline" else "limit" if case == "limit" else "others",
        }
        for case, name in _NAMES.items()
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("engine:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
        x=alt.X("rate:Q", title="events a second, one worker", axis=alt.Axis(format="~s")),
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(range=[_OURS, _OTHERS, _GREY], domain=["ours", "others", "limit"]),
            legend=None,
        )
    )
    numbers = base.mark_text(align="left", dx=4).encode(text=alt.Text("rate:Q", format=",.0f"))
    return (bars + numbers).properties(
        width=480, height=190, title="The equal job, side by side on two cores"
    )


def latency(found: Newest) -> Any:
    """p50 and p99 by rate, with the goals."""
    cases = {
        "event_100": "event 100/s",
        "event_2000": "event 2,000/s",
        "event_10000": "event 10,000/s",
        "webhook_100": "webhook 100/s",
        "webhook_2000": "webhook 2,000/s",
    }
    values = [
        {"case": name, "share": share, "ms": found["latency", case, share]}
        for case, name in cases.items()
        for share in ("p50", "p99")
    ]
    bars = (
        alt.Chart(alt.Data(values=values))
        .mark_bar()
        .encode(
            x=alt.X("case:N", sort=None, title=None, axis=alt.Axis(labelAngle=0)),
            xOffset="share:N",
            y=alt.Y("ms:Q", title="ms until readable by anybody"),
            color=alt.Color("share:N", scale=alt.Scale(range=[_OURS, _OTHERS]), title=None),
        )
    )
    goals = alt.Chart(alt.Data(values=[{"ms": 100, "goal": "goal p50"}, {"ms": 250, "goal": "goal p99"}]))
    rules = goals.mark_rule(strokeDash=[4, 4], color="#b05050").encode(y="ms:Q")
    words = goals.mark_text(align="left", x=4, dy=-6, color="#b05050").encode(y="ms:Q", text="goal:N")
    return (bars + rules + words).properties(width=560, height=220, title="From arrival to health, open loop")


def scale(found: Newest) -> Any:
    """Memory a customer and time an event by the number of customers."""
    sizes = (10_000, 100_000, 1_000_000)
    shown = {"bytes_per_customer": "bytes a customer", "step_us_per_event": "microseconds an event"}
    charts = []
    for metric, title in shown.items():
        values = [{"n": n, "value": found["scale", f"{n}_customers", metric]} for n in sizes]
        line = alt.Chart(alt.Data(values=values)).mark_line(point=True, color=_OURS)
        charts.append(
            line.encode(
                x=alt.X(
                    "n:Q",
                    scale=alt.Scale(type="log"),
                    title="customers",
                    axis=alt.Axis(format="~s", values=sizes),
                ),
                y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=True)),
            ).properties(width=260, height=180)
        )
    return alt.hconcat(*charts).properties(title="A hundred times the customers")


def save(chart: Any, path: Path) -> None:
    chart.save(str(path), scale_factor=2)
