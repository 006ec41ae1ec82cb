"""Quix Streams: a stateful function over RocksDB with its changelog. Runs in an environment of its own."""

import struct
from pathlib import Path

from quixstreams import Application, State
from quixstreams.state.rocksdb import RocksDBOptions

from benchmarks.equal_job.job import COMMIT_S, EVERY, Spec, decode, start, tally

_pair = struct.Struct("<qq")
_NOTHING = _pair.pack(0, 0)


def count(event: bytes, state: State) -> bytes | None:
    """State as bytes: Quix need not turn it into JSON and back."""
    n, s = _pair.unpack(state.get_bytes("tally", _NOTHING))
    n, s = n + 1, s + decode(event).amount
    state.set_bytes("tally", _pair.pack(n, s))
    return tally(n, s) if n % EVERY == 0 else None


def build(spec: Spec) -> Application:
    app = Application(
        broker_address=spec.kafka,
        consumer_group=spec.app,
        auto_offset_reset="earliest",
        commit_interval=COMMIT_S,
        state_dir=Path(spec.folder, "quix"),
        # The changelog is the copy that counts: nothing is gained by a sync of the disk at every commit.
        rocksdb_options=RocksDBOptions(use_fsync=False),
        loglevel="WARNING",
    )
    source = app.topic(spec.source, key_deserializer="bytes", value_deserializer="bytes")
    out = app.topic(spec.out, key_serializer="bytes", value_serializer="bytes")
    frame = app.dataframe(source).apply(count, stateful=True)
    frame.filter(lambda value: value is not None).to_topic(out)
    return app


if __name__ == "__main__":
    build(start()).run()
