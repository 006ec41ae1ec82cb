"""Conditions of the rule language at random, over columns whose every value the contract allows."""

from hypothesis import strategies as st

from services.triggers.domain.vocabulary import VOCABULARY

# Few columns, so that parts of one condition meet; of each kind, with and without null, narrow and wide.
NUMBERS = ("score", "p_buy", "orders_total", "nps", "csm_sentiment", "days_overdue", "silence_tail_p")
FLAGS = ("site_known", "excluded")
TEXTS = ("band", "stage", "subscription_state", "segment")
TIMES = ("last_visit_at", "last_order_at", "now")

_literals = st.integers(-5, 12).map(str) | st.sampled_from(["0.5", "100", "1e15", "0.1", "1000000000"])
_compare = st.sampled_from(["<", "<=", "=", "<>", ">", ">="])
numbers = st.deferred(lambda: _numbers)
flags = st.deferred(lambda: _flags)
_times = st.sampled_from(TIMES) | st.just("GREATEST(last_visit_at, last_order_at)")
_since = st.builds("{}({})".format, st.sampled_from(["days_since", "hours_since", "days_until"]), _times)
_leaf = st.sampled_from(NUMBERS) | _literals | _since
_two = st.sampled_from(["COALESCE", "NULLIF", "GREATEST", "LEAST"])
_one = st.sampled_from(["ABS({})", "FLOOR({})", "CEIL({})", "ROUND({}, 1)", "(- {})"])
_numbers = (
    _leaf
    | st.builds("({} {} {})".format, numbers, st.sampled_from("+-*/"), numbers)
    | st.builds("{}({}, {})".format, _two, numbers, numbers)
    | st.builds(str.format, _one, numbers)
    | st.builds("CASE WHEN {} THEN {} ELSE {} END".format, flags, numbers, numbers)
    | st.builds("CASE WHEN {} THEN {} END".format, flags, numbers)
)


def _words(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from(VOCABULARY[name].choices or ("vip", "other"))


_texts = st.sampled_from(TEXTS).flatmap(
    lambda name: (
        st.builds("{} {} '{}'".format, st.just(name), st.sampled_from(["=", "<>"]), _words(name))
        | st.builds("{} IN ('{}', '{}')".format, st.just(name), _words(name), _words(name))
        | st.builds("{} NOT IN ('{}')".format, st.just(name), _words(name))
        | st.builds("'{}' = {}".format, _words(name), st.just(name))
    )
)
_null = st.sampled_from(["IS NULL", "IS NOT NULL"])
_flags = (
    st.sampled_from([*FLAGS, "TRUE", "FALSE"])
    | st.builds("{} {} {}".format, numbers, _compare, numbers)
    | st.builds("{} {} {}".format, st.sampled_from(NUMBERS), _compare, _literals)
    | st.builds("{} {} {}".format, _times, _compare, _times)
    | _texts
    | st.builds("{} BETWEEN {} AND {}".format, _leaf, _literals, _literals)
    | st.builds("{} IN (-1, 2, 7)".format, _leaf)
    | st.builds("{} {}".format, _leaf | st.sampled_from([*TEXTS, *TIMES, *FLAGS]), _null)
    | st.builds(
        "({}) {}".format, flags, st.sampled_from(["IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE"])
    )
    | st.builds("({} {} {})".format, flags, st.sampled_from(["AND", "OR"]), flags)
    | st.builds("({} AND {} AND {})".format, flags, flags, flags)
    | st.builds("(NOT {})".format, flags)
    | st.builds("(({}) {} ({}))".format, flags, st.sampled_from(["=", "<>"]), flags)
    | st.builds("COALESCE({}, {})".format, flags, flags)
)
