"""Every topic: the only place a topic name is written."""

from dataclasses import dataclass, field

FAMILIES = (
    *("order", "checkout", "return", "site", "product", "email", "sms", "ticket", "survey", "subscription"),
    *("usage", "account", "contact", "milestone", "referral", "review", "note", "outreach", "customer"),
)
"""The first word of every type on customer.events."""

_DAY_MS = 86_400_000
_MB = 1024 * 1024
KEY = "tenant/customer"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, who makes it, who reads it and how long it is kept. Partition counts are fixed for life."""

    name: str
    about: str
    made_by: tuple[str, ...]
    read_by: tuple[str, ...]
    types: tuple[str, ...]  # event types, prefixes ending in a dot or "status"; empty for internal records
    policy: str = "delete"
    retention_days: int | None = None
    public: bool = True
    partitions: int | None = None  # None: as many as every other topic
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, str]:
        """The broker's settings for this topic."""
        settings = {"cleanup.policy": self.policy, "message.timestamp.type": "CreateTime", **self.extra}
        if self.retention_days is not None:
            settings["retention.ms"] = str(self.retention_days * _DAY_MS)
        return settings


def _state(name: str, owner: str) -> Topic:
    # compact only: with compact,delete a row nobody touches for the retention time would be lost
    extra = {"segment.bytes": str(64 * _MB), "min.cleanable.dirty.ratio": "0.1"}
    about = f"Rows and checkpoints of {owner}"
    return Topic(name, about, (owner,), (owner,), (), policy="compact", public=False, extra=extra)


def _status(owner: str, reader: str) -> Topic:
    # One key, so the last word is all that compaction leaves. It must not be left too long: a reader takes
    # the last hundred records, and a word that another process said is worth something for ten seconds.
    extra = {"segment.ms": str(_DAY_MS // 24), "min.compaction.lag.ms": "60000"}
    about = f"Whether events wait at {owner}: while they do, silence means nothing"
    return Topic(
        f"{owner}.status",
        about,
        (owner,),
        (reader,),
        ("status",),
        policy="compact",
        partitions=1,
        extra=extra,
    )


def _dead_letters(owner: str) -> Topic:
    about = f"What {owner} could not use, with reason and origin"
    return Topic(f"{owner}.dead-letters", about, (owner,), ("operator",), (), retention_days=30, public=False)


CUSTOMER_EVENTS = Topic(
    "customer.events",
    "Every fact about every customer",
    ("ingest", "outreach"),
    ("scoring", "outreach"),
    tuple(f"{name}." for name in FAMILIES),
    retention_days=730,
)
CUSTOMER_PROFILES = Topic(
    "customer.profiles",
    "Contact details and consent; a tombstone erases",
    ("ingest",),
    ("outreach",),
    ("profile.",),
    policy="compact",
)
CUSTOMER_HEALTH = Topic(
    "customer.health",
    "The latest health snapshot of each customer",
    ("scoring",),
    ("triggers", "outreach", "others"),
    ("health.snapshot",),
    policy="compact",
)
HEALTH_CHANGES = Topic(
    "customer.health-changes",
    "Band or score moved: from, to, why",
    ("scoring",),
    ("others",),
    ("health.changed",),
    retention_days=30,
)
CUSTOMER_TRIGGERS = Topic(
    "customer.triggers",
    "Rules fired and cleared, with the facts at that moment",
    ("triggers",),
    ("outreach", "others"),
    ("trigger.",),
    retention_days=90,
)
OUTREACH_OUTCOMES = Topic(
    "outreach.outcomes",
    "Decisions, touches and results",
    ("outreach",),
    ("operator", "others"),
    ("outreach.",),
    retention_days=730,
)
SCORING_STATE = _state("scoring.state", "scoring")
TRIGGERS_STATE = _state("triggers.state", "triggers")
SCORING_TRANSFERS = Topic(
    "scoring.transfers",
    "Rows on their way to another partition after a merge",
    ("scoring",),
    ("scoring",),
    (),
    retention_days=7,
    public=False,
)
TRIGGERS_REQUESTS = Topic(
    "triggers.requests",
    "What an operator asks of a rule: release or drop what is held",
    ("operator",),
    ("triggers",),
    (),
    retention_days=7,
    public=False,
)
INGEST_STATUS = _status("ingest", "scoring")
SCORING_STATUS = _status("scoring", "triggers")
INGEST_DEAD_LETTERS = _dead_letters("ingest")
SCORING_DEAD_LETTERS = _dead_letters("scoring")
TRIGGERS_DEAD_LETTERS = _dead_letters("triggers")
OUTREACH_DEAD_LETTERS = _dead_letters("outreach")

ALL: tuple[Topic, ...] = (
    CUSTOMER_EVENTS,
    CUSTOMER_PROFILES,
    CUSTOMER_HEALTH,
    HEALTH_CHANGES,
    CUSTOMER_TRIGGERS,
    OUTREACH_OUTCOMES,
    INGEST_STATUS,
    SCORING_STATUS,
    SCORING_STATE,
    SCORING_TRANSFERS,
    TRIGGERS_STATE,
    TRIGGERS_REQUESTS,
    INGEST_DEAD_LETTERS,
    SCORING_DEAD_LETTERS,
    TRIGGERS_DEAD_LETTERS,
    OUTREACH_DEAD_LETTERS,
)
