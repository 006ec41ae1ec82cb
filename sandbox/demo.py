"""The demo: an own stack, the four services and a play, from nothing to a ledger, in one process."""

import asyncio
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from libs.runtime.lifecycle import stop_on_signals
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stack import Stack, StackConfig, StackState, running_services
from libs.runtime.stack.supervisor import Supervisor, take_over
from sandbox.adapters import cdnow
from sandbox.adapters.mailbox import HOST, Mailbox, open_mailbox
from sandbox.adapters.sources import random_sources
from sandbox.domain import pace
from sandbox.domain.log import sample
from sandbox.domain.story import Story, tell
from sandbox.place import Place
from sandbox.play import Performance
from sandbox.screen import Screen
from sandbox.settings import SandboxSettings
from sandbox.summary import Report, count, explain, save, show

KAFKA_HEAP_MB = 512
READY_S = 240.0  # scoring compiles its loops on the very first start: about two minutes
SHARED = ("kafka/libs", "numba")  # Kafka's jars and the compiled loops, for all data folders of a clone


def demo(settings: SandboxSettings, runtime: RuntimeSettings, console: Console) -> Report | None:
    """Play and count. None when it was interrupted before the end."""
    signal.signal(signal.SIGTERM, _interrupt)
    root = runtime.data_dir
    folder = root / "demo"
    console.print("Reading the order log")
    log = cdnow.load(root / "cdnow")
    story = tell(sample(log, settings.customers, settings.seed), settings.seed)
    stack = Stack(StackConfig(folder, kafka_port=0, postgres_port=0, kafka_heap_mb=KAFKA_HEAP_MB))
    _fresh(stack, folder)
    screen = Screen(console)
    try:
        with _interrupts_after():
            state = stack.up(partial(_say, screen))
        return asyncio.run(_in_loop(_Stage(settings, folder, state, story, screen)))
    except KeyboardInterrupt:
        return None
    finally:
        screen.say("Stopping Kafka and PostgreSQL")
        stack.down()


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _interrupts_after() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM: a stack that is half up cannot be stopped, one that is up can."""
    asked: list[int] = []
    names = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(name, lambda number, _frame: asked.append(number)) for name in names]
    try:
        yield
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)
    if asked:
        raise KeyboardInterrupt


def _fresh(stack: Stack, folder: Path) -> None:
    """An empty folder: the ledger must find nothing of an earlier play. What is slow to get is shared."""
    take_over(folder)
    stack.down()
    shutil.rmtree(folder)
    for shared in SHARED:
        ours, theirs = folder / shared, folder.parent / shared
        theirs.mkdir(parents=True, exist_ok=True)
        ours.parent.mkdir(parents=True, exist_ok=True)
        ours.symlink_to(theirs.resolve())


@dataclass(frozen=True, slots=True)
class _Stage:
    """What is ready once the stack runs."""

    settings: SandboxSettings
    folder: Path
    state: StackState
    story: Story
    screen: Screen


async def _in_loop(stage: _Stage) -> Report | None:
    """Run the services and the play until it ends or somebody asks it to."""
    stop = stop_on_signals()
    working = asyncio.create_task(_work(stage, stop))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done() and not stage.screen.over:
        stage.screen.say("Stopping")
        working.cancel()
    with suppress(asyncio.CancelledError):
        return await working
    return None


async def _work(stage: _Stage, stop: asyncio.Event) -> Report:
    screen, sources = stage.screen, random_sources()
    place = Place(stage.folder, kafka=stage.state.kafka.url)
    sources.write(place.sources_file)
    pace.standing().write(place.clock_file)
    async with open_mailbox() as mailbox:
        env = {**stage.state.env(), **environment(stage.settings, place, mailbox)}
        report = partial(_say, screen)
        async with running_services(stage.folder, env, report=report, ready_s=READY_S) as services:
            place = _found(place, services)
            played = Performance(stage.settings, place, stage.story, sources, screen)
            mailbox.on_mail = played.on_reached
            screen.say(f"[bold]Console: {place.outreach}/queue[/bold]")
            return await _play(played, mailbox, stop)


def _say(screen: Screen, name: str, said: str) -> None:
    screen.say(f"{name}: {said}")


def environment(settings: SandboxSettings, place: Place, mailbox: Mailbox) -> Mapping[str, str]:
    """What the services are told, beyond where Kafka and PostgreSQL are."""
    return {
        "GREENLINE_CLOCK_FILE": str(place.clock_file.resolve()),
        "INGEST_SOURCES_FILE": str(place.sources_file.resolve()),
        "OUTREACH_SMTP_HOST": HOST,
        "OUTREACH_SMTP_PORT": str(mailbox.port),
        "OUTREACH_HOLDOUT": str(settings.holdout),
        "OUTREACH_SHOP": "The sandbox shop (simulated)",
    }


def _found(place: Place, services: Supervisor) -> Place:
    return Place(place.folder, place.kafka, services.url("ingest"), services.url("outreach"))


async def _play(played: Performance, mailbox: Mailbox, stop: asyncio.Event) -> Report:
    """Until processed and counted; without a duration, until Ctrl-C."""
    screen = played.screen
    settled = await played.run(mailbox)
    report = await count(played.place, played)
    screen.over = True
    show(screen.console, played, report, settled, mailbox.received)
    save(played, report, mailbox.received)
    if played.settings.duration is None:
        screen.say(report.ledger.line())
        screen.say(f"The year is over. [bold]Console: {played.place.outreach}/queue[/bold]  Ctrl-C ends it.")
        await stop.wait()
        report = await recount(played.place)
        explain(screen.console, report.ledger)
    return report


async def recount(place: Place, longest: int = 10) -> Report:
    """Count again until what a visitor did in the console has arrived everywhere."""
    for _ in range(longest):
        report = await count(place)
        if report.ledger.balanced:
            break
        await asyncio.sleep(1.0)
    return report
