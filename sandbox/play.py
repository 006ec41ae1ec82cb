"""The play: history as fast as it is accepted, then nine months live, then wait until all is processed."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from libs.runtime.clock import ScaledClock
from libs.runtime.lifecycle import cancel_all
from sandbox.adapters.mailbox import Mailbox
from sandbox.adapters.manager import Manager
from sandbox.adapters.sender import Sender
from sandbox.adapters.sentlog import SentLog
from sandbox.adapters.settled import Settled
from sandbox.adapters.sources import Sources
from sandbox.adapters.watch import Watch, follow
from sandbox.domain import pace
from sandbox.domain.answers import Answers
from sandbox.domain.deliveries import Delivery, Shares, deliver, deliveries, exported
from sandbox.domain.log import LIVE_END
from sandbox.domain.story import Story
from sandbox.pacing import keep_pace, mails_wait
from sandbox.place import Place
from sandbox.schedule import Schedule
from sandbox.screen import Screen
from sandbox.settings import SandboxSettings

TICK_S = 0.01  # wall; about an hour of business time at the demo's speed
CATCH_UP_S = 60.0  # longest wait for scoring to have read the history


LEFT_TO_THE_VISITOR = timedelta(days=30)
"""Tasks of the year's last days wait in the console; whoever looks at the demo is the CSM then."""


@dataclass(slots=True)
class Performance:
    """One play of a story at a place. `began` is when the clock of DURATION started."""

    settings: SandboxSettings
    place: Place
    story: Story
    sources: Sources
    screen: Screen
    began: float = field(default_factory=time.monotonic)
    watch: Watch = field(default_factory=Watch)
    answers: Answers = field(init=False)
    schedule: Schedule = field(init=False)
    history_s: float = 0.0
    history_events: int = 0
    live_s: float = 0.0
    live_events: int = 0
    manager: Manager | None = None
    sender: Sender | None = None

    def __post_init__(self) -> None:
        self.answers = Answers(self.story.customers, self.settings.effect, self.settings.seed)
        self.schedule = Schedule(deliveries(self.story.live, self.settings.seed))

    def on_reached(self, email: str) -> None:
        """A mail arrived or a call was made: the customer may answer with an order."""
        moment = self.answers.reached(email, self._clock().now())
        if moment is not None:
            self.schedule.add(deliver(moment))

    async def run(self, mailbox: Mailbox) -> Settled:
        """All of it; returns once everything sent has been processed, or says what has not."""
        with SentLog(self.place.sent_file) as log:
            async with Sender(self.place.ingest, self.sources, log) as sender:
                self.sender = sender
                following = asyncio.create_task(follow(self.place.kafka, self.watch))
                working: list[asyncio.Task[None]] = [following]
                try:
                    await _beside(working, self._history(sender))
                    working.append(asyncio.create_task(self._manage().work()))
                    await _beside(working, self._live(sender, mailbox))
                    return await Settled.wait(self.place, self.watch, self.screen)
                finally:
                    await cancel_all(*working)

    async def _history(self, sender: Sender) -> None:
        began = time.monotonic()
        quiet = Shares(forged=0.001, broken=0.001, unknown_topic=0.001, oversized=0)
        introductions = [deliver(moment) for moment in self.story.introductions]
        past = exported(self.story.history, self.settings.seed, quiet)
        with self.screen.history(len(introductions) + len(past)) as show:
            for part in (introductions, past):
                for delivery in part:
                    await sender.put_when_room(delivery, "history")
                    show(sender.tally)
                await sender.drained()  # nobody's orders before everybody is known by name
            show(sender.tally)
        self.screen.say("History is in; waiting until every customer has a first score")
        await Settled.scoring_caught_up(self.place, CATCH_UP_S)
        self.history_s, self.history_events = time.monotonic() - began, sender.tally.events

    async def _live(self, sender: Sender, mailbox: Mailbox) -> None:
        seconds = pace.live_seconds(self.settings.duration, time.monotonic() - self.began)
        plan = pace.running(time.time(), seconds)
        plan.write(self.place.clock_file)
        began = time.monotonic()
        clock = self._clock()
        pacing = asyncio.create_task(keep_pace(plan, self.place.clock_file, self._outreach_waits))
        with self.screen.live() as show:
            while clock.now() < LIVE_END:
                for delivery in self.schedule.due(clock.now()):
                    sender.put(delivery, "live")
                show(clock.now(), sender, self.watch, mailbox.received)
                await asyncio.sleep(TICK_S)
            await cancel_all(pacing)
            for delivery in self._overdue():
                sender.put(delivery, "live")
            await sender.drained()
            show(LIVE_END, sender, self.watch, mailbox.received)
        self.live_s = time.monotonic() - began
        self.live_events = sender.tally.events - self.history_events

    async def _outreach_waits(self) -> float:
        """Seconds that the oldest trigger has waited for its decision, or the oldest mail to leave."""
        return max(self.watch.undecided_s(time.time()), await mails_wait(self.place.outreach))

    def _overdue(self) -> list[Delivery]:
        return list(self.schedule.rest())

    def _manage(self) -> Manager:
        self.manager = Manager(
            self.place.outreach,
            self.settings.seed,
            self.watch.addresses.get,
            self.on_reached,
            at_work=lambda: self._clock().now() < LIVE_END - LEFT_TO_THE_VISITOR,
        )
        return self.manager

    def _clock(self) -> ScaledClock:
        return ScaledClock(self.place.clock_file)


async def _beside(working: list[asyncio.Task[None]], part: Coroutine[Any, Any, None]) -> None:
    """Run `part`; an error in what runs beside it ends it too."""
    main = asyncio.create_task(part)
    try:
        await asyncio.wait({main, *working}, return_when=asyncio.FIRST_COMPLETED)
        for task in working:
            if task.done():
                task.result()
        await main
    finally:
        if not main.done():
            main.cancel()
            await asyncio.wait({main})
