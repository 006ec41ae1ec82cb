"""Tricks one can play in SQL: each is refused, or harmless: an answer for every row."""

import pytest

from services.triggers.domain.language import MAX_LENGTH, ConditionError, compile_condition
from services.triggers.domain.vocabulary import VOCABULARY
from tests.unit.triggers.shop import START, answers, snapshot

REFUSED = {
    "reads a file": "pg_read_binary_file('/etc/passwd') IS NOT NULL",
    "reads a file of Polars": "score IN (SELECT score FROM read_csv('/etc/passwd'))",
    "loads a library": "load_extension('x.so')",
    "sub-select": "score > (SELECT 1)",
    "sub-select in a function": "COALESCE(score, (SELECT 1)) > 1",
    "sub-select in CASE": "CASE WHEN EXISTS (SELECT 1) THEN TRUE END",
    "common table": "WITH t AS (SELECT 1) SELECT * FROM t",
    "union": "SELECT 1 UNION SELECT 2",
    "second statement": "score > 1; COPY customers TO '/tmp/x'",
    "huge pattern": "segment ~ '" + "(a+)+" * 300 + "b'",
    "pattern with repetition": "regexp_matches(segment, '(.*)*x')",
    "LIKE": "segment LIKE '" + "%a" * 500 + "'",
    "cast to text": "score::varchar = '1'",
    "cast to a table": "'customers'::regclass IS NOT NULL",
    "TRY_CAST": "TRY_CAST(segment AS int) > 1",
    "typed literal": "last_visit_at > DATE '2026-01-01'",
    "interval": "last_visit_at > now - INTERVAL '1 day'",
    "window": "score > avg(score) OVER ()",
    "window with a frame": "sum(score) OVER (ROWS UNBOUNDED PRECEDING) > 1",
    "aggregate": "count(*) > 0",
    "aggregate with a filter": "count(*) FILTER (WHERE score > 1) > 0",
    "aggregate in a part": "score > 1 AND median(score) > 2",
    "array": "score = ANY(ARRAY[1, 2])",
    "row": "(score, nps) = (1, 2)",
    "a million rows": "generate_series(1, 1000000) > 1",
    "time that differs": "CURRENT_TIMESTAMP > last_visit_at",
    "who asks": "current_user = 'admin'",
    "parameter": "score > $1",
    "template": "score > {{ limit }}",
    "giant number": "score > " + "9" * 400,
    "giant exponent": "score > 1e308",
    "number just beyond": "score > 1000000000000001",
    "giant text": "segment = '" + "x" * MAX_LENGTH + "'",
    "too many parts": " AND ".join(["nps > 1"] * 150),
    "NULL as a condition": "NULL",
    "NULL compared": "score = NULL OR NULL = score",
    "NULL in arithmetic": "score + NULL > 1",
    "NULL in COALESCE": "COALESCE(NULL, score) > 1",
    "deep brackets": "(" * 500 + "site_known" + ")" * 500,
    "deep NOT": "NOT " * 500 + "site_known",
    "deep functions": "ABS(" * 200 + "score" + ")" * 200 + " > 1",
    "deep CASE": "CASE WHEN site_known THEN " * 100 + "1" + " END" * 100 + " > 1",
    "another's row": "customers.score > 1",
    "star": "COUNT(*) = 1 OR * > 1",
    "zero byte": "score > 1 \x00",
    "number without its exponent": "score > 1e",
    "number with half an exponent": "score > 1e15.5",
    "number that goes on": "score > 1e3-109",
    "name of nothing": 'score > ""::int',
    "range whose ends may be swapped": "score BETWEEN SYMMETRIC 60 AND 40",
    "rounded to a part of a digit": "ROUND(score, 2.5) > 1",
    "rounded to a text": "ROUND(score, '1') > 1",
    "rounded up to a digit": "CEIL(score, 1) > 1",
    "list with a sum": "score IN (1, 1 + 1)",
    "list with minus a text": "segment IN (-'vip')",
}

HARMLESS = {
    "division by zero": "score / 0 > 1 OR nps / (nps - nps) = 1 OR 0 / 0 = 0",
    "zero in a range": "score BETWEEN 1 / 0 AND 2 / 0",
    "overflow": "spend_total * spend_total * spend_total * 1000000000000000 > 1",
    "beyond the doubles": " * ".join(["(spend_total + 1000000000000000)"] * 25) + " > 1",
    "not a number": "("
    + " * ".join(["1000000000000000"] * 21)
    + ") - ("
    + " * ".join(["1000000000000000"] * 21)
    + ") = 0",
    "NULL everywhere": "NULLIF(nps, nps) + NULLIF(score, score) * GREATEST(csat, ces) > LEAST(csat, ces)",
    "NULL in a choice": "CASE WHEN nps > 1 THEN NULLIF(score, score) END IS NULL",
    "comment": "score > 1 /* AND TRUE */ -- OR FALSE",
    "quoted name": '"score" > 1',
    "quote in a text": "segment = '''; DROP TABLE customers; --'",
    "long text": "segment = '" + "x" * (MAX_LENGTH - 20) + "'",
    "greatest number": "score > 1000000000000000 OR score > 1e15",
    "smallest number": "score / 1e-300 / 1e-300 > 1",
    "as deep as may be": "NOT " * 60 + "site_known",
    "as many as may be": " OR ".join(["nps > 1"] * 60),
    "year 1 and 9999": "days_since(last_visit_at) * days_until(renewal_at) < 0",
    "text that runs backwards": "segment = '\u202egnihton'",
}


@pytest.mark.parametrize("trick", REFUSED)
def test_a_trick_is_refused(trick: str) -> None:
    with pytest.raises(ConditionError):
        compile_condition(REFUSED[trick])


@pytest.mark.parametrize("trick", HARMLESS)
def test_a_trick_is_harmless(trick: str) -> None:
    """Customers of whom nothing, something, or the extreme is known: true, false or null for each."""
    condition = compile_condition(HARMLESS[trick])
    extreme = START.replace(year=1), START.replace(year=9999)
    known = [
        snapshot("ann", START),
        snapshot("ben", START, nps=0, csat=1, ces=1, spend_total=0, site_known=False, segment="x"),
        snapshot("cid", START, nps=10, spend_total=10**9, last_visit_at=extreme[0], renewal_at=extreme[1]),
    ]
    assert len(answers(condition, *known)) == 3
    assert condition.columns <= set(VOCABULARY)
