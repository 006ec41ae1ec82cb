"""`greenline ingest dead-letters`: what was signed but not understood, read again or given up."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from services.ingest.adapters.dead_letters import PostgresDeadLetters
from services.ingest.commands.redriving import EVERYTHING, Tally, redrive_all
from services.ingest.commands.store import with_store
from services.ingest.ports import KeptLetter, LetterQuery, StoredLetter

app = typer.Typer(no_args_is_help=True, help="What was signed but not understood.")

STAYED = 3  # exit status: something is still not understood
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


State = Annotated[
    Literal["waiting", "redriven", "dropped", "erased", "all"], typer.Option(help="What became of them.")
]
Ids = Annotated[list[str] | None, typer.Argument(help="Letters by their ids.", show_default=False)]
Reason = Annotated[str | None, typer.Option(help="Only this reason, such as unknown_topic.")]
SourceName = Annotated[str | None, typer.Option("--source", help="Only this source.")]
Topic = Annotated[str | None, typer.Option(help="Only this topic of the provider's, such as orders/create.")]
Older = Annotated[str | None, typer.Option(help="Only those that wait longer, such as 7d, 12h or 30m.")]
Younger = Annotated[str | None, typer.Option(help="Only those that wait less long.")]
Everything = Annotated[bool, typer.Option("--all", help="All that wait.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on the standard output.")]


@app.command("list")
def list_letters(
    *,
    reason: Reason = None,
    source: SourceName = None,
    topic: Topic = None,
    older: Older = None,
    younger: Younger = None,
    state: State = "waiting",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many of the newest to show.")] = 20,
    as_json: Json = False,
) -> None:
    """How many wait by source and reason, then the newest letters."""
    wanted = None if state == "all" else state
    query = LetterQuery((), reason, source, topic, _ago(older), _ago(younger), wanted)

    async def read(store: PostgresDeadLetters) -> tuple[list[tuple[str, str, int]], list[StoredLetter]]:
        return await store.counts(), await store.find(query, limit)

    counts, letters = with_store(PostgresDeadLetters, read)
    if as_json:
        rows = [{"source": name, "reason": why, "letters": number} for name, why, number in counts]
        _print_json({"waiting": rows, "letters": [asdict(letter) for letter in letters]})
        return
    for table in (_counts_table(counts), _letters_table(letters)):
        Console().print(table)


@app.command()
def show(
    reference: Annotated[str, typer.Argument(metavar="ID")],
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="Also the body's bytes, on the standard output.")
    ] = False,
) -> None:
    """One letter: where it came from, why it waits, how its bytes were proven; never what proved them."""

    async def read(store: PostgresDeadLetters) -> tuple[list[StoredLetter], KeptLetter | None]:
        return await store.find(LetterQuery((reference,), state=None), 1), await store.load(reference)

    found, kept = with_store(PostgresDeadLetters, read)
    if not found or (raw and kept is None):
        typer.echo(f"There is no letter {reference}{' with a body' if found else ''}.", err=True)
        raise typer.Exit(1)
    # The bytes alone go to the standard output, so that they can be piped.
    console = Console(stderr=raw, highlight=False, soft_wrap=True)
    for name, value in {**asdict(found[0]), "headers": kept.headers if kept else {}}.items():
        console.print(f"{name:<12} {_shown(value)}", markup=False)
    if raw and kept is not None:
        sys.stdout.buffer.write(kept.body)


@app.command()
def redrive(
    ids: Ids = None,
    *,
    reason: Reason = None,
    source: SourceName = None,
    topic: Topic = None,
    older: Older = None,
    younger: Younger = None,
    everything: Everything = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would become of each.")] = False,
) -> None:
    """Read letters again with today's mapping and publish what they say; exit 3 if any still stays."""
    query = LetterQuery(tuple(ids or ()), reason, source, topic, _ago(older), _ago(younger))
    _require_choice(query, everything)
    tally = with_store(lambda engine: engine, lambda engine: redrive_all(engine, query, dry=dry_run))
    _report(tally, dry_run)
    if tally.stayed:
        raise typer.Exit(STAYED)
    _require_all(ids, tally.redriven)


@app.command()
def drop(
    ids: Ids = None,
    *,
    because: Annotated[str, typer.Option(help="Why, for whoever asks later; name nobody.")],
    reason: Reason = None,
    source: SourceName = None,
    topic: Topic = None,
    older: Older = None,
    younger: Younger = None,
    everything: Everything = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give letters up: the record that each was there and why it was dropped stays, the bytes go."""
    query = LetterQuery(tuple(ids or ()), reason, source, topic, _ago(older), _ago(younger))
    _require_choice(query, everything)
    found = with_store(PostgresDeadLetters, lambda store: store.find(query, EVERYTHING))
    if found and not ids and not yes:
        typer.confirm(f"Drop {len(found)} letters for good?", abort=True)

    async def settle(store: PostgresDeadLetters) -> int:
        result = {"because": because}
        return sum([await store.settle(letter.reference, "dropped", result) for letter in found])

    dropped = with_store(PostgresDeadLetters, settle)
    typer.echo(f"{dropped} dropped")
    _require_all(ids, dropped)


def _require_all(ids: Sequence[str] | None, done: int) -> None:
    if done < len(set(ids or ())):
        typer.echo("Some of these do not wait: they are unknown, or settled already.", err=True)
        raise typer.Exit(1)


def _require_choice(query: LetterQuery, everything: bool) -> None:
    """Nothing chosen is a mistake, not everything."""
    if query == LetterQuery() and not everything:
        raise typer.BadParameter("name ids, a filter such as --reason, or --all")


def _ago(age: str | None) -> datetime | None:
    if age is None:
        return None
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", age)
    if found is None:
        raise typer.BadParameter(
            f"{age}: an age is a number of days, hours or minutes, such as 7d, 12h or 30m"
        )
    return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})


def _counts_table(counts: Sequence[tuple[str, str, int]]) -> Table:
    table = Table("source", "reason", "letters", box=box.SIMPLE)
    for source, reason, number in counts:
        table.add_row(source, reason, str(number))
    return table


def _letters_table(letters: Sequence[StoredLetter]) -> Table:
    """Within 80 columns; what is cut off there `show` says in full, and a wider screen shows more."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    settled = any(letter.state != "waiting" for letter in letters)
    widths = {"id": 23, "age": 4, "source": 12, "reason": 16} | ({"state": 8} if settled else {})
    for name, width in widths.items():
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=width)
    table.add_column("topic", no_wrap=True, overflow="ellipsis", ratio=1)
    now = datetime.now(UTC)
    for letter in letters:
        state = [letter.state] if settled else []
        age = _age(now - letter.stored_at)
        table.add_row(letter.reference, age, letter.source, letter.reason, *state, letter.topic or "")
    return table


def _age(waited: timedelta) -> str:
    minutes = int(waited.total_seconds()) // 60
    return next(
        (f"{minutes // size}{unit}" for size, unit in ((1440, "d"), (60, "h")) if minutes >= size),
        f"{minutes}m",
    )


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S %Z")
    return json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value)


def _report(tally: Tally, dry_run: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for line in tally.lines:
        console.print(line, markup=False)
    done = "would be redriven" if dry_run else "redriven"
    console.print(f"{tally.redriven} {done}, {tally.stayed} stay")


def _print_json(body: object) -> None:
    typer.echo(json.dumps(body, default=_json_value, indent=1))


def _json_value(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
