"""The timer: due steps become tasks and messages, or a stored reason why not."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from libs.events.families.customer import OutreachMessageNotSent
from libs.runtime.clock import Clock
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.playbook_files import Library
from services.outreach.adapters.rows import add_effects, exclusive, insert_all, is_frozen
from services.outreach.adapters.steps import (
    Surroundings,
    postpone,
    settle,
    shift_after,
    surroundings,
    take_due,
)
from services.outreach.domain.messages import MessagePolicy, Sending, Situation, may_send
from services.outreach.domain.people import assign, priority, severity
from services.outreach.domain.playbook import parse_span
from services.outreach.effects import About, TopicNames, email_key, event, message_id
from services.outreach.models import Message, Task
from services.outreach.ports import Effect, Who


class TimerMetrics(Protocol):
    def message(self, status: str, reason: str) -> None: ...
    def task_created(self, playbook: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Sender:
    """How messages present themselves. `public_url` has no slash at its end."""

    shop: str
    address: str
    public_url: str


@dataclass(slots=True)
class _Made:
    """What a batch of steps leads to."""

    settled: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    postponed: list[tuple[str, datetime, str]] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


class Timers:
    """Works off due steps. One transaction a batch; over all processes one batch at a time, so that caps
    are exact.
    """

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        library: Library,
        *,
        policy: MessagePolicy,
        sender: Sender,
        metrics: TimerMetrics,
        ceiling: int = 0,
        topics: TopicNames | None = None,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._content = {playbook.id: playbook.content for playbook in library.book}
        self._templates = library.templates
        self._team = library.team
        self._policy = policy
        self._sender = sender
        self._metrics = metrics
        self._ceiling = ceiling
        self._topics = topics or TopicNames()

    async def work(self, limit: int) -> int:
        """Do up to `limit` due steps; how many were taken."""
        now = self._clock.now()
        async with self._sessions.begin() as session:
            await exclusive(session, "outreach.timers")
            steps = await take_due(session, now, limit)
            if not steps:
                return 0
            around = await surroundings(session, steps, now, now - self._policy.cap_window)
            policy = self._policy
            if await is_frozen(session):
                policy = replace(policy, kill_switch=True)
            made = _Made()
            for step in steps:
                if step.kind == "email":
                    self._email(step, around, policy, now, made)
                else:
                    self._task(step, around, now, made)
            await self._store(session, made)
            done = {step_id for step_id, _, _ in made.settled}
            await shift_after(session, [step for step in steps if step.id in done], now)
        self._count(made)
        return len(steps)

    async def _store(self, session: AsyncSession, made: _Made) -> None:
        await insert_all(session, Task, made.tasks)
        await insert_all(session, Message, made.messages)
        await settle(session, made.settled)
        await postpone(session, made.postponed)
        await add_effects(session, made.effects, datetime.fromtimestamp(self._clock.wall(), UTC))

    def _count(self, made: _Made) -> None:
        for message in made.messages:
            self._metrics.message(message["status"], message["reason"])
        for task in made.tasks:
            self._metrics.task_created(task["playbook"])

    def _task(self, step: Row[Any], around: Surroundings, now: datetime, made: _Made) -> None:
        if step.intervention_id in around.ordered and not step.owed:
            made.settled.append((step.id, "skipped", {"reason": "already-ordered"}))
            return
        task = self._task_row(step, around, now)
        around.open_tasks[task["assignee"]] = around.open_tasks.get(task["assignee"], 0) + 1
        made.tasks.append(task)
        made.settled.append((step.id, "done", {"task_id": task["id"]}))

    def _task_row(self, step: Row[Any], around: Surroundings, now: datetime) -> dict[str, Any]:
        detail, trigger = step.detail, step.trigger
        escalated = bool(detail.get("escalated"))
        rank = severity(detail["level"], owed=step.owed, escalated=escalated)
        value = _value(trigger.get("facts", {}))
        who = (step.tenant, step.customer_id)
        tier, segment = trigger.get("tier", "standard"), trigger.get("segment", "consumer")
        assignee = assign(
            self._team, detail["pool"], who, tier=tier, segment=segment, open_tasks=around.open_tasks
        )
        return {
            "id": f"{step.id}-task",
            "intervention_id": step.intervention_id,
            "step_id": step.id,
            "tenant": step.tenant,
            "customer_id": step.customer_id,
            "playbook": step.playbook,
            "title": detail["task"],
            "reason": trigger.get("reason") or trigger.get("title") or trigger["rule"],
            "script": detail["script"],
            "next_step": detail["next_step"],
            "severity": rank,
            "value_minor": value,
            "currency": step.currency,
            "priority": priority(rank, value),
            "assignee": assignee.name,
            "attempt": int(detail.get("attempt", 1)),
            "escalated": escalated,
            "due_at": now + parse_span(detail["due_in"]),
            "status": "open",
            "created_at": now,
        }

    def _email(  # what one message needs to be decided
        self, step: Row[Any], around: Surroundings, policy: MessagePolicy, now: datetime, made: _Made
    ) -> None:
        who = (step.tenant, step.customer_id)
        purpose = step.detail.get("purpose", "marketing")
        left = self._ceiling - around.messages_today if self._ceiling else None
        situation = Situation(
            purpose=purpose,
            contact=around.contacts.get(who),
            suppressed=around.suppressed.get(who),
            sent_at=around.sent_at.get(who, ()),
            open_trouble=who in around.in_trouble,
            ordered=step.intervention_id in around.ordered,
        )
        sending = may_send(situation, replace(policy, ceiling_left=left), now)
        if sending.until is not None:
            made.postponed.append((step.id, sending.until, sending.reason))
            return
        key = email_key(step.id)
        made.messages.append(self._message_row(step, key, purpose, sending, now))
        if not sending.send:
            made.settled.append((step.id, "skipped", {"reason": sending.reason}))
            made.effects += self._not_sent(step, sending.reason, now)
            return
        made.settled.append((step.id, "done", {"message": key}))
        made.effects.append(Effect("email", key, self._payload(step, key, around, who)))
        around.messages_today += 1
        if purpose == "marketing":
            around.sent_at.setdefault(who, []).append(now)

    def _message_row(
        self, step: Row[Any], key: str, purpose: str, sending: Sending, now: datetime
    ) -> dict[str, Any]:
        return {
            "id": key,
            "intervention_id": step.intervention_id,
            "tenant": step.tenant,
            "customer_id": step.customer_id,
            "channel": "email",
            "template": step.detail["email"],
            "purpose": purpose,
            "status": "queued" if sending.send else "not_sent",
            "reason": sending.reason,
            "message_id": message_id(key, self._sender.address),
            "created_at": now,
        }

    def _not_sent(self, step: Row[Any], reason: str, now: datetime) -> list[Effect]:
        data = OutreachMessageNotSent(
            intervention_id=step.intervention_id,
            channel="email",
            template=step.detail["email"].replace("/", "."),
            reason=reason,
        )
        about = About(step.tenant, step.customer_id, step.simulated)
        return event(data, about, now, ("not-sent", step.id), (self._topics.outcomes,))

    def _payload(self, step: Row[Any], key: str, around: Surroundings, who: Who) -> dict[str, Any]:
        contact = around.contacts[who]
        url = f"{self._sender.public_url}/u/{around.tokens[who]}"
        words = {
            **self._content.get(step.playbook, {}),
            "first_name": (contact.name or "").split(" ")[0],
            "shop": self._sender.shop,
            "unsubscribe_url": url,
        }
        rendered = self._templates.render(step.detail["email"], words)
        return {
            "message_id": message_id(key, self._sender.address),
            "to": contact.email,
            "subject": rendered.subject,
            "text": rendered.text,
            "html": rendered.html,
            "unsubscribe_url": url,
            "simulated": step.simulated,
        }


def _value(facts: dict[str, Any]) -> int:
    """What a customer is worth: net spend so far, or a year of a subscription if that is more."""
    return max(facts.get("spend_total") or 0, (facts.get("mrr") or 0) * 12)
