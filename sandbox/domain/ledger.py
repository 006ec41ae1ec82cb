"""The ledger: what was sent against what stands on the topics. A pure recount, from no counter alone.

Three equalities, each exact, and beneath them what would make them true by accident: an event lost between
two topics while another was made up, one counted twice, a forgery taken for real.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from sandbox.domain.deliveries import Expected

Decision = str
DECISIONS = ("opened", "suppressed", "held_out")
TOO_MANY = 429  # the only refusal that invites another attempt
KEPT = 202  # of use to nobody, and kept as a dead letter


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP attempt that ended. `status` None: no answer. `events`: the ids answered as accepted."""

    number: int
    status: int | None
    expected: Expected
    events: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        return self.status is not None and 400 <= self.status < 500


@dataclass(frozen=True, slots=True)
class Sent:
    """The shop's own log, counted."""

    sent: int
    accepted: int
    refused: int
    unconfirmed: int
    events: frozenset[str]
    forged_accepted: int
    genuine_refused: int
    nonsense_taken: int
    """Broken or of an unknown topic, and not kept as a dead letter."""


@dataclass(frozen=True, slots=True)
class Topics:
    """What stands on the topics and in scoring's checkpoints, counted by reading them."""

    events: Counter[str]  # how many records of customer.events carry each id
    scoring: Mapping[str, int]
    dead_lettered: AbstractSet[str]
    fired: AbstractSet[str]
    decided: Collection[tuple[str, Decision]]  # one entry for each distinct decision event


@dataclass(frozen=True, slots=True)
class Ledger:
    """The figures and what is wrong with them; empty `faults` means balanced."""

    figures: dict[str, int]
    faults: tuple[str, ...] = field(default=())

    @property
    def balanced(self) -> bool:
        return not self.faults

    def line(self) -> str:
        told = " ".join(f"{name}={figure}" for name, figure in self.figures.items())
        return f"ledger: {told} {'BALANCED' if self.balanced else 'OUT OF BALANCE'}"


def count_sent(attempts: Iterable[Attempt]) -> Sent:
    """`sent` is the highest attempt number given out: a line that is missing from the log shows."""
    sent = accepted = refused = unconfirmed = forged = genuine = nonsense = 0
    events: set[str] = set()
    for attempt in attempts:
        sent = max(sent, attempt.number)
        accepted += attempt.accepted
        refused += attempt.refused
        unconfirmed += not attempt.accepted and not attempt.refused
        forged += attempt.accepted and attempt.expected == "refused"
        genuine += attempt.refused and attempt.status != TOO_MANY and attempt.expected != "refused"
        nonsense += attempt.accepted and attempt.status != KEPT and attempt.expected == "dead_letter"
        events.update(attempt.events)
    return Sent(sent, accepted, refused, unconfirmed, frozenset(events), forged, genuine, nonsense)


def balance(sent: Sent, topics: Topics) -> Ledger:
    """Every equality of the ledger, and a sentence for each that fails."""
    decisions = Counter(decision for _, decision in topics.decided)
    figures = {
        "sent": sent.sent,
        "accepted": sent.accepted,
        "refused": sent.refused,
        "unconfirmed": sent.unconfirmed,
        "records": topics.events.total(),
        "applied": topics.scoring.get("applied", 0),
        "duplicate": topics.scoring.get("duplicate", 0),
        "dead_lettered": topics.scoring.get("dead_lettered", 0),
        "fired": len(topics.fired),
        **{decision: decisions[decision] for decision in DECISIONS},
    }
    return Ledger(figures, (*_sender(sent), *_events(sent, topics, figures), *_triggers(topics, figures)))


def _sender(sent: Sent) -> Iterable[str]:
    ended = sent.accepted + sent.refused + sent.unconfirmed
    if sent.sent != ended:
        yield f"{sent.sent} webhooks sent, {ended} ended"
    if sent.forged_accepted:
        yield f"{sent.forged_accepted} forged or oversized webhooks were accepted"
    if sent.genuine_refused:
        yield f"{sent.genuine_refused} genuine webhooks were refused"
    if sent.nonsense_taken:
        yield f"{sent.nonsense_taken} broken or unknown webhooks were not kept as dead letters"


def _events(sent: Sent, topics: Topics, figures: Mapping[str, int]) -> Iterable[str]:
    seen = figures["applied"] + figures["duplicate"] + figures["dead_lettered"]
    if figures["records"] != seen:
        yield f"{figures['records']} records on customer.events, scoring counted {seen}"
    if moving := in_transit(topics.scoring):
        yield f"{moving} rows or events of merged customers were sent and have not arrived, or arrived twice"
    if lost := sum(1 for name in sent.events if name not in topics.events):
        yield f"{lost} events were answered as accepted and do not stand on customer.events"
    usable = sum(1 for name in topics.events if name not in topics.dead_lettered)
    if figures["applied"] > usable:
        yield f"{figures['applied'] - usable} events were counted twice"
    if figures["applied"] < usable:
        yield f"{usable - figures['applied']} events were not counted"


def in_transit(scoring: Mapping[str, int]) -> int:
    """What partitions of scoring sent each other after merges and has not come to rest yet."""
    pairs = (("forwarded", "arrived"), ("rows_sent", "rows_received"))
    return sum(abs(scoring.get(sent, 0) - scoring.get(received, 0)) for sent, received in pairs)


def _triggers(topics: Topics, figures: Mapping[str, int]) -> Iterable[str]:
    decided = Counter(trigger for trigger, _ in topics.decided)
    total = sum(figures[decision] for decision in DECISIONS)
    if figures["fired"] != total:
        yield f"{figures['fired']} triggers fired, {total} decided"
    if twice := sum(1 for times in decided.values() if times > 1):
        yield f"{twice} triggers have more than one decision"
    if open_ends := len(topics.fired - decided.keys()):
        yield f"{open_ends} triggers have no decision"
    if strangers := len(decided.keys() - topics.fired):
        yield f"{strangers} decisions are about triggers that never fired"
