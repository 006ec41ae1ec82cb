"""`dry-run`: rule files over a folder of frames, as a table, dry-run.json and dry-run.html."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from libs.runtime.errors import ConfigError
from libs.runtime.offline.page import pretty, renderer
from libs.runtime.offline.pictures import svg
from services.triggers.adapters.rule_file import load
from services.triggers.offline import pictures
from services.triggers.offline.figures import OVERLAP_DAYS, Question, Rules, figures
from services.triggers.offline.frames import Frames
from services.triggers.offline.run import Run
from services.triggers.offline.silences import Judge, Purchases

_render = renderer("services.triggers.offline")


class Asked(NamedTuple):
    """What the command line names."""

    rules: Path
    frames: Path
    against: Path | None = None
    question: Question = Question()


def dry_run(asked: Asked, console: Console) -> dict[str, Any]:
    """Everything, as plain values. Raises ConfigError."""
    sets = _sets(asked)
    runs = [Run(each.rules) for each in sets]
    frames = Frames(asked.frames, frozenset().union(*(run.columns for run in runs)))
    purchases = Purchases()
    with Progress(console=console, transient=True) as progress:
        for frame in progress.track(frames, total=len(frames), description="days"):
            purchases.see(frame)
            for run in runs:
                run.step(frame)
    judge = Judge(purchases.silences(), len(frames) - 1, asked.question.horizon)
    return {
        "frames": asked.frames.name,
        "first_day": f"{frames.days[0]}",
        "last_day": f"{frames.days[-1]}",
        "days": len(frames),
        "customers": frames.customers,
        "scorecard": frames.scorecard,
        "horizon_days": asked.question.horizon,
        "minutes_per_task": asked.question.minutes,
        "overlap_days": OVERLAP_DAYS,
        "sets": [figures(each, run, judge, asked.question) for each, run in zip(sets, runs, strict=True)],
    }


def _sets(asked: Asked) -> list[Rules]:
    """One or two rule files, by short names that differ."""
    paths = [asked.rules] if asked.against is None else [asked.rules, asked.against]
    if len({path.resolve() for path in paths}) < len(paths):
        raise ConfigError(f"--against {asked.against}: the same file as --rules: name another")
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    return [Rules(name, load(path)) for name, path in zip(names, paths, strict=True)]


def write(body: dict[str, Any], folder: Path) -> tuple[Path, Path]:
    """dry-run.json and dry-run.html, into `folder`, which `prepare` has made."""
    values, page = folder / "dry-run.json", folder / "dry-run.html"
    values.write_text(pretty(body) + "\n")
    fires = pictures.fires(body["sets"], body["first_day"])
    overlaps = {each["name"]: pictures.overlap(each["overlap"]) for each in body["sets"]}
    drawn = {name: svg(chart) for name, chart in overlaps.items() if chart is not None}
    page.write_text(
        _render(
            "dry-run.html.j2",
            **body,
            lines=list(side_by_side(body["sets"])),
            held=held(body["sets"]),
            counted=_counted(body["sets"]),
            fires=fires and svg(fires),
            overlaps=drawn,
        )
    )
    return values, page


class Line(NamedTuple):
    """A rule in one of the rule files."""

    rule: str
    set: str
    told: dict[str, Any]


def side_by_side(sets: Sequence[dict[str, Any]]) -> Iterator[Line]:
    """Every rule in the order of the files, with its figures in each file that has it."""
    ids = dict.fromkeys(told["rule"] for each in sets for told in each["rules"])
    for rule in ids:
        found = [(each["name"], told) for each in sets for told in each["rules"] if told["rule"] == rule]
        for name, told in found:
            yield Line(rule, name, told)


class Held(NamedTuple):
    """A rule that no frame can make true, and the facts that are missing. `only`: in this file alone."""

    rule: str
    title: str
    lacks: list[str]
    only: str


def held(sets: Sequence[dict[str, Any]]) -> list[Held]:
    """Each once, however many files have it held for the same facts."""
    found: dict[tuple[str, tuple[str, ...]], list[Line]] = {}
    for line in side_by_side(sets):
        if line.told["held_for"]:
            found.setdefault((line.rule, tuple(line.told["held_for"])), []).append(line)
    return [
        Held(rule, lines[0].told["title"], list(lacks), lines[0].set if len(lines) < len(sets) else "")
        for (rule, lacks), lines in found.items()
    ]


def _counted(sets: Sequence[dict[str, Any]]) -> str:
    """As "7 of 8 rules of standard"."""
    counts = ((sum(bool(told["held_for"]) for told in each["rules"]), each) for each in sets)
    return ", ".join(f"{count} of {len(each['rules'])} rules of {each['name']}" for count, each in counts)


# -- on a terminal of 80 columns

_HEADS = (
    "fires",
    "custo-\nmers",
    "flaps\navoided",
    "hours\na week",
    "preci-\nsion",
    "recall",
    "lead\ndays",
    "earlier\n(N)",
)
_NAME = 20  # characters of a rule's id in a line


def show(body: dict[str, Any], console: Console) -> None:
    span = f"{body['first_day']} to {body['last_day']}, scorecard {body['scorecard']}"
    console.print(f"{body['customers']:,} customers, {span}", highlight=False, soft_wrap=True)
    console.print(_table(body))
    silenced = held(body["sets"])
    if silenced:
        console.print(f"{_counted(body['sets'])} are held, no frame has what they ask for:", highlight=False)
    for each in silenced:
        line = f"  {each.rule}{each.only and f' in {each.only}'}: {', '.join(each.lacks)}"
        console.print(line, highlight=False, soft_wrap=True)
    for line in _legend(body):
        console.print(line, highlight=False, style="dim")


def _table(body: dict[str, Any]) -> Table:
    two = len(body["sets"]) > 1
    shown = Table(box=box.SIMPLE_HEAD, padding=0)
    shown.add_column("rule", overflow="fold", max_width=_NAME)
    for head in _HEADS:
        shown.add_column(head, justify="right")
    for rule, lines in groupby(side_by_side(body["sets"]), lambda line: line.rule):
        spoke = [line for line in lines if line.told["figures"]]
        name = "\n".join(wrap(rule, _NAME))
        if spoke and two:
            shown.add_row(name)
        for line in spoke:
            shown.add_row(f"  {line.set}" if two else name, *_cells(line.told["figures"]))
    shown.add_section()
    for each in body["sets"]:
        hours = f"{each['hours_a_week']:.1f}"
        name = f"all of {each['name']}" if two else "all"
        shown.add_row(name, f"{each['fires']:,}", f"{each['customers']:,}", "", hours)
    return shown


def _cells(found: dict[str, Any]) -> list[str]:
    silence = found["silence"]
    return [
        f"{found['fires']:,}",
        f"{found['customers']:,}",
        f"{found['flaps_avoided']:,}",
        f"{found['hours_a_week']:.1f}",
        _percent(found["precision"]),
        _percent(found["recall"]),
        _days(found["lead_days"]),
        f"{_days(found['earlier_days'])} ({silence['days']})" if silence else "",
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _days(days: float | None) -> str:
    return "" if days is None else f"{days:.0f}"


def _legend(body: dict[str, Any]) -> list[str]:
    horizon = body["horizon_days"]
    return [
        f"precision: of the firings, those with no order in the next {horizon} days",
        f"recall: of the silences of {horizon} days, those called before they were so long",
        "lead: days from the first call to then; earlier: by so many days than N days of",
        "silence would have called the same customers, at as many calls",
    ]
