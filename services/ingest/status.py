"""What this process tells scoring of events that wait: in the spool of all processes, or on the way there."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from libs.runtime.clock import Clock
from libs.runtime.status import Word
from services.ingest.publisher import Publisher


def status_of(publisher: Publisher, clock: Clock) -> Callable[[], Word]:
    """To be said for as long as Kafka takes it."""

    def word() -> Word:
        if not publisher.waiting:
            return Word(waiting=False)
        if not publisher.depth.records:
            return Word(waiting=True)
        age = timedelta(seconds=publisher.depth.oldest_s)
        return Word(waiting=True, oldest=datetime.fromtimestamp(clock.wall(), UTC) - age)

    return word
