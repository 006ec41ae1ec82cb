"""Dead letters read again with the code and mapping of today, as if they had come right when they came."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.ingest.domain.letters import as_delivery
from services.ingest.oversized import RECORD_TOO_LARGE, record_of
from services.ingest.ports import DeadLetterStore, KeptLetter, LetterQuery, StoredLetter
from services.ingest.ports_sources import Sources
from services.ingest.service import Intake, Received


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of one letter; in a dry run, what would."""

    reference: str
    received: Received

    @property
    def stays(self) -> bool:
        return self.received.dead_letter is not None

    def result(self) -> dict[str, Any]:
        """As kept with the letter."""
        found = self.received
        return {"outcome": found.outcome, "events": list(found.events), "durable": found.durable}


class Redriver:
    """The signature is not checked again: it was good when the letter came, over the bytes of this digest.

    A dry run is the same with an intake whose stores keep nothing.
    """

    def __init__(
        self, intake: Intake, sources: Sources, letters: DeadLetterStore, *, dry: bool = False
    ) -> None:
        self._intake = intake
        self._sources = sources
        self._letters = letters
        self._dry = dry

    async def waiting(self, query: LetterQuery, limit: int) -> list[StoredLetter]:
        """The letters to go through, oldest first: an order comes before its refund."""
        found: Sequence[StoredLetter] = await self._letters.find(query, limit)
        return sorted(found, key=lambda letter: (letter.at, letter.stored_at))

    async def one(self, reference: str) -> Redriven | None:
        """None if somebody else has settled it. Raises UnavailableError or OverloadedError: then it waits."""
        kept = await self._letters.load(reference)
        if kept is None:
            return None
        done = Redriven(reference, await self._read(kept))
        if self._dry:
            return done
        if done.stays:
            await self._letters.stays(reference, done.received.dead_letter or "", done.received.detail)
        else:
            # After publishing: a crash in between redrives it again, under the same ids.
            await self._letters.settle(reference, "redriven", done.result())
        return done

    async def _read(self, kept: KeptLetter) -> Received:
        letter = kept.letter
        if letter.sha256 not in {None, hashlib.sha256(kept.body).hexdigest()}:
            return _stays("altered", "the bytes are not those that came")
        if letter.reason == RECORD_TOO_LARGE:
            return await self._intake.resend(record_of(kept))
        source = self._sources.find(letter.source)
        if source is None or (source.tenant, source.provider) != (letter.tenant, letter.provider):
            return _stays(
                "unknown_source", f"no source {letter.source} of this tenant and provider is configured"
            )
        return await self._intake.again(source, as_delivery(kept.headers, kept.body), letter.at)


def _stays(reason: str, detail: str) -> Received:
    return Received("dead_letter", dead_letter=reason, detail=detail)
