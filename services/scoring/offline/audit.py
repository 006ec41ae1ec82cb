"""What a log holds and what it lacks: coverage of signals, freshness and gaps of sources, unknown facts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import Facts
from libs.runtime.offline.held import lacking
from services.scoring.domain.facts import COLUMNS
from services.scoring.domain.row import DAY
from services.scoring.domain.scorecard import Scorecard
from services.scoring.domain.signals import NAMES, WEIGHABLE
from services.scoring.offline.days import date_of
from services.scoring.offline.held import Rule
from services.scoring.offline.log import EventLog
from services.scoring.offline.replay import Replay
from services.scoring.offline.sources import SELF_MADE, SOURCES, Source, sources_of

GAP_DAYS = 90  # the last days in which days without an event are counted
LIVE, SILENT, NEVER = "live", "silent", "never connected"


class Heard(NamedTuple):
    """A source as the log has it at `now`, the last moment of arrival."""

    source: Source
    events: int
    newest: int | None  # seconds
    gaps: int  # days without an event
    status: str

    def told(self, now: int) -> dict[str, Any]:
        return {
            "source": self.source.name,
            "status": self.status,
            "events": self.events,
            "newest_event": None if self.newest is None else date_of(self.newest // DAY),
            "age_days": _age(self.newest, now),
            "days_without_an_event": self.gaps,
        }


def _age(newest: int | None, now: int) -> float | None:
    return None if newest is None else round((now - newest) / DAY, 1)


def audit(log: EventLog, card: Scorecard, rules: Sequence[Rule]) -> dict[str, Any]:
    """Everything, as plain values. The log holds at least one event."""
    now = int(log.columns.events["received"][-1])
    heard = [_heard(log, source, now, card.feed_days) for source in SOURCES]
    told = Replay(log, card.numbers()).describe(now + 1)
    deaf = _deaf(heard)
    held = [(rule, missing) for rule in rules if (missing := lacking(rule.when, deaf))]
    first, last = log.days()
    return {
        "events": log.size,
        "customers": len(told.slots),
        "first_day": date_of(first),
        "last_day": date_of(last),
        "scorecard": card.version,
        "gap_days": min(GAP_DAYS, last - first + 1),
        "signals": _signals(told.found.signals, card, heard, now),
        "sources": [each.told(now) for each in heard],
        "unknown_facts": [
            {
                "fact": fact,
                "meaning": Facts.model_fields[fact].description,
                "needs": [source.name for source in sources_of(fact)],
            }
            for fact in _unknown(told.found.facts)
        ],
        "rules": len(rules),
        "rules_held": [_held(rule, missing) for rule, missing in held],
        "connecting": [_adds(each, deaf, held) for each in heard if each.status != LIVE],
    }


def _heard(log: EventLog, source: Source, now: int, feed_days: float) -> Heard:
    ats = log.columns.events["at"][np.isin(log.types, source.types())].astype(np.int64)
    today = now // DAY
    since = max(today - GAP_DAYS + 1, log.days()[0])
    days = np.unique(ats // DAY)
    gaps = today - since + 1 - int(((days >= since) & (days <= today)).sum())
    if not len(ats):
        return Heard(source, 0, None, gaps, NEVER)
    newest = int(ats.max())
    silent = source.feed and now - newest > feed_days * DAY
    return Heard(source, len(ats), newest, gaps, SILENT if silent else LIVE)


def _deaf(heard: Sequence[Heard]) -> frozenset[str]:
    """Facts none of whose sources is live."""
    live = {each.source.name for each in heard if each.status == LIVE}
    needs = {fact: {source.name for source in sources_of(fact)} for fact in COLUMNS}
    return frozenset({fact for fact, names in needs.items() if names and not names & live})


def _unknown(facts: npt.NDArray[np.float64]) -> list[str]:
    """Null for everybody, also where the source is live: nobody has returned anything yet."""
    empty = np.isnan(facts).all(axis=0)
    return [COLUMNS[i] for i in np.flatnonzero(empty).tolist() if COLUMNS[i] not in SELF_MADE]


def _signals(
    found: npt.NDArray[np.float64], card: Scorecard, heard: Sequence[Heard], now: int
) -> list[dict[str, Any]]:
    weights: dict[str, float] = {signal.name: signal.weight for signal in card.signals}
    told = []
    for name in WEIGHABLE:
        evidence = found[:, 1, NAMES.index(name)]
        seen = evidence >= 0.0
        feeds = [each for each in heard if name in each.source.signals]
        newest = max((each.newest for each in feeds if each.newest is not None), default=None)
        told.append(
            {
                "signal": name,
                "weight": weights.get(name, 0.0),
                "coverage": round(float(seen.mean()), 4),
                "evidence": round(float(evidence[seen].mean()), 4) if seen.any() else None,
                "age_days": _age(newest, now),
                "sources": [each.source.name for each in feeds],
                "days_without_an_event": {each.source.name: each.gaps for each in feeds},
            }
        )
    return told


def _held(rule: Rule, missing: frozenset[str]) -> dict[str, Any]:
    needs = {source.name for fact in missing for source in sources_of(fact)}
    return {
        "rule": rule.id,
        "title": rule.title,
        "facts": [fact for fact in COLUMNS if fact in missing],
        "needs": [source.name for source in SOURCES if source.name in needs],
    }


def _adds(each: Heard, deaf: frozenset[str], held: Sequence[tuple[Rule, frozenset[str]]]) -> dict[str, Any]:
    """What would come with a source: rules that would then lack nothing."""
    fills = {fact for fact in each.source.facts if fact in deaf}
    return {
        "source": each.source.name,
        "status": each.status,
        "signals": list(each.source.signals),
        "facts": [fact for fact in each.source.facts if fact in fills],
        "rules": [rule.id for rule, _ in held if not lacking(rule.when, deaf - fills)],
    }
