"""One partition's state: a numpy structured array with a row per key, grown by doubling."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt

Slots = npt.NDArray[np.int64]

# Keys below this byte are the core's own in the state topic (checkpoint, sparse records).
FIRST_ROW_KEY = b"\x02"
SEPARATOR = b"\x00"
_FIRST_CAPACITY = 16  # small, so that tests meet the growth


class Ledger:
    """Counters that live in the checkpoint, so they survive a crash and count a record exactly once."""

    __slots__ = ("_counts", "changed")

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self._counts: dict[str, int] = dict(counts or {})
        self.changed = False

    def add(self, name: str, n: int = 1) -> None:
        self._counts[name] = self._counts.get(name, 0) + n
        self.changed = True

    def __getitem__(self, name: str) -> int:
        return self._counts.get(name, 0)

    def as_dict(self) -> dict[str, int]:
        return dict(self._counts)


class SparseRecords:
    """Side records of a partition, bytes to bytes, stored in the same transaction as the rows.

    A key is an owner, a zero byte and a name (customer, zero byte, rule): a prefix that holds the
    zero byte finds its records at once, any shorter one looks at all of them.
    """

    __slots__ = ("_changed", "_count", "_owners")

    def __init__(self) -> None:
        self._owners: dict[bytes, dict[bytes, bytes]] = {}
        self._changed: set[bytes] = set()
        self._count = 0  # each checkpoint asks for it

    def get(self, key: bytes) -> bytes | None:
        return self._owners.get(key.partition(SEPARATOR)[0], {}).get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.load(key, value)
        self._changed.add(key)

    def delete(self, key: bytes) -> None:
        self.load(key, None)
        self._changed.add(key)

    def items_with_prefix(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The records whose key starts so, as they are now: changing them while reading is safe."""
        if SEPARATOR in prefix:
            found = self._owners.get(prefix.partition(SEPARATOR)[0], {})
            return iter([item for item in found.items() if item[0].startswith(prefix)])
        groups = [group for owner, group in self._owners.items() if owner.startswith(prefix)]
        return iter([item for group in groups for item in group.items()])

    @property
    def changed(self) -> bool:
        return bool(self._changed)

    def __len__(self) -> int:
        return self._count

    def load(self, key: bytes, value: bytes | None) -> None:
        """Apply a stored record without marking it as changed."""
        owner = key.partition(SEPARATOR)[0]
        group = self._owners.setdefault(owner, {})
        before = len(group)
        if value is None:
            group.pop(key, None)
        else:
            group[key] = value
        self._count += len(group) - before
        if not group:
            del self._owners[owner]

    def drain(self) -> list[tuple[bytes, bytes | None]]:
        """What changed since the last call, last value of each key."""
        changed, self._changed = self._changed, set()
        return [(key, self.get(key)) for key in changed]


class _Index(dict[bytes, int]):
    """From key to slot; a key that is asked for by `[]` and is not there gets one."""

    def __init__(self, add: Callable[[bytes], int]) -> None:
        super().__init__()
        self._add = add

    def __missing__(self, key: bytes) -> int:
        return self._add(key)


class _Partition:
    """The storage that a :class:`Rows` and its windows share."""

    __slots__ = (
        *("array", "dirty", "live", "keys", "index", "free", "removed", "slots"),
        *("ledger", "sparse", "memo", "memo_changed", "watermark"),
    )

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.array: npt.NDArray[np.void] = np.zeros(_FIRST_CAPACITY, dtype)
        self.dirty: npt.NDArray[np.bool_] = np.zeros(_FIRST_CAPACITY, np.bool_)
        self.live: npt.NDArray[np.bool_] = np.zeros(_FIRST_CAPACITY, np.bool_)
        self.keys: list[bytes] = []
        self.index = _Index(self.add)
        self.free: list[int] = []
        self.removed: set[bytes] = set()
        self.slots: Slots | None = None
        self.ledger = Ledger()
        self.sparse = SparseRecords()
        self.memo = b""
        self.memo_changed = False
        self.watermark: datetime | None = None

    def add(self, key: bytes) -> int:
        if key < FIRST_ROW_KEY:
            raise ValueError(
                f"{key!r} cannot be a row's key: keys below {FIRST_ROW_KEY!r} are the core's own"
            )
        if self.free:
            slot = self.free.pop()
            self.keys[slot] = key
        else:
            slot = len(self.keys)
            if slot == len(self.array):
                self.grow()
            self.keys.append(key)
        self.index[key] = slot
        self.live[slot] = self.dirty[slot] = True
        self.removed.discard(key)
        self.slots = None
        return slot

    def grow(self) -> None:
        more, old = len(self.array), self.array
        self.array = np.zeros(2 * more, old.dtype)
        # As plain bytes: numpy would copy structured rows field by field, 40 times slower.
        self.array.view(np.uint8)[: old.nbytes] = old.view(np.uint8)
        old.setflags(write=False)  # whoever kept it must not write to it unnoticed
        self.dirty = np.concatenate([self.dirty, np.zeros(more, np.bool_)])
        self.live = np.concatenate([self.live, np.zeros(more, np.bool_)])


