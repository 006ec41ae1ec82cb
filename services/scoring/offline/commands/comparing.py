"""`compare`: two scorecards on one log, as a table, compare.json and compare.html."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from libs.runtime.errors import ConfigError
from libs.runtime.offline.page import pretty
from libs.runtime.offline.pictures import svg
from services.scoring.adapters.scorecard_file import load_scorecard
from services.scoring.offline import pictures
from services.scoring.offline.commands.files import day_within, read_some
from services.scoring.offline.compare import STATES
from services.scoring.offline.compare import compare as compared
from services.scoring.offline.page import render


def compare(events: Path, scorecards: Sequence[Path], at: int | None, console: Console) -> dict[str, Any]:
    """Raises ConfigError."""
    if len(scorecards) != 2:
        raise ConfigError(f"{len(scorecards)} scorecards: name two, --scorecard A --scorecard B")
    a, b = map(load_scorecard, scorecards)
    if a.version == b.version:
        raise ConfigError(f"both scorecards are version {a.version}: give one another `version`")
    log = read_some(events, console)
    day = day_within(log, at)
    with console.status("both scorecards"):
        return {"source": events.name, **compared(log, a, b, day)}


def write(body: dict[str, Any], folder: Path) -> tuple[Path, Path]:
    """compare.json and compare.html, into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / "compare.json", folder / "compare.html"
    data.write_text(pretty(body) + "\n")
    picture = svg(pictures.migration(body["matrix"], body["a"]["scorecard"], body["b"]["scorecard"]))
    page.write_text(render("compare.html.j2", **body, states=STATES, picture=picture))
    return data, page


def show(body: dict[str, Any], console: Console) -> None:
    a, b = body["a"]["scorecard"], body["b"]["scorecard"]
    head = f"{body['customers']:,} customers on {body['at']}: from {a} (down) to {b} (across)"
    console.print(head, highlight=False, soft_wrap=True)
    shown = Table()
    shown.add_column("")
    for state in STATES:
        shown.add_column(state, justify="right")
    for state, line in body["matrix"].items():
        shown.add_row(state, *(f"{count:,}" for count in line.values()))
    console.print(shown)
    points = body["points"]
    moved = f"{body['moved']:,} ({body['moved_share']:.1%}) stand elsewhere"
    sizes = f"{points['mean_size']:.1f} points on average, {points['p95_size']:.1f} at the 95th percentile"
    console.print(f"{moved}; scores move by {sizes}", highlight=False, soft_wrap=True)
    for each in body["movers"][:5]:
        start, end = (f"{each[side]['score']:.1f} {each[side]['state']}" for side in ("a", "b"))
        why = f"{each['signal']} {each['signal_points']:+.1f}"
        console.print(f"  {each['customer']} {each['points']:+.1f}: {start} to {end}; {why}", highlight=False)
