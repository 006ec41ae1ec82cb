"""docs/exactly-once.md, row by row: every sentence names a test that is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "exactly-once.md").read_text()
ROWS = re.findall(r"^\| .+ \| `([a-z_/]+\.py)::(test_\w+)` \|$", PAGE, re.MULTILINE)


def test_every_line_of_the_tables_is_read() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and "| test |" not in line]
    assert len(ROWS) == len(lines) > 40


@pytest.mark.parametrize(("file", "name"), ROWS, ids=[name for _, name in ROWS])
def test_the_sentence_has_its_test(file: str, name: str) -> None:
    tree = ast.parse((ROOT / "tests" / file).read_text())
    found = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in found
