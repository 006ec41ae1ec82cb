"""Simulated trouble around the real orders: refunds, tickets and subscriptions that stop.

Farewell orders have more of it, so that trouble says something about the future, but not everything.
"""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from sandbox.domain.course import Course, Order
from sandbox.domain.log import LIVE_END
from sandbox.domain.moments import Moment
from sandbox.domain.people import Person

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
REFUND = {False: 0.02, True: 0.07}  # share of orders, by: was it the last one
TICKET = {False: 0.05, True: 0.10}
NEGATIVE = {False: 0.4, True: 0.75}
SOLVED = {False: 0.9, True: 0.45}  # share of negative tickets that anybody ever solves
CONTRACT_SHARE = 0.06

ANGRY = (
    "I am very disappointed. The parcel arrived broken and nobody answers me.",
    "This is terrible service, I have been waiting for three weeks and I want my money back.",
    "The wrong disc again. I am angry and I will not order here any more.",
    "Awful. The case was damaged and your refund page does not work at all.",
)
FRIENDLY = (
    "Thank you, the order arrived quickly. Could you tell me when the new album is out?",
    "Great shop! I would like to change my delivery address, please.",
    "I love the recording, thanks. Do you also have the live version?",
)


def refunds(person: Person, course: Course, seed: int) -> Iterator[Moment]:
    """Part or all of an order's money back, a week or two later."""
    rng = Random(f"refund:{seed}:{person.number}")
    for order in course.orders:
        if order.cents > 0 and rng.random() < REFUND[_farewell(course, order)]:
            share = rng.choice((0.3, 0.5, 1.0, 1.0))
            detail: dict[str, str | int] = {"order": order.number, "cents": max(1, int(order.cents * share))}
            at = order.at + DAY * rng.uniform(4, 18)
            yield Moment(at, person, "refund", str(order.number), detail)


def tickets(person: Person, course: Course, seed: int) -> Iterator[Moment]:
    """Questions and complaints after an order; most are solved and some of those are rated."""
    rng = Random(f"ticket:{seed}:{person.number}")
    for order in course.orders:
        farewell = _farewell(course, order)
        if rng.random() < TICKET[farewell]:
            yield from _ticket(person, order, rng, farewell=farewell)


def _ticket(person: Person, order: Order, rng: Random, *, farewell: bool) -> Iterator[Moment]:
    negative = rng.random() < NEGATIVE[farewell]
    ref = str(order.number)
    opened = order.at + DAY * rng.uniform(1, 10)
    text = rng.choice(ANGRY if negative else FRIENDLY)
    priority = "HIGH" if negative else "NORMAL"
    yield Moment(opened, person, "ticket_opened", ref, {"text": text, "priority": priority})
    if negative and rng.random() >= SOLVED[farewell]:
        return
    solved = opened + HOUR * rng.uniform(3, 100)
    yield Moment(solved, person, "ticket_solved", ref, {"priority": priority})
    if rng.random() < 0.5:
        good = rng.random() < (0.6 if negative else 0.9)
        rated = solved + HOUR * rng.uniform(1, 48)
        yield Moment(rated, person, "ticket_rated", ref, {"score": "GOOD" if good else "BAD"})


def contracts(person: Person, course: Course, seed: int) -> Iterator[Moment]:
    """Few have a subscription; most of those who leave pause or cancel it around their last order."""
    rng = Random(f"contract:{seed}:{person.number}")
    if rng.random() >= CONTRACT_SHARE:
        return
    ref = str(9_000_000_000 + person.number)
    started = course.first + DAY * rng.uniform(1, 30)
    detail: dict[str, str | int] = {"order": course.orders[0].number}
    yield Moment(started, person, "contract_started", ref, detail)
    stops = rng.random() < (0.7 if course.gone else 0.05)
    ended = max(course.last, started) + DAY * rng.uniform(5, 60)
    if stops and ended < LIVE_END:
        yield Moment(ended, person, rng.choice(("contract_paused", "contract_cancelled")), ref, detail)


def _farewell(course: Course, order: Order) -> bool:
    return course.gone and order.at == course.last
