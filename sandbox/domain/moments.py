"""What happens in the shop: one moment is one fact about one person, before any tool puts it into words."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sandbox.domain.people import Person

Kind = Literal[
    "created",
    "identified",
    "subscribed",
    "support_known",
    "order",
    "refund",
    "contract_started",
    "contract_paused",
    "contract_cancelled",
    "page",
    "product",
    "mail_sent",
    "mail_opened",
    "mail_clicked",
    "mail_unsubscribed",
    "ticket_opened",
    "ticket_solved",
    "ticket_rated",
]
INTRODUCTIONS: frozenset[Kind] = frozenset({"created", "identified", "subscribed", "support_known"})


@dataclass(frozen=True, slots=True)
class Moment:
    """`ref` is the tool's id of the thing (order, ticket, session); `real` marks what the log itself says."""

    at: datetime
    person: Person
    kind: Kind
    ref: str
    detail: dict[str, str | int] = field(default_factory=dict)
    real: bool = False

    @property
    def id(self) -> str:
        """Unique in a story, and the same in every run with the same seed."""
        return f"{self.kind}-{self.person.number}-{self.ref}"
