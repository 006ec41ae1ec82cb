"""One customer's row into another's, and one customer out of everything."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from libs.events import message_key
from libs.events.topics import CUSTOMER_HEALTH
from libs.runtime.stream import Output, Record, Rows, StateError
from services.scoring.domain.decode import hashes
from services.scoring.domain.memo import Partition
from services.scoring.domain.merge import merge_rows
from services.scoring.domain.row import LAYOUT, MIGRATE, ROW
from services.scoring.moves import Alias, Erase, MovedRow, Moves, send
from services.scoring.publish import Ground


def send_off(event: Any, raw: bytes, rows: Rows, partition: Partition) -> Iterator[Output]:
    """`customer.merged`: the row leaves, an alias stays. Nobody reads this customer's health any more."""
    key, into = message_key(event.tenant, event.subject), message_key(event.tenant, event.data.into)
    slot, ids = rows.find(key), hashes([event.id]).tobytes()
    if slot >= 0:
        row = rows.array[slot]
        ids += row["commercial"].tobytes() + row["behavioural"].tobytes()
        segment = partition.memo.segments[row["segment"]]
        feeds = partition.memo.feeds[row["tenant"]]
        body = rows.raw[slot].tobytes()
        yield send(into, MovedRow((key.decode(),), LAYOUT, body, segment, feeds, raw))
        rows.ledger.add("rows_sent")
        rows.remove(key)
    Moves(rows).put_alias(key, Alias(into.decode(), ids))
    yield Record(CUSTOMER_HEALTH.name, key, None)


def take_in(move: MovedRow, event: Any, key: bytes, ground: Ground) -> int:
    """The row of somebody who became this customer; returns the slot of both together."""
    rows, partition = ground.rows, ground.partition
    [tenant] = partition.indexes([event.tenant])
    partition.join_feeds(tenant, move.feeds)
    other = _row_of(move)
    other["tenant"], other["segment"] = tenant, partition.segment(move.segment)
    slot = rows.ensure(key)
    merge_rows(rows.array[slot], other[0], ground.world.cards[0])
    rows.touch(slot)
    Moves(rows).put_joined(key, move.path[0].encode())
    return slot


def _row_of(move: MovedRow) -> npt.NDArray[np.void]:
    body, layout = move.row, move.layout
    while layout != LAYOUT:
        if layout not in MIGRATE:
            raise StateError(f"a row of layout {layout} came from another worker, this one has {LAYOUT}")
        body, layout = MIGRATE[layout](body), layout + 1
    return np.frombuffer(bytearray(body), ROW)


def erase(event: Any, raw: bytes, key: bytes, rows: Rows) -> Iterator[Output]:
    """No row, no alias and no snapshot are left of this customer and of whoever became them.

    The marker comes first: an erasure that finds one ends there, so it cannot go round in circles.
    """
    moves = Moves(rows)
    moves.put_marker(key, event.receivedat, int(hashes([event.id])[0]))
    rows.remove(key)
    yield Record(CUSTOMER_HEALTH.name, key, None)
    alias = moves.alias(key)
    if alias is not None:
        moves.drop_alias(key)
        yield send(alias.into, Erase(raw))
    for gone in moves.take_joined(key):
        yield send(gone, Erase(raw))
