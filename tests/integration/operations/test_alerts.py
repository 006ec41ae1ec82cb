"""The alerts as Prometheus itself judges them: each is due when it should be, and not before."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fixtures.promtool import promtool
from tests.fixtures.stack import ROOT

FOLDER = ROOT / "deploy" / "compose"
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
PLAYED = ("alerts_test.yml", "alerts_of_days_test.yml")
Change = Callable[[dict[str, Any]], object]


def judged(*words: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool(), *words], cwd=folder, capture_output=True, text=True, check=False)


def cases_of(alert: str) -> tuple[str, list[dict[str, Any]]]:
    """How often it is evaluated, and its cases alone."""
    for name in PLAYED:
        file = yaml.safe_load((FOLDER / name).read_text())
        cases = [
            {**case, "alert_rule_test": moments}
            for case in file["tests"]
            if (moments := [one for one in case["alert_rule_test"] if one["alertname"] == alert])
        ]
        if cases:
            return file["evaluation_interval"], cases
    return "1m", []


def is_seen(folder: Path, alert: str, change: Change) -> bool:
    """Whether its cases fail with another rule."""
    rule = dict(RULES[alert])
    change(rule)
    interval, cases = cases_of(alert)
    played = {"rule_files": ["alerts.yml"], "evaluation_interval": interval, "tests": cases}
    (folder / "alerts.yml").write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [rule]}]}))
    (folder / "played.yml").write_text(yaml.safe_dump(played))
    done = judged("test", "rules", "played.yml", folder=folder)
    return done.returncode == 1 and f"alertname: {alert}," in done.stdout + done.stderr


def test_prometheus_takes_its_configuration_and_loads_the_rules():
    done = judged("check", "config", "prometheus.yml")
    assert done.returncode == 0, done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


@pytest.mark.parametrize("file", PLAYED)
def test_every_alert_is_due_when_it_should_be_and_not_otherwise(file: str):
    done = judged("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", RULES)
def test_every_alert_has_a_moment_when_it_is_due_and_one_when_it_is_not(alert: str):
    _, cases = cases_of(alert)
    moments = [bool(one.get("exp_alerts")) for case in cases for one in case["alert_rule_test"]]
    assert set(moments) == {True, False}


@pytest.mark.parametrize("alert", RULES)
def test_a_rule_that_is_never_or_always_due_is_seen(alert: str, tmp_path: Path):
    assert not is_seen(tmp_path, alert, lambda rule: rule)
    assert is_seen(tmp_path, alert, lambda rule: rule.update(expr="vector(0) > 1"))
    assert is_seen(tmp_path, alert, lambda rule: rule.update(expr="vector(1)"))


@pytest.mark.parametrize("alert", [name for name, rule in RULES.items() if "for" in rule])
def test_how_long_something_must_last_is_held_to(alert: str, tmp_path: Path):
    assert is_seen(tmp_path, alert, lambda rule: rule.pop("for"))
