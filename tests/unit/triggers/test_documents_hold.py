"""What is written about the rules is what the code does, and the row stays what its version says."""

import hashlib
import re
from pathlib import Path

import pytest

from services.triggers.adapters.rule_file import parse
from services.triggers.domain.language import _ALLOWED, _SINCE, compile_condition
from services.triggers.domain.reason import FORMATS
from services.triggers.domain.rows import LAYOUT, TriggersRow
from services.triggers.domain.rules import Annotations, RuleSpec
from services.triggers.domain.vocabulary import table

DOC = (Path(__file__).resolve().parents[3] / "docs" / "rules.md").read_text()


def test_the_table_of_columns_is_generated() -> None:
    _, _, rest = DOC.partition("<!-- generated: greenline triggers vocabulary -->\n")
    assert rest.partition("<!-- end -->")[0] == table()


def test_the_example_is_a_rule_file() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    assert [rule.id for rule in parse(example, "docs/rules.md")] == ["engagement-drop"]


def test_every_field_of_a_rule_is_explained() -> None:
    fields = {field.alias or name for name, field in RuleSpec.model_fields.items()} - {"annotations"}
    fields |= {f"annotations.{name}" for name in Annotations.model_fields}
    assert {name for name in fields if f"| `{name}` |" not in DOC} == set()


def test_every_function_and_format_is_named() -> None:
    functions = [
        node.sql_name() for node in _ALLOWED if hasattr(node, "sql_name") and node.__name__ != "Anonymous"
    ]
    spoken = {name for name in functions if name not in ("AND", "OR", "CASE")} | set(_SINCE)
    assert {name for name in spoken if name not in DOC} == set()
    assert {name for name in FORMATS if f":{name}}}" not in DOC and name} == set()


@pytest.mark.parametrize("sql", ["site_known AND NOT open_shipment", "NOT (orders_total > 3)"])
def test_conditions_shown_in_passing_compile(sql: str) -> None:
    assert sql in DOC
    compile_condition(sql)


def test_a_row_of_another_shape_needs_another_layout_version() -> None:
    """Red after a change of the vocabulary? Raise LAYOUT, give the worker a migration, then renew this."""
    shape = hashlib.sha256(repr(TriggersRow.descr).encode()).hexdigest()[:12]
    assert (LAYOUT, shape) == (1, "bbcf148291d8")


def test_a_customer_takes_less_than_600_bytes() -> None:
    assert TriggersRow.itemsize < 600
