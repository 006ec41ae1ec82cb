"""`dead-letters redrive`: a whole intake around the letters that were chosen, or one that keeps nothing."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from rich.console import Console
from rich.progress import Progress
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.clock import make_clock
from libs.runtime.logging import configure_logging
from libs.runtime.settings import RuntimeSettings
from services.ingest.adapters.dry import DryIdentities, DryPrivacy, NoLog
from services.ingest.adapters.kafka_log import KafkaLog
from services.ingest.adapters.provider_http import HttpProviderApi
from services.ingest.adapters.told import KafkaTold
from services.ingest.app import compose, make_sources, on_postgres
from services.ingest.ports import LetterQuery
from services.ingest.redrive import Redriven, Redriver
from services.ingest.settings import IngestSettings

EVERYTHING = 1_000_000  # letters; their metadata fit in memory
_KAFKA_WAIT_S = 10.0  # nobody waits for an answer within 5 s here


@dataclass(slots=True)
class Tally:
    """What became of the letters; lines for those that an operator wants to read about."""

    redriven: int = 0
    stayed: int = 0
    lines: list[str] = field(default_factory=list)

    def count(self, one: Redriven, *, tell: bool) -> None:
        self.stayed += one.stays
        self.redriven += not one.stays
        if one.stays or tell:
            self.lines.append(f"{one.reference} {_became(one)}")


async def redrive_all(engine: AsyncEngine, query: LetterQuery, *, dry: bool) -> Tally:
    """Oldest first, with a bar on stderr. Raises UnavailableError; what was done by then stays done."""
    tally = Tally()
    async with _redriver(engine, dry) as redriver:
        letters = await redriver.waiting(query, EVERYTHING)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("letters", total=len(letters))
            for letter in letters:
                if (one := await redriver.one(letter.reference)) is not None:
                    tally.count(one, tell=dry)
                progress.advance(task)
    return tally


@contextlib.asynccontextmanager
async def _redriver(engine: AsyncEngine, dry: bool) -> AsyncIterator[Redriver]:
    runtime = RuntimeSettings()
    configure_logging("ingest", "WARNING", runtime.log_json)  # the bar has the screen
    settings = IngestSettings().model_copy(update={"kafka_wait_s": _KAFKA_WAIT_S})
    clock = make_clock(runtime.clock_file)
    sources = make_sources(settings, runtime, engine, clock)
    async with contextlib.AsyncExitStack() as stack:
        await sources.table.look()
        log = NoLog() if dry else await stack.enter_async_context(KafkaLog(runtime.kafka).running())
        apis = await stack.enter_async_context(HttpProviderApi().running())
        ports = on_postgres(engine, sources, log, apis, KafkaTold(runtime.kafka))
        if dry:
            ports = replace(ports, identities=DryIdentities(engine), privacy=DryPrivacy(engine))
        ingest = compose(settings, ports, clock)
        yield Redriver(ingest.intake, sources, ports.letters, dry=dry)
        await ingest.desk.finish()
        await ingest.publisher.finish()


def _became(one: Redriven) -> str:
    found = one.received
    said = ", ".join(found.types) or found.outcome
    return f"stays: {found.dead_letter}: {found.detail}" if one.stays else said
