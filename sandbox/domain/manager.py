"""A simulated success manager: completes a seeded share of the tasks and leaves the rest to the visitor."""

from dataclasses import dataclass
from random import Random

SHARE = 0.6
"""Of the tasks; the others stay open in the console. A remedy owed is always seen to."""
NO_ANSWER = 0.25
RESOLVED = 0.75
OWED = "post-support"


@dataclass(frozen=True, slots=True)
class Completion:
    """The form of a completed task. `reached`: the customer heard from us."""

    outcome: str
    sentiment: str
    note: str
    reached: bool

    def form(self) -> dict[str, str]:
        return {
            "outcome": self.outcome,
            "sentiment": self.sentiment,
            "note": self.note,
            "author": "simulated CSM",
        }


def complete(customer: str, playbook: str, title: str, seed: int) -> Completion | None:
    """The same customer, playbook and task get the same answer in every run; None: left open."""
    rng = Random(f"manager:{seed}:{customer}:{playbook}:{title}")
    if rng.random() >= SHARE and playbook != OWED:
        return None
    if rng.random() < NO_ANSWER:
        return Completion("no_answer", "neutral", "Simulated: nobody picked up.", reached=False)
    if playbook != OWED:
        sentiment = rng.choice(("positive", "neutral"))
        return Completion("reached", sentiment, "Simulated: a friendly call.", reached=True)
    if rng.random() < RESOLVED:
        return Completion("resolved", "positive", "Simulated: put right and thanked.", reached=True)
    return Completion("not_resolved", "negative", "Simulated: still open.", reached=True)
