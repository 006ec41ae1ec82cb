"""What the play looks like while it runs: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sandbox.adapters.sender import Sender, Tally
from sandbox.adapters.watch import Watch
from sandbox.domain.log import LIVE_START
from sandbox.domain.pace import LIVE

REFRESH_S = 0.25  # terminal
LINE_EVERY_S = 5.0  # no terminal: a log, not a cinema

ShowHistory = Callable[[Tally], None]


class ShowLive(Protocol):
    def __call__(self, now: datetime, sender: Sender, watch: Watch, mails: int) -> None: ...


class Screen:
    """Progress on `console`. Every method may be called as often as one likes: it paces itself."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar: Progress | None = None
        self._next = 0.0
        self.over = False  # the year is over: an interrupt now is the way to end, not a break

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)

    def waiting(self, text: str) -> None:
        if self._due():
            self.say(f"Waiting: {text}")

    @contextmanager
    def history(self, total: int) -> Iterator[ShowHistory]:
        began = time.monotonic()
        with self._progress("history (nine months, no outreach)", total) as move:

            def show(tally: Tally) -> None:
                if self._due():
                    done = tally.accepted + tally.refused
                    rate = tally.events / max(time.monotonic() - began, 0.001)
                    move(done, f"{done:,} webhooks, {rate:,.0f} events/s{_trouble(tally)}")

            yield show
            move(total, f"{total:,} webhooks in {time.monotonic() - began:.0f} s")

    @contextmanager
    def live(self) -> Iterator[ShowLive]:
        began = time.monotonic()
        with self._progress("live (nine months)", LIVE.days) as move:

            def show(now: datetime, sender: Sender, watch: Watch, mails: int) -> None:
                if self._due():
                    days = (now - LIVE_START).days
                    rate = len(sender.tally.sent_at) / max(time.monotonic() - began, 0.001)
                    move(days, f"{now:%Y-%m-%d}  {rate:,.0f} events/s  {_state(watch)}  {mails} mails"
                         f"{_behind(sender)}{_trouble(sender.tally)}")  # fmt: skip

            yield show

    @contextmanager
    def _progress(self, name: str, total: int) -> Iterator[Callable[[int, str], None]]:
        self._next = 0.0
        if not self.console.is_terminal:
            yield lambda done, text: self.say(f"{name}: {100 * done // max(total, 1)} %  {text}")
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
        with Progress(*columns, TextColumn("{task.fields[said]}"), console=self.console) as bar:
            task = bar.add_task(name, total=total, said="")
            yield lambda done, text: bar.update(task, completed=done, said=text)

    def _due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + (REFRESH_S if self.console.is_terminal else LINE_EVERY_S)
        return True


def _state(watch: Watch) -> str:
    bands = watch.distribution()
    told = "/".join(str(bands[band]) for band in ("green", "yellow", "red"))
    return f"green/yellow/red {told}  {len(watch.fired)} triggers"


def _behind(sender: Sender) -> str:
    return f"  {sender.waiting} due" if sender.waiting > 200 else ""


def _trouble(tally: Tally) -> str:
    return f"  {tally.unconfirmed} unanswered" if tally.unconfirmed else ""
