"""What the provider's API lists against what has arrived: gaps go through the intake as deliveries do.

The ids of their events are those that the deliveries would have had. Run twice, it finds nothing new: an
object that was told has its row, as one that was delivered has (provider_api.Arrivals), and its events stand
on the topic (provider_api.ToldEvents).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from libs.runtime.logging import get_logger
from services.ingest.domain.errors import NotUnderstoodError, UnavailableError
from services.ingest.domain.gaps import Told, missing
from services.ingest.domain.hooks import repairs
from services.ingest.domain.people import Person, completed
from services.ingest.domain.plan import Item, Objects, Provider, Wanted
from services.ingest.domain.reading import Node
from services.ingest.domain.setup import address
from services.ingest.domain.sources import Source
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import LetterQuery
from services.ingest.provider_api import PATIENT_S, Arrivals, ProviderApi, ToldEvents
from services.ingest.redrive import Redriver
from services.ingest.service import Intake

_log = get_logger(__name__)
_LETTERS = 10_000  # of one run; their metadata fit in memory
_PEOPLE = 500  # ids read at once
_EXACT = timedelta(days=7)  # before that, only whether an object arrived is compared: ids take memory
_SKEW = timedelta(hours=1)  # a shop's clock may be ahead: what it dates later was told earlier


class Window(NamedTuple):
    """What changed in between is compared."""

    since: datetime
    until: datetime


@dataclass(slots=True)
class Report:
    """What a run found and did."""

    listed: int = 0
    lost: int = 0
    """Objects that had arrived, of which something that happened had not."""
    gaps: int = 0
    """Objects of which nothing had arrived, and that could be told."""
    events: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Objects that could not be told, by reason."""
    letters: int = 0
    """Thin deliveries that could be read now."""
    people: int = 0
    """Customers known by a number alone who have an address now."""
    subscriptions: list[str] = field(default_factory=list)
    """Topics that were switched on or made again."""
    lines: list[str] = field(default_factory=list)
    """What somebody wants to read about."""


_Key = tuple[str, str]


@dataclass(slots=True)
class _Run:
    source: Source
    provider: Provider
    objects: Objects
    window: Window
    report: Report
    advance: Callable[[Report], None]
    told: Told
    heard: set[_Key] = field(default_factory=set)
    """Objects that this run has told of."""


