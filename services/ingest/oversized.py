"""Records that Kafka refuses for their size: a dead letter each, so that what is behind them goes on.

The delivery was answered long ago, so the letter keeps the record itself: its bytes as body, where it belongs
as headers. Reading it again sends it again (redrive.py).
"""

import secrets
from dataclasses import dataclass

import msgspec

from libs.runtime.clock import Clock
from libs.runtime.logging import get_logger
from services.ingest.domain.record import Record
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import DeadLetterStore, KeptLetter, Unusable

RECORD_TOO_LARGE = "record_too_large"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Spool:
    """Where such a letter comes from: no source by its name, the provider only."""

    tenant: str
    provider: str
    name: str = "spool"


class _Envelope(msgspec.Struct):
    source: str = ""


class Oversized:
    """Keeps them."""

    def __init__(self, letters: DeadLetterStore, metrics: IngestMetrics, clock: Clock) -> None:
        self._letters = letters
        self._metrics = metrics
        self._clock = clock

    async def keep(self, record: Record) -> None:
        """Durable when it returns. Raises UnavailableError: the record has to wait in the spool then."""
        key, body = record.key.decode(errors="replace"), record.value or b""
        letter = Unusable(
            reference=f"dl_{secrets.token_hex(10)}",
            source=_Spool(key.partition("/")[0], _provider_of(body)),
            reason=RECORD_TOO_LARGE,
            detail=f"Kafka takes no record of {len(body)} bytes on {record.topic}: raise the topic's "
            "max.message.bytes, then redrive",
            headers={"kafka-topic": record.topic, "kafka-key": key},
            body=body,
            at=self._clock.now(),
            topic=record.topic,
        )
        await self._letters.put(letter)
        self._metrics.dead_letters.labels(letter.source.provider, RECORD_TOO_LARGE).inc()
        _log.warning("ingest.record_too_large", topic=record.topic, bytes=len(body), letter=letter.reference)


def record_of(kept: KeptLetter) -> Record:
    """What a letter of this reason keeps."""
    return Record(kept.headers["kafka-topic"], kept.headers["kafka-key"].encode(), kept.body)


def _provider_of(body: bytes) -> str:
    """Who sent it; of bytes that are no envelope of ours nobody knows."""
    try:
        return msgspec.json.decode(body, type=_Envelope).source.partition("/")[0] or "unknown"
    except msgspec.MsgspecError:
        return "unknown"
