"""What the play came to: figures for people, then the ledger in one line for machines."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from sandbox.adapters.sentlog import attempts
from sandbox.adapters.settled import Settled
from sandbox.adapters.topics import Recount, recount
from sandbox.domain.ledger import Ledger, balance, count_sent
from sandbox.domain.log import LIVE_END
from sandbox.domain.outcome import Lift, lift
from sandbox.domain.shapes.shopify import FIRST_ORDER
from sandbox.domain.statistics import Interval, percentile
from sandbox.place import Place
from sandbox.play import Performance

BANDS = ("green", "yellow", "red")


@dataclass(frozen=True, slots=True)
class Report:
    """Everything counted at the end."""

    ledger: Ledger
    counted: Recount
    lift: Lift | None = None


async def count(place: Place, played: Performance | None = None) -> Report:
    """Recount from the shop's log and the topics; nothing of it comes from a service's own counters."""
    counted = await recount(place.kafka)
    ledger = balance(count_sent(attempts(place.sent_file)), counted.topics())
    if played is None:
        return Report(ledger, counted)
    planted = {str(FIRST_ORDER + number) for number in played.answers.planted_orders()}
    found = lift(list(counted.decisions.values()), counted.orders.values(), planted, LIVE_END)
    return Report(ledger, counted, found)


def save(played: Performance, report: Report, mails: int) -> None:
    """The same figures for programs, beside the shop's log."""
    found = report.lift
    seconds = _seconds(played)
    figures = {
        "simulated": True,
        "balanced": report.ledger.balanced,
        "faults": report.ledger.faults,
        "ledger": report.ledger.figures,
        "customers": len(played.story.customers),
        "history": {"events": played.history_events, "seconds": round(played.history_s, 3)},
        "live": {"events": played.live_events, "seconds": round(played.live_s, 3)},
        "changes": len(seconds),
        "webhook_to_change_s": [percentile(seconds, share) for share in (0.5, 0.99)] if seconds else None,
        "bands": Counter(report.counted.bands.values()),
        "triggers": Counter(report.counted.fired.values()),
        "messages": mails,
        "lift": None if found is None else {**asdict(found), "planted_effect": found.planted_effect},
    }
    (played.place.sent_file.parent / "summary.json").write_text(json.dumps(figures, indent=2) + "\n")


def show(console: Console, played: Performance, report: Report, settled: Settled, mails: int) -> None:
    """The summary as a table. Everything but the orders of the log is simulated, and says so."""
    table = Table("what", "figure", title="Summary (real orders, everything around them simulated)")
    for name, figure in _rows(played, report, mails):
        table.add_row(name, figure)
    console.print(table)
    if settled.waiting:
        console.print(f"[yellow]Not everything was processed in time:[/yellow] {settled.waiting}")
    explain(console, report.ledger)


def explain(console: Console, ledger: Ledger) -> None:
    for fault in ledger.faults:
        console.print(f"[red]out of balance:[/red] {fault}", highlight=False)


def _rows(played: Performance, report: Report, mails: int) -> Iterable[tuple[str, str]]:
    counted = report.counted
    sender = played.sender
    yield "customers played", f"{len(played.story.customers):,}"
    yield "history", _rate(played.history_events, played.history_s)
    yield "live", _rate(played.live_events, played.live_s)
    if sender is not None:
        yield "webhook to health change", _latency(_seconds(played))
        if sender.tally.given_up:
            yield "given up after retries", f"{sender.tally.given_up} webhooks"
    yield "bands", _counts(Counter(counted.bands.values()), BANDS)
    yield "triggers by rule", _counts(Counter(counted.fired.values()))
    yield "interventions opened", _counts(_by_playbook(counted, "opened"))
    yield "held out", _counts(_by_playbook(counted, "held_out"))
    yield "suppressed, by reason", _counts(_reasons(counted))
    yield "messages received by the SMTP sink", f"{mails:,}"
    if played.manager is not None:
        yield "tasks completed by the simulated CSM", f"{played.manager.completed:,}"
    if report.lift is not None:
        yield from _lift_rows(report.lift)


def _seconds(played: Performance) -> list[float]:
    return [] if played.sender is None else played.watch.latencies(played.sender.tally.sent_at)


def _lift_rows(found: Lift) -> Iterable[tuple[str, str]]:
    yield "bought within 30 days, treated", _share(found.treated.hits, found.treated.total)
    yield "bought within 30 days, held out", _share(found.control.hits, found.control.total)
    if found.treated.total and found.control.total:
        yield "difference (simulated), 95 % interval", f"{_points(found.value)}, {_interval(found.interval)}"
    yield "planted effect (simulated)", _points(found.planted_effect)


def _rate(events: int, seconds: float) -> str:
    return f"{events:,} events in {seconds:.0f} s, {events / max(seconds, 0.001):,.0f} events/s"


def _latency(seconds: list[float]) -> str:
    if not seconds:
        return "no change was caused by a live webhook"
    p50, p99 = (1000 * percentile(seconds, share) for share in (0.5, 0.99))
    return f"p50 {p50:,.0f} ms, p99 {p99:,.0f} ms ({len(seconds):,} changes)"


def _by_playbook(counted: Recount, decision: str) -> Counter[str]:
    found = (one for one in counted.decisions.values() if one.decision == decision)
    return Counter(one.playbook or "all playbooks" for one in found)


def _reasons(counted: Recount) -> Counter[str]:
    return Counter(one.reason for one in counted.decisions.values() if one.decision == "suppressed")


def _counts(counts: Counter[str], names: Iterable[str] = ()) -> str:
    listed = [(name, counts[name]) for name in names] or counts.most_common()
    return ", ".join(f"{name} {number:,}" for name, number in listed) or "none"


def _share(hits: int, total: int) -> str:
    return f"{hits:,} of {total:,}" + (f" ({100 * hits / total:.1f} %)" if total else "")


def _points(value: float) -> str:
    return f"{100 * value:+.1f} points"


def _interval(interval: Interval) -> str:
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"