class Rows:
    """The rows of one partition, or a window on a slice of them.

    ``array`` is replaced when a new key makes it grow: call ``ensure`` first, read ``rows.array`` after
    (two statements: ``rows.array[rows.ensure(key)]`` reads it before).
    """

    __slots__ = ("_bounds", "_p", "dtype")

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.dtype = np.dtype(dtype)
        self._p = _Partition(self.dtype)
        self._bounds: tuple[int, int] | None = None

    @property
    def array(self) -> npt.NDArray[np.void]:
        """All rows by slot, with room to grow behind them; write through it, then ``touch``."""
        return self._p.array

    @property
    def raw(self) -> npt.NDArray[np.uint8]:
        """The same rows as bytes, (capacity, width): for the core, which stores them."""
        return self._p.array.view(np.uint8).reshape(-1, self.dtype.itemsize)

    @property
    def dirty(self) -> npt.NDArray[np.bool_]:
        """The changed flag of each slot: a compiled loop may set it itself instead of ``touch_many``."""
        return self._p.dirty

    @property
    def slots(self) -> Slots:
        """The live slots of this view, ascending. Read-only."""
        if self._p.slots is None:
            self._p.slots = np.flatnonzero(self._p.live[: len(self._p.keys)])
            self._p.slots.setflags(write=False)
        slots = self._p.slots
        if self._bounds is None:
            return slots
        low, high = np.searchsorted(slots, self._bounds)
        return slots[low:high]

    @property
    def ledger(self) -> Ledger:
        return self._p.ledger

    @property
    def sparse(self) -> SparseRecords:
        return self._p.sparse

    @property
    def memo(self) -> bytes:
        """A small blob the service owns, kept in the checkpoint."""
        return self._p.memo

    @memo.setter
    def memo(self, value: bytes) -> None:
        self._p.memo_changed |= value != self._p.memo
        self._p.memo = value

    @property
    def watermark(self) -> datetime | None:
        """The latest ``receivedat`` taken in; setting an earlier one changes nothing."""
        return self._p.watermark

    @watermark.setter
    def watermark(self, value: datetime) -> None:
        if self._p.watermark is None or value > self._p.watermark:
            self._p.watermark = value

    def __len__(self) -> int:
        return len(self._p.index) if self._bounds is None else len(self.slots)

    def __contains__(self, key: bytes) -> bool:
        return key in self._p.index

    @property
    def extent(self) -> int:
        """One past the highest slot in use: what a sweep walks over."""
        return len(self._p.keys)

    def key_of(self, slot: int) -> bytes:
        return self._p.keys[slot]

    def keys(self) -> Iterable[bytes]:
        return self._p.index.keys()

    def find(self, key: bytes) -> int:
        """The slot of a key, -1 if it has none."""
        return self._p.index.get(key, -1)

    def ensure(self, key: bytes) -> int:
        """The slot of a key; a new key gets a zeroed row, which counts as changed."""
        return self._p.index[key]

    def ensure_many(self, keys: Iterable[bytes]) -> Slots:
        """The slots of many keys in their order, new ones made: one call for a decoded chunk."""
        return np.fromiter(map(self._p.index.__getitem__, keys), np.int64)

    def touch(self, slot: int) -> None:
        self._p.dirty[slot] = True

    def touch_many(self, slots: Slots) -> None:
        self._p.dirty[slots] = True

    def remove(self, key: bytes) -> None:
        """Forget a row: a tombstone at commit; its slot goes to the next new key."""
        p = self._p
        slot = p.index.pop(key, None)
        if slot is None:
            return
        p.array[slot] = np.zeros((), self.dtype)
        p.live[slot] = p.dirty[slot] = False
        p.free.append(slot)
        p.removed.add(key)
        p.slots = None

    def copy(self) -> "Rows":
        """The same content in storage of its own: to try something that may fail half-way."""
        made = object.__new__(Rows)
        made.dtype, made._bounds = self.dtype, self._bounds
        made._p = copy.deepcopy(self._p)
        return made

    def window(self, start: int, stop: int) -> "Rows":
        """The same partition with ``slots`` limited to [start, stop): what one slice of a sweep sees."""
        view = object.__new__(Rows)
        view.dtype, view._p, view._bounds = self.dtype, self._p, (start, stop)
        return view

    def has_changes(self) -> bool:
        """Whether a commit would store anything new: for the core."""
        p = self._p
        aside = p.sparse.changed or p.ledger.changed or p.memo_changed
        return aside or bool(p.removed) or bool(p.dirty[: len(p.keys)].any())

    def drain(self) -> tuple[Slots, list[bytes]]:
        """The changed slots and removed keys since the last call: for the core, which stores them."""
        p = self._p
        slots = np.flatnonzero(p.dirty[: len(p.keys)])
        p.dirty[slots] = False
        removed, p.removed = list(p.removed), set()
        p.ledger.changed = p.memo_changed = False
        return slots, removed
