"""`audit`: what a log holds and what it lacks, in words or as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from services.scoring.offline.audit import LIVE
from services.scoring.offline.audit import audit as audited
from services.scoring.offline.commands.files import card_of, read_some
from services.scoring.offline.held import STANDARD, load_rules

Body = Mapping[str, Any]


def audit(events: Path, scorecard: Path | None, rules: Path | None, console: Console) -> dict[str, Any]:
    """Raises ConfigError."""
    card, texts = card_of(scorecard), load_rules(rules or STANDARD)
    return {"source": events.name, **audited(read_some(events, console), card, texts)}


def show(body: Body, console: Console) -> None:
    head = f"{body['events']:,} events of {body['customers']:,} customers"
    span = f"{body['first_day']} to {body['last_day']}, scorecard {body['scorecard']}"
    console.print(f"{body['source']}: {head}, {span}", highlight=False, soft_wrap=True)
    console.print(_signals(body), _sources(body))
    for line in (*_held(body), *_connecting(body), *_unknown(body)):
        console.print(line, highlight=False, soft_wrap=True)


def _table(title: str, columns: Sequence[str], left: Sequence[str]) -> Table:
    shown = Table(title=title, title_justify="left")
    for name in columns:
        shown.add_column(name, justify="left" if name in left else "right", no_wrap=name == columns[0])
    return shown


def _signals(body: Body) -> Table:
    columns = ("signal", "weight", "customers with it", "evidence", "newest event", "fed by")
    shown = _table("Signals", columns, ("signal", "fed by"))
    for each in body["signals"]:
        evidence = "" if each["evidence"] is None else f"{each['evidence']:.2f}"
        cells = (f"{each['weight']:.0%}", f"{each['coverage']:.1%}", evidence, _ago(each["age_days"]))
        shown.add_row(each["signal"], *cells, ", ".join(each["sources"]))
    return shown


def _sources(body: Body) -> Table:
    quiet = f"quiet days of {body['gap_days']}"
    columns = ("source", "is", "events", "newest event", quiet)
    shown = _table("Sources", columns, ("source", "is"))
    for each in body["sources"]:
        cells = (f"{each['events']:,}", _ago(each["age_days"]), str(each["days_without_an_event"]))
        shown.add_row(each["source"], each["status"], *cells)
    return shown


def _ago(days: float | None) -> str:
    return "never" if days is None else f"{days:.1f} days ago"


def _held(body: Body) -> list[str]:
    held = body["rules_held"]
    if not held:
        return [f"All {body['rules']} rules have the sources they need."]
    lines = [f"{len(held)} of {body['rules']} rules can never come true, because what they ask is not heard:"]
    return lines + [
        f"  {each['rule']} ({each['title']}): needs {' or '.join(each['needs'])} for {_listed(each['facts'])}"
        for each in held
    ]


def _connecting(body: Body) -> list[str]:
    """What is worth connecting, what brings most first."""
    worth = [each for each in body["connecting"] if each["signals"] or each["facts"]]
    worth.sort(key=lambda each: (len(each["rules"]), len(each["signals"]), len(each["facts"])), reverse=True)
    lines = ["Connecting would add:"] if worth else []
    for each in worth:
        parts = (("signals", each["signals"]), ("facts", each["facts"]), ("rules", each["rules"]))
        said = "; ".join(f"{what} {_listed(names)}" for what, names in parts if names)
        lines.append(f"  {each['source']} ({each['status']}): {said}")
    return lines


def _unknown(body: Body) -> list[str]:
    """Facts that nobody has although a source is there: perhaps it leaves them out."""
    live = {each["source"] for each in body["sources"] if each["status"] == LIVE}
    names = [each["fact"] for each in body["unknown_facts"] if live & set(each["needs"])]
    return [f"Not known of anybody although the source is live: {_listed(names)}"] if names else []


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
