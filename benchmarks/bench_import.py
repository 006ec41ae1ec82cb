"""How fast history goes in from a file: Kafka, PostgreSQL and the import share the machine.

Run: python -m benchmarks.bench_import [--events 200000] [--customers 20000] [--kind csv] [--profile]
Kinds: csv and jsonl (an order a line), shopify (an order export: order, payment, order number, address).
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import uvloop
import yaml
from rich.console import Console

from benchmarks.broker import FOLDER, running_stack
from benchmarks.results import Figure, append
from libs.events import build, encode
from libs.events.families.commerce import OrderPlaced
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stack import StackState
from services.ingest.adapters.migrate import migrate
from services.ingest.import_command import Order, run_import
from services.ingest.ports import Imported
from services.ingest.settings import IngestSettings

_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
_SPAN_S = 2 * 365 * 86_400  # two years, spread evenly
_SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Currency,Total,Created at,"
    "Lineitem quantity,Lineitem name,Billing Name,Id"
)

Purchases = Iterator[tuple[int, int, datetime, str]]


def purchases(events: int, customers: int) -> Purchases:
    """Number, customer, time and amount, in order of time."""
    dice = random.Random(7)
    for number in range(events):
        at = _BEGIN + timedelta(seconds=number * _SPAN_S // events)
        yield number, dice.randrange(customers), at, f"{dice.randrange(100, 20_000) / 100:.2f}"


def csv_lines(rows: Purchases) -> Iterator[str]:
    yield "customer_id,time,type,amount,currency"
    for _, customer, at, amount in rows:
        yield f"{customer},{at.isoformat()},order,{amount},USD"


def json_lines(rows: Purchases) -> Iterator[str]:
    for number, customer, at, amount in rows:
        data = OrderPlaced(order_id=f"{number}", amount=amount, currency="USD")
        told = {"source": "standard/bench", "tenant": "bench", "subject": f"{customer}"}
        yield encode(build(data, id=f"order:{number}", time=at, receivedat=at, **told)).decode()


def shopify_lines(rows: Purchases) -> Iterator[str]:
    """Two events a row: placed and paid; every other order has a second line item."""
    yield _SHOPIFY
    for number, customer, at, amount in rows:
        if number % 2:
            continue
        when = at.strftime("%Y-%m-%d %H:%M:%S +0000")
        mail, name = f"c{customer}@shopper.example", f"Ada {customer}"
        yield f"#{number},{mail},paid,{when},USD,{amount},{when},1,Thing,{name},{9_000_000 + number}"
        if number % 4:
            yield f"#{number},{mail},,,,,,2,Other thing,,"


KINDS: dict[str, Callable[[Purchases], Iterator[str]]] = {
    "csv": csv_lines,
    "jsonl": json_lines,
    "shopify": shopify_lines,
}


def cpu_of(names: tuple[str, ...]) -> float:
    """CPU seconds so far of this benchmark's own servers."""
    mine = str(FOLDER)
    found = 0.0
    for process in psutil.process_iter(["name", "cmdline", "cpu_times", "cwd"]):
        told = " ".join([*(process.info["cmdline"] or ()), process.info["cwd"] or ""])
        if mine in told and any(name in (process.info["name"] or "") for name in names):
            found += sum(process.info["cpu_times"][:4])  # of its ended children too
    return found


def busy() -> float:
    """CPU seconds all processes of the machine have used."""
    times = psutil.cpu_times()
    return times.user + times.system + times.nice + times.irq + times.softirq


async def import_file(path: Path, state: StackState, provider: str) -> Imported:
    sources = path.with_name("sources.yaml")
    entry = {"name": "history", "provider": provider, "tenant": "bench", "secrets": ["whsec_YmVuY2g="]}
    sources.write_text(yaml.safe_dump({"sources": [{**entry, "backfill": True}]}))
    runtime = RuntimeSettings(kafka=state.kafka.url, database_url=state.postgres.url)
    settings = IngestSettings(sources_file=sources)
    return await run_import(Order(path, "history"), settings, runtime, Console(quiet=True))


def measure(kind: str, path: Path, state: StackState, profile: cProfile.Profile | None) -> list[Figure]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(migrate(state.postgres.url))
        servers = {"kafka": ("java",), "postgres": ("postgres",)}
        before = {name: cpu_of(of) for name, of in servers.items()}
        all_before, began, cpu = busy(), time.perf_counter(), time.process_time()
        if profile:
            profile.enable()
        done = runner.run(import_file(path, state, "shopify" if kind == "shopify" else "standard"))
        if profile:
            profile.disable()
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    events = done.events.total()
    spent = {name: cpu_of(of) - before[name] for name, of in servers.items()}
    others = busy() - all_before - cpu - sum(spent.values())
    return [
        Figure(kind, "events_per_s", events / wall, "1/s"),
        Figure(kind, "import_us_per_event", cpu / events * 1e6, "us"),
        *(Figure(kind, f"{name}_us_per_event", used / events * 1e6, "us") for name, used in spent.items()),
        # What other people took of the cores meanwhile: 0 on a machine left alone.
        Figure(kind, "others_share_of_cores", others / wall / (os.cpu_count() or 1), ""),
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=200_000)
    options.add_argument("--customers", type=int, default=20_000)
    options.add_argument("--kind", choices=KINDS, action="append")
    options.add_argument("--profile", action="store_true", help="say where the time goes, append nothing")
    chosen = options.parse_args()
    for kind in chosen.kind or KINDS:
        profile = cProfile.Profile() if chosen.profile else None
        with running_stack() as state:
            path = FOLDER / f"history.{kind}"
            lines = KINDS[kind](purchases(chosen.events, chosen.customers))
            path.write_text("".join(f"{line}\n" for line in lines))
            figures = measure(kind, path, state, profile)
        for figure in figures:
            print(f"import,{figure.case},{figure.metric},{figure.value:.4g},{figure.unit}", flush=True)
        if profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(28)
        else:
            append("import", figures)


if __name__ == "__main__":
    main()
