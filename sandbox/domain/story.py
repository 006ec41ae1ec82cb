"""The whole play: introductions, nine months of history, nine months live. Same log and seed, same story."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from sandbox.domain.behaviour import browsing, mail
from sandbox.domain.course import Course, Order, make_course
from sandbox.domain.log import HISTORY_START, LIVE_END, LIVE_START, Log
from sandbox.domain.moments import Moment
from sandbox.domain.people import Person, make_person
from sandbox.domain.trouble import contracts, refunds, tickets

BEFORE_FIRST = timedelta(minutes=10)  # an account is made just before the first order


@dataclass(frozen=True, slots=True)
class Customer:
    """A person with their course through the real log."""

    person: Person
    course: Course


@dataclass(frozen=True, slots=True)
class Story:
    """Three lists in the order of time. Introductions come first so that every tool's id is known by then."""

    customers: dict[str, Customer]  # by e-mail address
    introductions: tuple[Moment, ...]
    history: tuple[Moment, ...]
    live: tuple[Moment, ...]


def tell(log: Log, seed: int) -> Story:
    """The story of the log's customers."""
    customers = [
        Customer(make_person(number, seed), make_course(purchases, seed)) for number, purchases in log.items()
    ]
    introductions: list[Moment] = []
    history: list[Moment] = []
    live: list[Moment] = []
    for customer in customers:
        introductions += introduce(customer)
        for moment in life(customer, seed):
            if HISTORY_START <= moment.at < LIVE_START:
                history.append(moment)
            elif LIVE_START <= moment.at < LIVE_END:
                live.append(moment)
    by_address = {customer.person.email: customer for customer in customers}
    return Story(by_address, tuple(introductions), _in_time(history), _in_time(live))


def introduce(customer: Customer) -> Iterator[Moment]:
    """Each tool learns the person's address once; its later webhooks name only its own id."""
    person, at = customer.person, customer.course.first - BEFORE_FIRST
    yield Moment(at, person, "created", str(person.shopify_id))
    if person.site_known:
        yield Moment(at + timedelta(minutes=1), person, "identified", person.segment_id)
    if person.newsletter:
        yield Moment(at + timedelta(minutes=2), person, "subscribed", person.klaviyo_id)
    yield Moment(at + timedelta(minutes=3), person, "support_known", str(person.zendesk_id))


def life(customer: Customer, seed: int) -> Iterator[Moment]:
    person, course = customer.person, customer.course
    return chain(
        (order_placed(person, order, real=True) for order in course.orders),
        browsing(person, course, seed),
        mail(person, course, seed),
        refunds(person, course, seed),
        tickets(person, course, seed),
        contracts(person, course, seed),
    )


def order_placed(person: Person, order: Order, *, real: bool) -> Moment:
    detail: dict[str, str | int] = {"cents": order.cents, "units": order.units}
    return Moment(order.at, person, "order", str(order.number), detail, real=real)


def _in_time(moments: list[Moment]) -> tuple[Moment, ...]:
    def when(moment: Moment) -> tuple[datetime, str]:
        return moment.at, moment.id

    return tuple(sorted(moments, key=when))
