"""The alerts rest on metrics that there are, and the page says of each what to do."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from libs.runtime.clock import SystemClock
from libs.runtime.status import Listener
from libs.runtime.stream.metrics import StreamMetrics
from services.ingest.metrics import IngestMetrics
from services.outreach.metrics import Metrics
from services.triggers.metrics import TriggersMetrics
from tests.architecture.test_deploy import COMPOSE, ROOT

FOLDER = ROOT / "deploy" / "compose"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
PAGE = (ROOT / "docs" / "operations.md").read_text()
SECTION = PAGE[PAGE.index("## Alerts\n") : PAGE.index("\n## What happens when\n")]
ROWS = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", SECTION, re.MULTILINE))


def labels() -> dict[str, set[str]]:
    """The labels of every metric by the name under which Prometheus knows it."""
    registry = CollectorRegistry()
    made = [
        IngestMetrics(registry),
        StreamMetrics(registry, "a"),
        TriggersMetrics(registry),
        Metrics(registry),
        Listener("kafka", "topic", SystemClock(), registry, app="a", longest_s=1.0),
    ]
    return {name: found for one in made for name, found in _of(one)} | {"up": {"job", "instance"}}


def _of(made: object) -> Iterator[tuple[str, set[str]]]:
    values = [*vars(made).values()]
    values += [gauge for value in values if isinstance(value, dict) for gauge in value.values()]
    for metric in values:
        if hasattr(metric, "_labelnames"):
            suffix = "_total" if metric._type == "counter" else ""
            yield f"{metric._name}{suffix}", {*metric._labelnames, "instance"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_rests_on_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    known, named = labels(), re.findall(r"\b(greenline_\w+|up)\b(?:\{(.*?)\})?", rule["expr"])
    assert named
    by = {word for group in re.findall(r"by \((.*?)\)", rule["expr"]) for word in group.split(", ")}
    for name, selector in named:
        assert {*re.findall(r"(\w+)(?:!=|=~|=)", selector), *by} <= known[name]


def test_the_page_has_a_row_for_each_alert_and_no_other() -> None:
    assert {rule["alert"]: rule["labels"]["severity"] for rule in RULES} == ROWS
    assert list(ROWS) == [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_is_and_leads_to_what_to_do(rule: dict[str, Any]) -> None:
    told = rule["annotations"]
    file, anchor = told["runbook_url"].split("#")
    headings = re.findall(r"^## (.*)$", (ROOT / file).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
    assert told["summary"]


def test_what_the_page_says_of_times_and_numbers_is_the_rules() -> None:
    for rule in RULES:
        (row,) = (line for line in SECTION.splitlines() if line.startswith(f"| `{rule['alert']}`"))
        if "for" in rule and rule["alert"] != "SourceSilent":
            assert f"{rule['for'].removesuffix('m')} minutes" in row
        limit = re.search(r"> (\d+)$", rule["expr"].strip())
        if limit and int(limit[1]) in {10, 60}:
            assert re.search(rf"\b{limit[1]}\b", row)


def test_prometheus_finds_its_rules_in_the_container_too() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    mounted = dict(volume.split(":")[:2] for volume in COMPOSE["prometheus"]["volumes"])
    for name in ("prometheus.yml", *config["rule_files"]):
        assert mounted[f"./deploy/compose/{name}"] == f"/etc/prometheus/{name}"
