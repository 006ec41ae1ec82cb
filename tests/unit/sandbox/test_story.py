"""The story: the same for the same seed, true to the log, and with a future one can see coming."""

from datetime import timedelta

from sandbox.domain.behaviour import interest
from sandbox.domain.course import Course, make_course
from sandbox.domain.log import HISTORY_START, LIVE_END, LIVE_START, parse, sample
from sandbox.domain.moments import INTRODUCTIONS
from sandbox.domain.story import tell
from tests.unit.sandbox.shop import make_log


def test_amounts_are_read_without_rounding_and_the_header_is_skipped() -> None:
    log = parse([" customer_id  date number_of_cds  dollar_value", " 00002 19970112  5   77.07", ""])
    assert [(p.customer, p.units, p.cents, p.number) for p in log[2]] == [(2, 5, 7707, 2)]


def test_the_same_seed_draws_the_same_customers_and_another_seed_others() -> None:
    log = make_log()
    assert sample(log, 20, 1) == sample(log, 20, 1)
    assert sample(log, 20, 1).keys() != sample(log, 20, 2).keys()
    assert len(sample(log, 1000, 1)) == len(log)


def test_the_same_seed_tells_the_same_story() -> None:
    log = make_log()
    assert tell(log, 3) == tell(log, 3)
    assert tell(log, 3) != tell(log, 4)


def test_a_customers_story_does_not_depend_on_who_else_plays() -> None:
    log = make_log()
    alone = tell({3: log[3]}, 1)
    together = [moment for moment in tell(log, 1).live if moment.person.number == 3]
    assert list(alone.live) == together


def test_every_order_of_the_log_happens_on_its_day_and_nothing_else_is_called_real() -> None:
    log = make_log()
    story = tell(log, 1)
    told = [moment for moment in story.history + story.live if moment.kind == "order"]
    assert {(int(m.ref), m.at.date(), m.detail["cents"]) for m in told} == {
        (p.number, p.day, p.cents) for purchases in log.values() for p in purchases
    }
    assert all(moment.real == (moment.kind == "order") for moment in story.history + story.live)


def test_history_ends_where_the_live_part_begins_and_both_are_in_order() -> None:
    story = tell(make_log(), 1)
    for moments, start, end in (
        (story.history, HISTORY_START, LIVE_START),
        (story.live, LIVE_START, LIVE_END),
    ):
        times = [moment.at for moment in moments]
        assert times == sorted(times)
        assert start <= times[0]
        assert times[-1] < end


def test_everybody_is_introduced_and_moment_ids_are_unique() -> None:
    log = make_log()
    story = tell(log, 1)
    assert {m.kind for m in story.introductions} == INTRODUCTIONS
    assert sum(m.kind == "created" for m in story.introductions) == len(log) == len(story.customers)
    ids = [moment.id for moment in story.introductions + story.history + story.live]
    assert len(ids) == len(set(ids))


def test_interest_fades_before_a_last_order_and_not_before_other_orders() -> None:
    purchases = make_log()
    leaving, staying = make_course(purchases[1], 1), make_course(purchases[3], 1)
    assert leaving.gone
    assert not staying.gone
    assert leaving.engagement(leaving.last) < 0.7
    assert leaving.engagement(leaving.last + timedelta(days=90)) < 0.1
    assert staying.engagement(LIVE_START) == 1.0


def test_shopping_raises_interest_and_a_lurker_keeps_some() -> None:
    course = make_course(make_log()[3], 1)
    before = course.orders[3].at - timedelta(days=2)
    assert interest(course, before, lurker=False) > interest(
        course, before - timedelta(days=30), lurker=False
    )
    over = Course(course.orders[:1], gone=True)
    assert interest(over, LIVE_END, lurker=True) > 10 * interest(over, LIVE_END, lurker=False)


def test_the_future_is_known_to_the_day() -> None:
    course = make_course(make_log()[3], 1)
    first, second = course.orders[0].at, course.orders[1].at
    assert course.buys_within(first, second - first)
    assert not course.buys_within(first, second - first - timedelta(seconds=1))
    assert not course.buys_within(course.last, timedelta(days=1000))
