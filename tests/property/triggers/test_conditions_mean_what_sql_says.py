"""Any condition, on any customers, comes to what an SQL database says of the same values, row by row."""

import math
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from services.triggers.domain.language import ConditionError, compile_condition, parse
from tests.property.triggers import sql as language
from tests.property.triggers.test_laws_of_ranges import facts
from tests.unit.triggers.shop import START, answers, snapshot

COLUMNS = (*language.NUMBERS, *language.FLAGS, *language.TEXTS, *language.TIMES)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _passing_over_nulls(choose: Any) -> Any:
    return lambda *values: choose((value for value in values if value is not None), default=None)


def _unless_null(compute: Any) -> Any:
    return lambda *values: None if None in values else compute(*values)


def _since(unit: float) -> Any:
    return _unless_null(lambda moment: (_micros(START) - moment) / unit)


FUNCTIONS = {
    "greatest": _passing_over_nulls(max),
    "least": _passing_over_nulls(min),
    "floor": _unless_null(lambda x: float(math.floor(x)) if math.isfinite(x) else x),
    "ceil": _unless_null(lambda x: float(math.ceil(x)) if math.isfinite(x) else x),
    "round": _unless_null(lambda x, digits: float(np.round(x, int(digits)))),
    "days_since": _since(86_400e6),
    "hours_since": _since(3_600e6),
    "days_until": _since(-86_400e6),
}


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:")
    for name, function in FUNCTIONS.items():
        made.create_function(name, -1, function)
    made.execute(f"CREATE TABLE customers ({', '.join(COLUMNS)})")
    yield made
    made.close()


def _real(node: Any) -> Any:
    """A whole number as a real one: the database would divide by whole numbers."""
    whole = isinstance(node, exp.Literal) and not node.is_string
    return exp.Literal.number(repr(float(node.this))) if whole else node


def said(database: sqlite3.Connection, sql: str, known: dict[str, Any]) -> bool | None:
    cells = {"stage": "mid", "segment": "consumer", **known, "now": START}
    row = [_micros(cell) if isinstance(cell, datetime) else cell for cell in map(cells.get, COLUMNS)]
    row = [
        float(cell) if type(cell) is int and name in language.NUMBERS else cell
        for name, cell in zip(COLUMNS, row, strict=True)
    ]
    database.execute("DELETE FROM customers")
    database.execute(f"INSERT INTO customers VALUES ({', '.join('?' * len(COLUMNS))})", row)
    (found,) = database.execute(f"SELECT {sql} FROM customers").fetchone()
    return None if found is None else bool(found)


@settings(deadline=None, max_examples=300)
@given(language.flags.filter(lambda sql: len(sql) < 400), st.lists(facts, min_size=1, max_size=5))
def test_a_condition_comes_to_what_a_database_says(
    database: sqlite3.Connection, sql: str, known: list[dict[str, Any]]
) -> None:
    try:
        condition = compile_condition(sql)
    except ConditionError:
        assume(False)
    asked = parse(sql).transform(_real).sql(dialect="sqlite", normalize_functions="lower")
    found = answers(condition, *(snapshot("ann", START, **one) for one in known))
    assert found == [said(database, asked, one) for one in known]
