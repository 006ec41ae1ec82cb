"""The container files, held to the code as far as that goes without a container engine."""

import re
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml
from packaging.requirements import Requirement

from libs.events.topics import ALL
from libs.runtime.settings import BaseSettings, env_name
from libs.runtime.stack.services import NAMES, ServicePorts

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
ONE_SHOTS = {"topics", "migrate-ingest", "migrate-outreach"}


def known_variables(service: str) -> set[str]:
    """Every variable that the service's settings and the shared ones read."""
    modules = [import_module("libs.runtime.settings"), import_module(f"services.{service}.settings")]
    classes = [
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, BaseSettings)
    ]
    return {env_name(found, field) for found in classes for field in found.model_fields}


@pytest.mark.parametrize("service", NAMES)
def test_compose_sets_only_variables_the_service_reads(service: str) -> None:
    assert set(COMPOSE[service]["environment"]) <= known_variables(service)


@pytest.mark.parametrize("service", NAMES)
def test_the_supervisor_sets_the_port_variable_the_service_reads(service: str) -> None:
    assert f"{service.upper()}_PORT" in known_variables(service)
    settings = import_module(f"services.{service}.settings")
    default = getattr(settings, f"{service.capitalize()}Settings").model_fields["port"].default
    assert default == ServicePorts.model_fields[f"{service}_port"].default


def test_compose_starts_every_service_after_topics_and_its_migrations() -> None:
    assert set(NAMES) <= set(COMPOSE)
    for service in NAMES:
        waits = COMPOSE[service]["depends_on"]
        assert waits["topics"]["condition"] == "service_completed_successfully"
        needs_tables = f"migrate-{service}" in ONE_SHOTS
        assert (f"migrate-{service}" in waits) is needs_tables


def test_every_image_has_a_fixed_tag() -> None:
    built = {f"greenline-{name}" for name in NAMES}
    images = {part["image"] for part in COMPOSE.values()} - built
    assert all(re.search(r":v?\d", image) for image in images), images
    assert not any(image.endswith(":latest") for image in images)


def test_prometheus_asks_every_service() -> None:
    config = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text())
    [targets] = [job["static_configs"][0]["targets"] for job in config["scrape_configs"]]
    assert {target.split(":")[0] for target in targets} == set(NAMES)


def test_no_topic_name_is_written_in_a_container_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text() + (ROOT / "Dockerfile").read_text()
    assert [topic.name for topic in ALL if topic.name in text] == []


@cache
def closure(extra: str) -> frozenset[str]:
    """The distributions that greenline[extra] brings along."""
    seen: set[tuple[str, str]] = set()
    waiting = [("greenline", ""), ("greenline", extra)]
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                waiting += [(normal(requirement.name), part) for part in ("", *requirement.extras)]
    return frozenset(name for name, _ in seen)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("libs", "services", include_external_packages=True)


@pytest.mark.parametrize("service", NAMES)
def test_an_image_holds_every_package_its_service_imports(service: str) -> None:
    ours = {f"services.{service}", *graph().find_descendants(f"services.{service}")}
    reached = set().union(*(graph().find_upstream_modules(module) for module in ours))
    roots = {module.split(".")[0] for module in reached} - {"libs", "services"} - set(sys.stdlib_module_names)
    known = packages_distributions()
    missing = {
        root for root in roots if not {normal(name) for name in known.get(root, [])} & closure(service)
    }
    assert missing == set()
