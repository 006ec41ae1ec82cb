"""The streaming core: services as two pure functions, exactly once. README.md tells how it works.

This package imports neither Faust nor Kafka; the worker is in :mod:`libs.runtime.stream.worker`.
"""

from libs.runtime.stream.api import (
    Chunk,
    DeadLetter,
    InputRecord,
    Lane,
    Output,
    Record,
    SourceRecord,
    StreamService,
    Transfer,
)
from libs.runtime.stream.errors import (
    FencedError,
    LayoutError,
    PositionError,
    StalledError,
    StateError,
    StepError,
    StreamError,
)
from libs.runtime.stream.local import LocalRunner
from libs.runtime.stream.rows import Ledger, Rows, SparseRecords

__all__ = [
    "Chunk",
    "DeadLetter",
    "FencedError",
    "InputRecord",
    "Lane",
    "LayoutError",
    "Ledger",
    "LocalRunner",
    "Output",
    "PositionError",
    "Record",
    "Rows",
    "SourceRecord",
    "SparseRecords",
    "StalledError",
    "StateError",
    "StepError",
    "StreamError",
    "StreamService",
    "Transfer",
]
