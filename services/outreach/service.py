"""Deciding: load what is known, decide each trigger, store everything with the offsets in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from libs.events import DecodeError, decode_hot
from libs.events.families.customer import OutreachHeldOut, OutreachOpened, OutreachSuppressed
from libs.runtime.clock import Clock
from services.outreach.domain.decide import Policy, Verdict, decide
from services.outreach.domain.plan import plan
from services.outreach.domain.playbook import Playbook, PlaybookBook
from services.outreach.domain.trigger import CustomerState, Past, Trigger
from services.outreach.effects import About, TopicNames, dead_letter, event, intervention_id
from services.outreach.ports import (
    DAY,
    Decided,
    DecisionUnit,
    DecisionUnits,
    Effect,
    NewDecision,
    NewFiring,
    NewIntervention,
    Record,
    Who,
)

_EVENTS = {"opened": OutreachOpened, "suppressed": OutreachSuppressed, "held_out": OutreachHeldOut}


class DecisionMetrics(Protocol):
    def decided(self, decision: str, reason: str, rule: str) -> None: ...
    def dead_lettered(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Fired:
    trigger: Trigger
    stored: dict[str, Any]


@dataclass(slots=True)
class _Known:
    """What the batch has loaded, kept up to date as its own triggers are decided."""

    decided: set[str]
    states: dict[Who, CustomerState]
    policy: Policy


class Decider:
    """Turns records of customer.triggers into decisions, each trigger exactly once."""

    def __init__(
        self,
        units: DecisionUnits,
        book: PlaybookBook,
        policy: Policy,
        clock: Clock,
        metrics: DecisionMetrics,
        *,
        topics: TopicNames | None = None,
        ceiling: int = 0,
    ) -> None:
        self._units = units
        self._book = book
        self._policy = policy
        self._clock = clock
        self._metrics = metrics
        self._topics = topics or TopicNames()
        self._ceiling = ceiling

    async def on_records(self, records: Sequence[Record]) -> Decided:
        """Decide a batch. Records that another consumer already decided are passed over."""
        topic = self._topics.triggers
        now = self._clock.now()
        async with self._units() as unit:
            positions = await unit.positions(topic, {record.partition for record in records})
            fresh = [one for one in records if one.offset >= positions.get(one.partition, 0)]
            batch = Decided()
            fired = self._read(fresh, batch, now)
            known = await self._known(unit, fired, now)
            fired = await self._watch(unit, fired, known, batch)
            self._decide_all(fired, known, now, batch)
            await unit.save(batch, datetime.fromtimestamp(self._clock.wall(), UTC))
            await unit.advance(topic, {one.partition: one.offset + 1 for one in fresh})
        for decision in batch.decisions:
            self._metrics.decided(decision.decision, decision.reason, decision.rule)
        return batch

    def _read(self, records: Sequence[Record], batch: Decided, now: datetime) -> list[_Fired]:
        fired = []
        for record in records:
            try:
                found = decode_hot(record.value or b"", "trigger.fired", "trigger.cleared")
            except DecodeError as error:
                origin = f"{self._topics.triggers}/{record.partition}/{record.offset}"
                batch.effects.append(
                    dead_letter("undecodable", str(error), origin, now, self._topics.dead_letters)
                )
                self._metrics.dead_lettered()
                continue
            if found.event_type == "trigger.cleared":
                batch.cleared[found.data.trigger_id] = found.data.cleared_at
            else:
                fired.append(_Fired(_trigger_of(found), msgspec.to_builtins(found.data)))
        return fired

    async def _known(self, unit: DecisionUnit, fired: Sequence[_Fired], now: datetime) -> _Known:
        decided = await unit.decided([one.trigger.trigger_id for one in fired])
        since = now - self._policy.frequency_cap
        states = await unit.states({_who(one.trigger) for one in fired}, since)
        policy = replace(
            self._policy,
            kill_switch=self._policy.kill_switch or await unit.frozen(),
            ceiling_left=self._ceiling - await unit.messages_since(now - DAY) if self._ceiling else None,
        )
        return _Known(decided, states, policy)

    async def _watch(
        self, unit: DecisionUnit, fired: Sequence[_Fired], known: _Known, batch: Decided
    ) -> list[_Fired]:
        """Cause before customer: what many have in common is known before the first of them is decided."""
        news = [one for one in fired if one.trigger.trigger_id not in known.decided]
        watched = await unit.watch([_firing(one.trigger) for one in news if _counts(one.trigger)])
        batch.effects += watched.effects
        return [
            replace(one, trigger=replace(one.trigger, in_incident=one.trigger.trigger_id in watched.joined))
            for one in fired
        ]

    def _decide_all(self, fired: Sequence[_Fired], known: _Known, now: datetime, batch: Decided) -> None:
        for one in fired:
            trigger = one.trigger
            if trigger.trigger_id in known.decided:
                continue
            known.decided.add(trigger.trigger_id)
            who = _who(trigger)
            state = known.states.get(who, CustomerState())
            verdict = decide(trigger, state, self._book, known.policy, now)
            past = self._store(one, verdict, now, batch)
            if past is not None:
                known.states[who] = replace(state, past=(*state.past, past))
                known.policy = _one_less(known.policy, past)

    def _store(self, one: _Fired, verdict: Verdict, now: datetime, batch: Decided) -> Past | None:
        trigger, playbook = one.trigger, verdict.playbook
        opened = _open(trigger, playbook, verdict, now) if verdict.decision != "suppressed" else None
        name = playbook.id if playbook else None
        batch.decisions.append(
            NewDecision(
                trigger_id=trigger.trigger_id,
                who=_who(trigger),
                rule=trigger.rule,
                level=trigger.level,
                playbook=name,
                decision=verdict.decision,
                reason=verdict.reason,
                intervention_id=opened.id if opened else None,
                decided_at=now,
                trigger=one.stored,
            )
        )
        batch.effects += self._event(trigger, verdict, opened, now)
        if opened is None or playbook is None:
            return None
        batch.interventions.append(opened)
        if opened.arm == "treated":
            batch.steps += [(opened.id, step) for step in plan(playbook, opened.id, trigger.level, now)]
        return Past(opened.playbook, opened.arm, opened.owed, is_open=True, opened_at=now)

    def _event(
        self, trigger: Trigger, verdict: Verdict, opened: NewIntervention | None, now: datetime
    ) -> list[Effect]:
        data = _EVENTS[verdict.decision](
            trigger_id=trigger.trigger_id,
            rule=trigger.rule,
            playbook=verdict.playbook.id if verdict.playbook else None,
            intervention_id=opened.id if opened else None,
            reason=verdict.reason,
        )
        about = About(trigger.tenant, trigger.customer_id, trigger.simulated)
        return event(data, about, now, ("decision", trigger.trigger_id), (self._topics.outcomes,))


def _one_less(policy: Policy, past: Past) -> Policy:
    """An opened play will send; a control window will not."""
    if policy.ceiling_left is None or past.arm == "control":
        return policy
    return replace(policy, ceiling_left=policy.ceiling_left - 1)


def _open(
    trigger: Trigger, playbook: Playbook | None, verdict: Verdict, now: datetime
) -> NewIntervention | None:
    if playbook is None:
        return None
    return NewIntervention(
        id=intervention_id(trigger.trigger_id),
        who=_who(trigger),
        playbook=playbook.id,
        playbook_version=playbook.version,
        trigger_id=trigger.trigger_id,
        rule=trigger.rule,
        level=trigger.level,
        arm="treated" if verdict.decision == "opened" else "control",
        owed=playbook.owed,
        simulated=trigger.simulated,
        opened_at=now,
        closes_at=now + playbook.success.order_within,
        currency=trigger.currency,
    )


def _counts(trigger: Trigger) -> bool:
    """Imported history and those left out of plays say nothing about today's customers."""
    return not trigger.backfill and not trigger.excluded


def _firing(trigger: Trigger) -> NewFiring:
    return NewFiring(trigger.trigger_id, _who(trigger), trigger.rule, trigger.simulated, trigger.fired_at)


def _who(trigger: Trigger) -> Who:
    return (trigger.tenant, trigger.customer_id)


def _trigger_of(found: Any) -> Trigger:
    """The decoded event as the plain value that decisions are made on."""
    data, facts = found.data, found.data.facts
    return Trigger(
        trigger_id=data.trigger_id,
        tenant=found.tenant,
        customer_id=found.subject,
        rule=data.rule,
        level=data.level,
        stage=data.stage,
        fired_at=data.fired_at,
        title=data.title,
        reason=data.reason,
        segment=data.segment,
        tier=data.tier,
        excluded=bool(facts.excluded),
        open_tickets=facts.open_tickets or 0,
        value_minor=max(facts.spend_total or 0, (facts.mrr or 0) * 12),
        currency=facts.currency or "USD",
        backfill=found.backfill,
        simulated=found.simulated,
    )
