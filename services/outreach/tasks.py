"""A person reports what came of a task; what follows from it is planned in the same transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from libs.events.families.customer import OutreachTaskCompleted
from libs.events.types import Sentiment
from libs.runtime.clock import Clock
from libs.runtime.errors import RejectedError
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.rows import add_effects, add_steps
from services.outreach.adapters.steps import skip_pending
from services.outreach.domain.plan import Done, follow_up
from services.outreach.domain.playbook import Outcome, PlaybookBook
from services.outreach.effects import About, TopicNames, event, label_of
from services.outreach.models import Intervention, Step, Task

OUTCOMES: tuple[Outcome, ...] = ("reached", "no_answer", "resolved", "not_resolved", "declined")
SENTIMENTS: tuple[Sentiment, ...] = ("positive", "neutral", "negative")


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a task. The note stays in PostgreSQL; events carry only its classification."""

    outcome: Outcome
    sentiment: Sentiment | None = None
    note: str | None = None
    author: str | None = None


def read_report(outcome: str, sentiment: str | None, note: str | None, author: str | None) -> Report:
    """A report from a form's words. Raises RejectedError for words that are not on the form."""
    found = next((one for one in OUTCOMES if one == outcome), None)
    if found is None:
        raise RejectedError(f"outcome must be one of {', '.join(OUTCOMES)}, not {outcome!r}")
    feeling = next((one for one in SENTIMENTS if one == sentiment), None)
    if sentiment and feeling is None:
        raise RejectedError(f"sentiment must be one of {', '.join(SENTIMENTS)}, not {sentiment!r}")
    return Report(found, feeling, (note or "").strip()[:4000] or None, (author or "").strip()[:100] or None)


class TaskDesk:
    """Completes tasks. Reporting the same again changes nothing; reporting otherwise is refused."""

    def __init__(
        self, sessions: Sessions, clock: Clock, book: PlaybookBook, topics: TopicNames | None = None
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._escalations = {playbook.id: playbook.escalation for playbook in book}
        self._topics = topics or TopicNames()

    async def complete(self, task_id: str, report: Report) -> bool:
        """Close a task; whether it was open. Raises RejectedError for a task that does not exist or was
        closed with another outcome.
        """
        now = self._clock.now()
        async with self._sessions.begin() as session:
            task = await session.scalar(select(Task).where(Task.id == task_id).with_for_update())
            if task is None:
                raise RejectedError(f"There is no task {task_id}")
            if task.status == "done":
                if task.outcome == report.outcome:
                    return False
                raise RejectedError(f"Task {task_id} was already completed as {task.outcome}")
            _close(task, report, now)
            intervention = await session.get_one(Intervention, task.intervention_id)
            await self._follow(session, task, intervention, report, now)
            data = OutreachTaskCompleted(
                intervention_id=task.intervention_id,
                task_id=task.id,
                outcome=report.outcome,
                sentiment=report.sentiment,
                author=label_of(report.author) if report.author else None,
            )
            about = About(task.tenant, task.customer_id, intervention.simulated)
            both = (self._topics.outcomes, self._topics.events)
            effects = event(data, about, now, ("task", task.id, "completed"), both)
            await add_effects(session, effects, datetime.fromtimestamp(self._clock.wall(), UTC))
        return True

    async def _follow(
        self, session: AsyncSession, task: Task, intervention: Intervention, report: Report, now: datetime
    ) -> None:
        """Another attempt, a branch, an escalation, or silence for somebody who does not want this."""
        if report.outcome == "declined":
            await skip_pending(session, [task.intervention_id], "declined")
            return
        escalation = self._escalations.get(task.playbook)
        over = intervention.status == "withdrawn" or (
            intervention.status == "closed" and not intervention.owed
        )
        if escalation is None or over:
            return
        step = await session.get_one(Step, task.step_id)
        done = Done(step.id, step.position, step.detail, report.outcome, task.attempt, task.escalated, now)
        await add_steps(session, [(task.intervention_id, one) for one in follow_up(escalation, done)])


def _close(task: Task, report: Report, now: datetime) -> None:
    task.status = "done"
    task.outcome = report.outcome
    task.sentiment = report.sentiment
    task.note = report.note
    task.author = report.author
    task.completed_at = now
