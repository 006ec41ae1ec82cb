"""The verbs of an operator: what is held, and what is to become of it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import typer
from aiokafka.errors import KafkaError

from libs.events.topics import OUTREACH_OUTCOMES, TRIGGERS_REQUESTS, TRIGGERS_STATE
from libs.runtime.errors import GreenlineError
from libs.runtime.settings import RuntimeSettings
from services.triggers.adapters import feedback_log, operating
from services.triggers.adapters.operating import Watches
from services.triggers.domain.guard import Storm
from services.triggers.domain.requests import Action, Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Topics:
    """Names on Kafka: the real ones, or a test's own."""

    state: str = TRIGGERS_STATE.name
    requests: str = TRIGGERS_REQUESTS.name


REAL = Topics()


def list_storms(topics: Topics = REAL) -> None:
    """A line for each rule in a storm, of all partitions together."""
    found = _run(operating.watches(RuntimeSettings().kafka, topics.state))
    lines = storm_lines(found)
    typer.echo("\n".join(lines) if lines else "no rule is held")


def storm_lines(watches: Watches) -> list[str]:
    rules = sorted(
        {rule for one in watches.values() for rule, watch in one.items() if _is_stormy(watch.storm)}
    )
    lines = []
    for rule in rules:
        stormy = {n: one[rule] for n, one in watches.items() if rule in one and _is_stormy(one[rule].storm)}
        states = ", ".join(
            f"partition {n}: {watch.held} {watch.storm}" for n, watch in sorted(stormy.items())
        )
        lines.append(f"{rule}: {sum(watch.held for watch in stormy.values())} firings ({states})")
    return lines


def decide(rule: str, action: Action, topics: Topics = REAL) -> None:
    """Ask every partition, and say what it is about."""
    kafka, request = RuntimeSettings().kafka, Request(str(uuid4()), action, rule)
    found = _run(operating.watches(kafka, topics.state))
    _must_be_known(rule, found)
    held = sum(one[rule].held for one in found.values() if rule in one)
    _run(operating.ask(kafka, topics.requests, lambda _, __: request))
    typer.echo(f"{rule}: asked to {action.removeprefix('storm-')} {held} held firings; request {request.id}")


def release(rule: str, per_day: int, topics: Topics = REAL) -> None:
    """Ask each partition for its share."""
    kafka, request = RuntimeSettings().kafka, str(uuid4())
    _must_be_known(rule, _run(operating.watches(kafka, topics.state)))

    def share(number: int, count: int) -> Request:
        return Request(request, "release", rule, share_of(per_day, number, count))

    _run(operating.ask(kafka, topics.requests, share))
    typer.echo(f"{rule}: asked to fire {per_day} a day of what is silently armed; request {request}")


def share_of(per_day: int, number: int, count: int) -> int:
    """What does not divide goes to the first partitions."""
    return per_day // count + (number < per_day % count)


def print_feedback(topic: str = OUTREACH_OUTCOMES.name) -> None:
    """Each verdict as it stands on the topic, a line each, in the order of the topic's partitions."""
    for value in _run(feedback_log.verdicts(RuntimeSettings().kafka, topic)):
        typer.echo(value)


def _is_stormy(storm: Storm) -> bool:
    return storm is not Storm.NONE


def _must_be_known(rule: str, watches: Watches) -> None:
    known = sorted({name for one in watches.values() for name in one})
    if rule not in known:
        typer.echo(f"there is no rule {rule} in force; these are: {', '.join(known) or 'none'}", err=True)
        raise typer.Exit(1)


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (GreenlineError, KafkaError, OSError) as error:
        typer.echo(str(error) or repr(error), err=True)
        raise typer.Exit(1) from None
