"""The job that every engine does, in words that each of them can read.

Count and sum the events of each customer in a logged store; every tenth event of a customer sends its
``{"n": ..., "s": ...}``. Only msgspec is imported here: Quix Streams runs in an environment of its own.
"""

import gc
import sys

import msgspec

PARTITIONS = 4
EVERY = 10  # events of a customer between two outputs
COMMIT_S = 0.1
WARM_UP = 0.25  # share of the events that is not counted
CHUNK = 4_000  # most records a poll hands over, in every engine that can be told
FETCH_BYTES = (
    4 * 1024 * 1024
)  # of a partition at once, as the core reads; more than its default helps nobody else


class Event(msgspec.Struct, frozen=True, gc=False):
    """What is bound of an event, in every engine; the rest is parsed and skipped."""

    id: str
    tenant: str
    subject: str
    time: str
    type: str
    amount: int  # minor units


class Spec(msgspec.Struct, frozen=True):
    """One run of one engine: its only argument, as JSON."""

    kafka: str
    app: str  # group, stem of transactional ids and of internal topics; new for each run
    source: str
    out: str
    state: str
    dead_letters: str
    folder: str  # for state on disk and for what an engine has to say
    events: int


decode = msgspec.json.Decoder(Event).decode


def start() -> Spec:
    """An engine's process: ``python -m benchmarks.equal_job.engines.<name> '<spec>'``, ended by SIGTERM.

    Every engine in Python gets the collector that our services run with: chunks make hundreds of thousands
    of objects and no cycles, and a fifth of the time would go into looking for some.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
    return msgspec.json.decode(sys.argv[1], type=Spec)


def tally(n: int, s: int) -> bytes:
    """The value of an output."""
    return b'{"n":%d,"s":%d}' % (n, s)
