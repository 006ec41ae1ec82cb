"""What has moved a score since a day: the rule and the words of `greenline scoring explain`. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.outreach.console.queries import Row

PERIODS = (7, 30, 90)  # days that one can look back over
USUAL = 30
GONE = "Not known any more"
_MOVED = 0.05  # points below which a signal has not moved; scoring says the same


@dataclass(frozen=True, slots=True)
class Movement:
    """What one signal did to the score between two moments."""

    signal: str
    points: float
    text: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The change in a sentence, what did it, and what there is to say where nothing is named."""

    change: str
    movements: tuple[Movement, ...] = ()
    remark: str = ""


def since(row: Row, before: Row | None, days: int, now: datetime) -> Moved | None:
    """From the point that held so many days ago to the latest snapshot; None: not scored yet."""
    if row["snapshot"] is None:
        return None
    day = (now - timedelta(days=days)).date()
    if before is None:
        return Moved(f"On {day} no score was known yet.")
    delta = row["score"] - before["score"]
    bands = row["band"] if row["band"] == before["band"] else f"{before['band']} to {row['band']}"
    change = f"Since {day} ({days} days): {before['score']:.1f} to {row['score']:.1f} ({delta:+.1f}), {bands}"
    if before["signal_points"] is None:
        return Moved(change, remark="Of that day only the score is known, not what it was made of.")
    found = movements(before["signal_points"], row["snapshot"].get("contributions", ()))
    return Moved(change, found, remark="" if found else "No signal has moved.")


def movements(before: Mapping[str, float], parts: Sequence[Any]) -> tuple[Movement, ...]:
    """The largest first, in today's sentences. Not seen before is 0 points before, gone is 0 points now."""
    known = {part["signal"]: part for part in parts}
    found = []
    for signal in dict.fromkeys([*known, *before]):
        part = known.get(signal, {"points": 0.0, "text": GONE})
        found.append(Movement(signal, part["points"] - before.get(signal, 0.0), part["text"]))
    far = (one for one in found if abs(one.points) >= _MOVED)
    return tuple(sorted(far, key=lambda one: -abs(one.points)))
