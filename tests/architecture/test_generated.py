"""What is generated is what is committed."""

import subprocess
from pathlib import Path

from typer.testing import CliRunner

from services.__main__ import build

ROOT = Path(__file__).resolve().parents[2]


def test_env_example_is_what_the_settings_classes_say() -> None:
    answer = CliRunner().invoke(build(None), ["env-example"])
    assert answer.exit_code == 0, answer.output
    assert (ROOT / ".env.example").read_text() == answer.stdout, "stale: make schemas"


def test_help_names_every_part_without_importing_any() -> None:
    answer = CliRunner().invoke(build(None), ["--help"])
    for part in ("ingest", "scoring", "triggers", "outreach", "sandbox", "stack", "up", "down", "topics"):
        assert part in answer.stdout


def test_every_make_verb_says_what_it_does_and_is_no_file() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    phony = [line.removeprefix(".PHONY: ") for line in lines if line.startswith(".PHONY")]
    described = [line.split(":")[0] for line in lines if " ## " in line and not line.startswith("#")]
    assert described == phony
    assert ".DEFAULT_GOAL := help" in lines


def test_make_fuzz_plays_whatever_takes_anything() -> None:
    said = subprocess.run(["make", "-n", "fuzz"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = sorted(path.relative_to(ROOT) for path in ROOT.glob("tests/property/ingest/test_any_*.py"))
    assert len(found) >= 4
    assert [path for path in found if str(path) in said] == found
