"""What is proposed, and what luck or too little keeps from it."""

import pytest

from services.triggers.domain.choice import Choice, Option, Weighed, choose, front, too_little


def weighed(hours: float, caught: int, right: int = 50, due: int = 100, judged: int = 100) -> Weighed:
    return Weighed(hours, caught, due, right, judged)


def both(one: Weighed, later: Weighed | None = None) -> Option:
    return Option(one, later or one)


NOW = both(weighed(10, 50))


def proposed(*others: Option) -> Choice:
    return choose([NOW, *others])


def test_as_much_for_less_is_proposed_the_cheapest_of_them() -> None:
    found = proposed(both(weighed(8, 50)), both(weighed(6, 50)), both(weighed(5, 40, right=40)))
    assert [(each.option, each.kinds) for each in found.proposals] == [(2, ("cheaper",))]


def test_more_for_as_much_is_proposed() -> None:
    found = proposed(both(weighed(10, 53, right=48)), both(weighed(12, 90, right=10)))
    assert [(each.option, each.kinds) for each in found.proposals] == [(1, ("more",))]


def test_the_best_balance_need_not_be_cheaper_or_catch_more() -> None:
    found = proposed(both(weighed(4, 45, right=90)))
    assert [(each.option, each.kinds) for each in found.proposals] == [(1, ("balance",))]


def test_of_two_that_are_as_good_the_one_with_fewer_numbers_turned_is_proposed() -> None:
    dear, near, far = weighed(5.2, 50, right=45), weighed(5.0, 50, right=45), weighed(5.6, 50, right=45)
    found = proposed(Option(near, near, 2), Option(dear, dear, 1), Option(far, far, 1))
    assert [each.option for each in found.proposals] == [2]


@pytest.mark.parametrize("later", [(5.0, 30.0), (30.0, 5.0), (None, 30.0)])
def test_who_waits_until_nothing_can_be_done_is_not_proposed(
    later: tuple[float | None, float | None],
) -> None:
    slow = [weighed(5, 50, right=90)._replace(lead=days) for days in later]
    now = both(weighed(10, 50)._replace(lead=20.0))
    assert choose([now, Option(*slow)]).proposals == []
    assert choose([now, both(weighed(5, 50, right=90)._replace(lead=15.0))]).proposals != []


def test_one_variant_may_be_all_three() -> None:
    found = proposed(both(weighed(5, 60, right=80)))
    assert [(each.option, each.kinds) for each in found.proposals] == [(1, ("cheaper", "more", "balance"))]
    assert found.refusals == []


@pytest.mark.parametrize("later", [weighed(9.9, 50), weighed(6, 48)])
def test_what_was_luck_is_not_proposed_and_neither_is_the_next_best(later: Weighed) -> None:
    found = proposed(Option(weighed(5, 50, right=45), later), both(weighed(8, 50, right=45)))
    assert found.proposals == []
    assert ("cheaper", 1) in [(one.kind, one.option) for one in found.refusals]


def test_a_gain_within_a_few_cases_is_none() -> None:
    found = proposed(both(weighed(10, 52, right=50)))
    assert found.proposals == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (both(weighed(1, 5, due=29)), "only 29 to be caught; 30 are needed"),
        (both(weighed(1, 5, judged=29, right=1)), "only 29 of its calls can be judged"),
        (Option(weighed(1, 5), weighed(1, 5, due=14)), "held against them only 14 to be caught; 15"),
        (Option(weighed(1, 5), weighed(1, 5, judged=0)), "only 0 of its calls can be judged"),
    ],
)
def test_where_there_is_too_little_nothing_is_proposed(option: Option, said: str) -> None:
    found = choose([option, both(weighed(0.1, 100, right=100))])
    assert (found.proposals, found.refusals) == ([], [])
    assert said in found.too_little
    assert too_little(both(weighed(1, 5))) == ""


def test_the_front_is_what_no_other_beats() -> None:
    options = [
        weighed(5, 50),
        weighed(3, 50),
        weighed(3, 40),
        weighed(9, 80),
        weighed(10, 79),
        weighed(3, 50),
    ]
    assert front(options) == [1, 3]