class Reconciler:
    """Compares one source at a time. With the stores of a dry run (`dry`) it only says what it would do."""

    def __init__(
        self,
        *,
        intake: Intake,
        redriver: Redriver,
        providers: Callable[[str], Provider],
        api: ProviderApi,
        arrivals: Arrivals,
        told: ToldEvents,
        metrics: IngestMetrics,
        public_url: str,
        dry: bool = False,
    ) -> None:
        self._intake = intake
        self._redriver = redriver
        self._providers = providers
        self._api = api
        self._arrivals = arrivals
        self._told = told
        self._metrics = metrics
        self._public_url = public_url
        self._dry = dry

    def serves(self, source: Source) -> bool:
        """Whether there is anything to compare this source with."""
        return self._providers(source.provider).objects is not None and self._api.serves(source, "customer")

    async def run(
        self, source: Source, window: Window, advance: Callable[[Report], None] = lambda _: None
    ) -> Report:
        """Raises UnavailableError, OverloadedError: what was told by then stays told. `serves` it first."""
        provider = self._providers(source.provider)
        report = Report()
        if provider.objects is not None:
            told = Told(window.until, set())
            run = _Run(source, provider, provider.objects, window, report, advance, told)
            for step in (self._read_letters, self._compare, self._name_people, self._mend):
                await step(run)
        return report

    async def _read_letters(self, run: _Run) -> None:
        """Deliveries that were too thin when they came, oldest first."""
        query = LetterQuery(reason="thin_payload", source=run.source.name)
        for letter in await self._redriver.waiting(query, _LETTERS):
            done = await self._redriver.one(letter.reference)
            if done is not None and not done.stays:
                run.report.letters += 1
                run.advance(run.report)

    async def _compare(self, run: _Run) -> None:
        if run.objects.listed is None or not self._api.serves(run.source, "listed"):
            return
        since = max(run.window.since, run.window.until - _EXACT)
        run.told = await self._told.told(run.source.tenant, since - _SKEW)
        run.told.since = max(run.told.since, since)
        async for page in self._api.listed(run.source, *run.window):
            found = [told for node in page if (told := self._read(run, node))]
            anchors = [items[0].person.anchors[0] for items in found]
            arrived = await self._arrivals.arrived(run.source.tenant, anchors)
            for anchor, items in zip(anchors, found, strict=True):
                run.report.listed += 1
                key = (anchor.kind, anchor.value)
                known = key in arrived or key in run.heard
                untold = missing(items, run.objects, run.told, arrived=known)
                if untold:
                    await self._tell(run, key, untold, known=known)
                else:
                    self._metrics.reconciled.labels(run.source.name, "arrived").inc()
            run.advance(run.report)

    def _read(self, run: _Run, node: Node) -> list[Item]:
        """What one listed object says; nothing if it is of no interest or of no object."""
        try:
            items = self._intake.listed(run.source, run.objects.listed or "", node)
        except NotUnderstoodError as error:
            self._refuse(run, error.reason)
            return []
        items = [item for item in items if item.ignored is None]
        return items if items and items[0].person.anchors else []

    async def _tell(self, run: _Run, key: _Key, items: Sequence[Item], *, known: bool) -> None:
        received = await self._intake.take(run.source, items, None, late=True)
        if received.dead_letter is not None:
            self._refuse(run, received.dead_letter)
        if received.dead_letter is None or received.events:
            self._metrics.reconciled.labels(run.source.name, "lost" if known else "gap").inc()
            run.report.gaps += not known
            run.report.lost += known and key not in run.heard
            run.told.ids.update(received.events)
            run.heard.add(key)
        run.report.events += len(received.events)
        if self._dry:
            said = ", ".join(received.types) or f"cannot be told: {received.dead_letter}"
            run.report.lines.append(f"{key[0]} {key[1]}: {said}")

    def _refuse(self, run: _Run, reason: str) -> None:
        run.report.refused[reason] += 1
        self._metrics.reconciled.labels(run.source.name, "not_understood").inc()

    async def _name_people(self, run: _Run) -> None:
        """Who was met in the window by a number alone, because the API was slow or the key came later."""
        kind, after = run.objects.people, ""
        if kind is None:
            return
        ours = run.source.same_as.get(kind, kind)
        while numbers := await self._arrivals.nameless(run.source.tenant, ours, run.window, after, _PEOPLE):
            for number in numbers:
                run.report.people += await self._name(run, kind, number)
                run.advance(run.report)
            after = numbers[-1]

    async def _name(self, run: _Run, kind: str, number: str) -> bool:
        asked = Wanted("customer", number)
        found = await self._api.fetch(run.source, asked, PATIENT_S)
        known = Person() if found is None else run.objects.person(asked, found)
        if not (known.email or known.phone):
            return False
        person = completed(Person(ids=((kind, number),)), known)
        await self._intake.take(run.source, [Item(person, customer_required=False)], None, late=True)
        return True

    async def _mend(self, run: _Run) -> None:
        """Subscriptions last: a key that may not look at them has done everything else by then."""
        if not self._public_url:
            return
        where = address(self._public_url, run.source.name, run.source.provider)
        try:
            found = await self._api.hooks(run.source)
            for repair in repairs(run.provider.topics, found, where) if found is not None else ():
                if not self._dry:
                    await self._api.mend(run.source, repair, where)
                    self._metrics.hooks_mended.labels(run.source.name).inc()
                run.report.subscriptions.append(repair.topic)
        except UnavailableError as error:
            run.report.lines.append(f"subscriptions: {error}")
            _log.warning("ingest.subscriptions_unmended", source=run.source.name, error=str(error))
