"""What a service returned, ready to be written. One place, so that Kafka and the local runner agree."""

from collections.abc import Callable, Iterable

from libs.runtime.stream.api import DeadLetter, Output, Record, Transfer
from libs.runtime.stream.rows import Rows

DEAD_LETTERED = "dead_lettered"

# Turns a dead letter of a partition into the record to write.
DeadLetterWriter = Callable[[DeadLetter, int], Record]


def collect(
    outputs: Iterable[Output], rows: Rows, partition: int, bury: DeadLetterWriter
) -> list[Record | Transfer]:
    """Run the service to its end: its records, dead letters among them counted in the ledger."""
    records: list[Record | Transfer] = []
    for output in outputs:
        if isinstance(output, DeadLetter):
            rows.ledger.add(DEAD_LETTERED)
            records.append(bury(output, partition))
        else:
            records.append(output)
    return records
