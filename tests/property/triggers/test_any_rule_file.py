"""Whatever a rule file or a condition holds: rules, or an error that names file and line; nothing else."""

from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from services.triggers.adapters.rule_file import RuleFileError, doubtful
from services.triggers.domain.language import ConditionError, compile_condition
from tests.property.triggers import sql as language
from tests.unit.triggers.shop import rule_text

LINES = rule_text("score < 3", "score > 5").splitlines()
# What YAML gives a meaning of its own.
_ODD = """
2001-99-99|2001-01-01T99:99:99Z|0b_|0x_|0o9|1__0|1:2:3|.nan|.inf|1e999|~|null|yes|=|<<: 1|? x|- x|{}|[]|*x
|&a x|&a [*a]|!!int x|!!bool x|!!float x|!!timestamp x|!!binary x|!!set x|!!null ""|!!str 3|!x y|"\\ud800"
|"\\0"|%|@
"""
_odd = (
    st.sampled_from([one.strip() for one in _ODD.split("|")]) | st.integers().map(str) | st.text(max_size=12)
)
_WORDS = """
score nps band segment site_known last_visit_at now 1 0.5 1e 1e15.5 1e309 'red' "" "score" NULL TRUE ( ) ,
AND OR NOT IS BETWEEN SYMMETRIC IN CASE WHEN THEN ELSE END = <> < >= + - * / % :: || ~ ; COALESCE( NULLIF(
ROUND( days_since( SELECT FROM INTERVAL DATE CAST( AS int COUNT(*) E'x' U&'d' $$a$$ $1 :a {{ }} -- /* */
ARRAY[ ] OVER ( ANY(
"""
_soup = st.lists(st.sampled_from(_WORDS.split()) | st.text(max_size=3), max_size=14).map(" ".join)


def judged(text: str | bytes) -> None:
    with suppress(RuleFileError):
        doubtful(text, "my.yaml")


@given(st.integers(0, len(LINES) - 1), _odd)
@example(3, "!!timestamp x")
def test_any_value_in_a_line(number: int, value: str) -> None:
    lines = list(LINES)
    lines[number] = f"{lines[number].partition(':')[0]}: {value}"
    judged("\n".join(lines))


@given(st.integers(0, len(LINES) - 1), st.integers(0, 60), st.text(max_size=5))
def test_any_text_in_any_place(number: int, place: int, text: str) -> None:
    lines = list(LINES)
    lines[number] = lines[number][:place] + text + lines[number][place:]
    judged("\n".join(lines))


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    judged(raw)


@given(_soup | st.builds("{} {}".format, language.flags, _soup))
@example("score > 1e3-109")
@example('score > ""::int')
def test_any_condition(sql: str) -> None:
    with suppress(ConditionError):
        compile_condition(sql)
