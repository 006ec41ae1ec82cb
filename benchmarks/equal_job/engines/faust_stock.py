"""Stock Faust: one agent, one table in memory with its changelog, one write an event."""

from typing import Any

import faust

from benchmarks.equal_job.job import COMMIT_S, EVERY, PARTITIONS, Spec, decode, start, tally


def build(spec: Spec) -> faust.App:
    app = faust.App(
        spec.app,
        broker=f"kafka://{spec.kafka}",
        store="memory://",
        datadir=spec.folder,
        key_serializer="raw",
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=COMMIT_S,
        stream_wait_empty=False,
        web_enabled=False,
    )
    # Raw values: decoded by the same decoder as everywhere.
    source = app.topic(spec.source, key_type=bytes, value_type=bytes, value_serializer="raw")
    out = app.topic(spec.out, key_type=bytes, value_type=bytes, value_serializer="raw")
    counts = app.Table("counts", default=_nothing, key_type=bytes, partitions=PARTITIONS)

    @app.agent(source)
    async def count(events: Any) -> None:
        async for key, value in events.items():
            n, s = counts[key]
            n, s = n + 1, s + decode(value).amount
            counts[key] = (n, s)
            if n % EVERY == 0:
                await out.send(key=key, value=tally(n, s))

    return app


def _nothing() -> tuple[int, int]:
    return 0, 0


if __name__ == "__main__":
    faust.Worker(build(start()), loglevel="WARNING").execute_from_commandline()
