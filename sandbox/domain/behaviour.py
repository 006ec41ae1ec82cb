"""Simulated interest: visits and e-mail around the real orders. It fades before a customer stops buying.

Plus noise in both directions, so that the signal is worth something and not everything: lurkers look around
for months after their last order, and some loyal customers never click.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from sandbox.domain.course import Course
from sandbox.domain.log import HISTORY_START, LIVE_END
from sandbox.domain.moments import Moment
from sandbox.domain.people import Person

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
CAMPAIGN_EVERY = timedelta(days=14)
LURKER_SHARE = 0.06
LURKER_LEVEL = 0.35  # of full interest, long after the last order
FLOOR = 0.01  # nobody's interest is quite zero
SHOPPING_BOOST = 2.0
ORDER_WITHOUT_VISIT = 0.1  # by phone or from another device
PRODUCTS = 400


def interest(course: Course, at: datetime, *, lurker: bool) -> float:
    """What drives visits and clicks, 0 to 2."""
    level = max(course.engagement(at), LURKER_LEVEL if lurker else FLOOR)
    return level * (SHOPPING_BOOST if course.shopping(at) else 1.0)


def browsing(person: Person, course: Course, seed: int) -> Iterator[Moment]:
    """Visits week by week, and one just before most orders."""
    if not person.site_known:
        return
    rng = Random(f"browsing:{seed}:{person.number}")
    lurker = rng.random() < LURKER_SHARE
    for order in course.orders:
        if rng.random() >= ORDER_WITHOUT_VISIT:
            yield from _visit(person, order.at - timedelta(minutes=rng.randrange(5, 45)), rng)
    week = course.first + DAY
    while week < LIVE_END:
        wanted = person.browsing * interest(course, week, lurker=lurker)
        for _ in range(_poisson(wanted, rng)):
            yield from _visit(person, week + WEEK * rng.random(), rng)
        week += WEEK


def _visit(person: Person, at: datetime, rng: Random) -> Iterator[Moment]:
    session = f"{person.number}-{int(at.timestamp())}"
    yield Moment(at, person, "page", session, {"path": rng.choice(("/", "/new", "/sale", "/account"))})
    if rng.random() < 0.4:
        product = str(rng.randrange(1, PRODUCTS + 1))
        seen = at + timedelta(seconds=rng.randrange(20, 400))
        yield Moment(seen, person, "product", session, {"product": product})


def campaigns() -> Iterator[tuple[int, datetime]]:
    """Every second Tuesday at 10: number and time."""
    at, number = datetime(1997, 1, 14, 10, tzinfo=UTC), 1
    assert at >= HISTORY_START
    while at < LIVE_END:
        yield number, at
        at, number = at + CAMPAIGN_EVERY, number + 1


def mail(person: Person, course: Course, seed: int) -> Iterator[Moment]:
    """Newsletters from the first order on, until an unsubscribe."""
    if not person.newsletter:
        return
    rng = Random(f"mail:{seed}:{person.number}")
    lurker = rng.random() < LURKER_SHARE
    for number, at in campaigns():
        if at <= course.first + DAY:
            continue
        level = min(interest(course, at, lurker=lurker), 1.0)
        detail: dict[str, str | int] = {"campaign": number}
        yield Moment(at, person, "mail_sent", str(number), detail)
        if (answer := _answer(level, rng)) is None:
            continue
        read = at + timedelta(minutes=rng.randrange(10, 2 * 24 * 60))
        yield Moment(read, person, "mail_opened", str(number), detail)
        if answer == "clicked":
            yield Moment(read + timedelta(minutes=1), person, "mail_clicked", str(number), detail)
        if answer == "unsubscribed":
            yield Moment(read + timedelta(minutes=2), person, "mail_unsubscribed", str(number), detail)
            return


def _answer(level: float, rng: Random) -> str | None:
    """Opens are half privacy proxies and hardly follow interest; clicks and unsubscribes do."""
    chance = rng.random()
    if chance < 0.16 * level:
        return "clicked"
    if chance > 1.0 - 0.025 * (1.0 - level):
        return "unsubscribed"
    return "opened" if chance < 0.3 + 0.1 * level else None


def _poisson(mean: float, rng: Random) -> int:
    """Knuth's method: fine for the small means of a week."""
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count, product = count + 1, product * rng.random()
    return count
