"""A person says that a rule's call was right, was wrong or is missing. Kept on the topic and nowhere else."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import select

from libs.events.families.customer import OutreachFeedback
from libs.events.types import parse_instant
from libs.runtime.clock import Clock
from libs.runtime.errors import RejectedError
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.rows import add_effects
from services.outreach.effects import About, TopicNames, event, label_of
from services.outreach.metrics import Metrics
from services.outreach.models import Customer, Decision, Intervention, Task

Verdict = Literal["right", "wrong"]
VERDICTS: tuple[Verdict, ...] = ("right", "wrong")
REASONS = ("came_back", "known", "wrong_data", "not_a_customer", "too_early", "other")


@dataclass(frozen=True, slots=True)
class Said:
    """Who says so, and on which showing of the page: one form sent twice is one event."""

    author: str | None
    form: str


class FeedbackDesk:
    """Verdicts on what fired and what did not. The last word on a trigger holds."""

    def __init__(
        self, sessions: Sessions, clock: Clock, metrics: Metrics, topics: TopicNames | None = None
    ) -> None:
        self._sessions, self._clock, self._metrics = sessions, clock, metrics
        self._topics = topics or TopicNames()

    async def judge(self, task_id: str, verdict: str, reason: str | None, said: Said) -> None:
        """Of the trigger behind a task. Raises RejectedError."""
        word = next((one for one in VERDICTS if one == verdict), None)
        if word is None:
            raise RejectedError(f"verdict must be one of {', '.join(VERDICTS)}, not {verdict!r}")
        if reason and reason not in REASONS:
            raise RejectedError(f"reason must be one of {', '.join(REASONS)}, not {reason!r}")
        one, fired_at = await self._behind(task_id)
        data = OutreachFeedback(
            verdict=word,
            trigger_id=one.trigger_id,
            rule=one.rule,
            author=label_of(said.author) if said.author else None,
            fired_at=fired_at,
            reason=reason or None,
        )
        about = About(one.tenant, one.customer_id, one.simulated)
        await self._tell(data, about, (one.trigger_id, word, said.form))

    async def _behind(self, task_id: str) -> tuple[Intervention, datetime]:
        """The intervention of a task, and when its trigger fired."""
        wanted = (
            select(Intervention, Decision.trigger)
            .join(Task, Task.intervention_id == Intervention.id)
            .outerjoin(Decision, Decision.trigger_id == Intervention.trigger_id)
            .where(Task.id == task_id)
        )
        async with self._sessions() as session:
            found = (await session.execute(wanted)).first()
        if found is None:
            raise RejectedError(f"There is no task {task_id}")
        one, trigger = found
        return one, _fired_at(trigger) or one.opened_at

    async def missed(self, tenant: str, customer_id: str, rule: str, said: Said) -> None:
        """A rule that should have fired for a customer by now. Raises RejectedError."""
        async with self._sessions() as session:
            customer = await session.get(Customer, (tenant, customer_id))
        simulated = bool(customer and customer.snapshot.get("simulated"))
        author = label_of(said.author) if said.author else None
        try:
            data = OutreachFeedback(verdict="missed", rule=rule, author=author)
        except ValidationError:
            raise RejectedError(f"{rule!r} is not the id of a rule") from None
        about = About(tenant, customer_id, simulated)
        await self._tell(data, about, (tenant, customer_id, rule, "missed", said.form))

    async def _tell(self, data: OutreachFeedback, about: About, what: tuple[str, ...]) -> None:
        effects = event(data, about, self._clock.now(), ("feedback", *what), (self._topics.outcomes,))
        async with self._sessions.begin() as session:
            await add_effects(session, effects, datetime.fromtimestamp(self._clock.wall(), UTC))
        self._metrics.feedback(data.verdict, data.rule or "")


def _fired_at(trigger: dict[str, object] | None) -> datetime | None:
    """The moment in the stored trigger."""
    at = parse_instant(trigger["fired_at"]) if trigger and trigger.get("fired_at") else None
    return at if isinstance(at, datetime) else None
