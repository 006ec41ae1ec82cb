"""The limit: read and decode, and do nothing with it. What no service on this client can pass."""

import asyncio
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from benchmarks.equal_job.job import CHUNK, FETCH_BYTES, WARM_UP, Spec, decode, start


async def read(spec: Spec) -> float:
    """Events a second after the first quarter, with the settings of the core's own consumer."""
    consumer = AIOKafkaConsumer(
        spec.source,
        bootstrap_servers=spec.kafka,
        group_id=spec.app,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=CHUNK,
        fetch_max_wait_ms=500,
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    async with consumer:
        seen, mark, began = 0, 0, 0.0
        while seen < spec.events:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    decode(record.value)
                seen += len(records)
            if not mark and seen >= WARM_UP * spec.events:
                mark, began = seen, time.perf_counter()
        return (seen - mark) / (time.perf_counter() - began)


def main() -> None:
    spec = start()
    Path(spec.folder, "rate").write_text(f"{asyncio.run(read(spec)):.1f}")


if __name__ == "__main__":
    main()
