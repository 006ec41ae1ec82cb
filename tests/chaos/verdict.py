"""What the workers left, held against the naive count."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tests.chaos.found import Outputs, State, read, read_outputs, read_state
from tests.chaos.job import Job
from tests.chaos.purses import TOLD
from tests.chaos.reference import Purse, Reference, count

_SHOWN = 3  # examples of each kind of difference


@dataclass
class Verdict:
    """How many of each kind of thing are not as they must be, with examples; all empty: exact."""

    differences: dict[str, list[Any]]
    reference: Reference
    outputs: Outputs

    @property
    def exact(self) -> bool:
        return not any(self.differences.values())

    def wrong(self, kind: str) -> int:
        return len(self.differences[kind])

    def __str__(self) -> str:
        if self.exact:
            return "EXACT"
        parts = [
            f"{kind}: {len(found)}, such as {', '.join(map(str, found[:_SHOWN]))}"
            for kind, found in self.differences.items()
            if found
        ]
        return "DIFFERS " + "; ".join(parts)


async def judge(job: Job, confirmed: int) -> Verdict:
    """`confirmed`: the source must hold at least so many records."""
    reference = count(await read(job.kafka, job.source))
    state, outputs = await read_state(job), await read_outputs(job)
    moved = Counter((r.partition, r.key, r.value) for r in await read(job.kafka, job.transfers))
    dead = Counter(msgspec.json.decode(r.value)["origin"] for r in await read(job.kafka, job.dead))
    differences = {
        "rows": _rows(reference, state),
        "outputs twice": _beyond(outputs.counts, reference.outputs),
        "outputs missing": _beyond(reference.outputs, outputs.counts),
        "transfers twice": _beyond(moved, reference.transfers),
        "transfers missing": _beyond(reference.transfers, moved),
        "dead letters": _beyond(dead, reference.dead) + _beyond(reference.dead, dead),
        "sweeps": _sweeps(state, outputs),
        "ledger": _ledger(state, reference),
        "confirmed but not in the log": [confirmed] if confirmed > reference.records else [],
    }
    return Verdict(differences, reference, outputs)


def _beyond(some: Counter[Any], others: Counter[Any]) -> list[Any]:
    return list((some - others).elements())


def _rows(reference: Reference, state: State) -> list[Any]:
    """Keys with what their row holds and what it should."""
    found: Mapping[Any, Purse] = {where: row.purse for where, row in state.rows.items()}
    wheres = found.keys() | reference.purses.keys()
    return [
        (where, found.get(where), reference.purses.get(where))
        for where in sorted(wheres)
        if found.get(where) != reference.purses.get(where)
    ]


def _sweeps(state: State, outputs: Outputs) -> list[Any]:
    """Everything is told of once or still fresh, and what the outputs told is what the rows say."""
    return [
        (where, row, TOLD, outputs.told[where])
        for where, row in state.rows.items()
        if row.told != outputs.told[where] or row.fresh + row.told != row.purse.n + row.purse.got_n
    ]


def _ledger(state: State, reference: Reference) -> list[Any]:
    transfers = reference.transfers.total()
    wanted = {
        "applied": reference.records - reference.dead.total(),
        "dead_lettered": reference.dead.total(),
        "sent": transfers,
        "received": transfers,
        "lost_to_retention": 0,
    }
    return [(name, state.ledger(name), want) for name, want in wanted.items() if state.ledger(name) != want]
