"""Two customers with all kinds of events, as a stream takes them, as a log and as a file."""

from pathlib import Path
from typing import Any

from libs.events import AnyEvent, encode
from libs.events.families.commerce import OrderRefunded, SubscriptionPaused, SubscriptionStarted
from libs.events.families.engagement import EmailClicked, EmailSent, SiteVisited
from libs.events.families.relationship import SurveyAnswered, TicketOpened
from services.scoring.offline.replay import end_of
from tests.unit.scoring.shop import T0, Shop, order

FIRST_DAY = int(T0.timestamp()) // 86_400


def life(shop: Shop) -> list[AnyEvent]:
    """Ann buys every 20 days, leaves after day 60 and complains; Bob buys once, subscribes and pauses."""
    happened: list[tuple[Any, float, str]] = [
        *((order(f"a{day}"), day, "ann") for day in (0, 20, 40, 60)),
        *((SiteVisited(session_id=f"s{day}"), day + 0.1, "ann") for day in range(0, 66, 3)),
        (EmailSent(message_id="m1"), 61, "ann"),
        (EmailClicked(message_id="m1"), 61.2, "ann"),
        (OrderRefunded(order_id="a60", refund_id="r", amount="20.00", currency="USD"), 64, "ann"),
        (TicketOpened(ticket_id="t1", sentiment="negative"), 65, "ann"),
        (order("b1", "700.00"), 30, "bob"),
        (SubscriptionStarted(subscription_id="u1", amount="30.00", currency="USD"), 31, "bob"),
        (SubscriptionPaused(subscription_id="u1"), 70, "bob"),
        (SurveyAnswered(survey_id="q", response_id="1", kind="nps", score=9), 71, "bob"),
        (SiteVisited(session_id="late"), 89.9, "bob"),
    ]
    happened.sort(key=lambda told: told[1])
    return [shop.event(data, at, who) for data, at, who in happened]


def write(path: Path, events: list[AnyEvent]) -> Path:
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    return path


def ends(day: int) -> int:
    """The first moment after so many days."""
    return end_of(FIRST_DAY + day)
