"""The house rules that no linter knows: sizes, and import contracts that really refuse."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("libs", "services", "sandbox", "tests", "benchmarks")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files() -> Iterator[Path]:
    for folder in CODE:
        yield from sorted((ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[Function]:
    tree = ast.parse(path.read_text(), str(path))
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines of a function without its docstring, decorators included."""
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    assert function.end_lineno is not None
    total = function.end_lineno - first + 1
    head = function.body[0]
    if ast.get_docstring(function) is not None and head.end_lineno is not None:
        total -= head.end_lineno - head.lineno + 1
    return total


def test_no_file_is_longer_than_400_lines() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files()}
    assert sizes
    assert {name: size for name, size in sizes.items() if size > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": length(function)
        for path in files()
        for function in functions(path)
    }
    assert {name: size for name, size in found.items() if size > MAX_FUNCTION_LINES} == {}


def test_nine_functions_in_ten_are_under_30_lines() -> None:
    sizes = sorted(
        length(function)
        for path in files()
        if "tests" not in path.relative_to(ROOT).parts
        for function in functions(path)
    )
    assert sizes[len(sizes) // 2] < 10
    assert sizes[len(sizes) * 9 // 10] < 30


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code in a folder where something wrong may be planted."""
    for name in ("libs", "services", "sandbox"):
        for path in (ROOT / name).rglob("*.py"):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_import_contracts_hold() -> None:
    answer = lint_imports(ROOT)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("place", "line", "broken"),
    [
        ("services/triggers/domain", "import services.scoring.settings", "Services never import each other"),
        ("libs/runtime", "import services.ingest", "Services stand on the shared shell"),
        ("libs/events", "import libs.runtime.errors", "Services stand on the shared shell"),
        ("sandbox", "import services.ingest", "Services stand on the shared shell"),
        ("sandbox/domain", "import httpx", "sandbox's domain"),
        ("services/scoring/domain", "import os", "compute"),
        ("services/outreach/domain", "import sqlalchemy", "compute"),
        ("services/ingest/domain", "import libs.runtime.kafka", "compute"),
        ("libs/events", "import asyncio", "compute"),
    ],
)
def test_a_planted_import_is_refused(copy: Path, place: str, line: str, broken: str) -> None:
    (copy / place / "planted.py").write_text(f"{line}\n")
    answer = lint_imports(copy)
    assert answer.returncode == 1
    assert [said for said in answer.stdout.splitlines() if broken in said and "BROKEN" in said], answer.stdout
