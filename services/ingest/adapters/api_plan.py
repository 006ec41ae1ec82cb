"""The plan of an API file: how one provider's API is asked, and nothing else.

An API is one file in provider_apis with a constant API; it is found by its name, which is the provider's.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.ingest.domain.hooks import Hook
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source


@dataclass(frozen=True, slots=True)
class Call:
    """One request, below the API's base."""

    path: str
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    method: str = "GET"
    body: Mapping[str, Any] | None = None

    def with_query(self, **more: str) -> "Call":
        return replace(self, query={**self.query, **more})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case."""

    body: Node
    headers: Mapping[str, str]


Next = Callable[[Call, Answer], Call | None]


@dataclass(frozen=True, slots=True)
class One:
    """One object by its number: the path has a place for {id}, `at` is where it stands in the answer."""

    path: str
    at: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    of_list: bool = False
    """Whether the answer is a list of at most one."""
    kept: bool = False
    """Whether an answer serves for some seconds: people, who are asked for once; not orders: they change."""

    def call(self, number: str) -> Call:
        query = {name: value.replace("{id}", number) for name, value in self.query.items()}
        return Call(self.path.replace("{id}", number), query)


@dataclass(frozen=True, slots=True)
class Listing:
    """What changed in a window of time, page by page."""

    first: Callable[[datetime, datetime], Call]
    following: Next
    at: tuple[str, ...] = ()
    slices: timedelta | None = None
    """Set where the newest comes first and order matters: so much is read whole and turned round."""
    stops_at: str | None = None
    """Set where there is no window and the newest comes first: where an object says when it changed."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Subscriptions: how they are listed, switched on again and made."""

    listing: Call
    following: Next
    read: Callable[[Node], Iterable[Hook]]
    wake: Callable[[str], Call] | None
    """None: they are deleted, not switched off."""
    at: tuple[str, ...] = ()
    make: Callable[[str, str, Source], Call] | None = None
    """From topic and address. None: one that is made anew would have a secret that we do not know."""


@dataclass(frozen=True, slots=True)
class Api:
    """One provider's API."""

    name: str
    headers: Callable[[str], Mapping[str, str]]
    """Of the source's `api_key`."""
    objects: Mapping[str, One]
    base: str | None = None
    """Where it is if that is the same for all; else the source says it as `api_base`, like `example`."""
    example: str = ""
    listing: Listing | None = None
    hooks: Hooks | None = None


def bearer(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"}


def basic(key: str) -> Mapping[str, str]:
    """For keys of two parts with a colon between them."""
    return {"Authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def pages(size: int, *at: str) -> Next:
    """Numbered pages: the one that is not full is the last."""

    def following(call: Call, answer: Answer) -> Call | None:
        if len(list(answer.body.at(*at).each())) < size:
            return None
        page = call.query.get("page", "1")
        return call.with_query(page=str(int(str(page)) + 1))

    return following


def cursor(parameter: str, *at: str) -> Next:
    """A word for the next page, given in the answer; none, or the same again: the last."""

    def following(call: Call, answer: Answer) -> Call | None:
        found = answer.body.at(*at).text()
        return call.with_query(**{parameter: found}) if found and found != call.query.get(parameter) else None

    return following


def last(_call: Call, _answer: Answer) -> Call | None:
    """Everything is on the first page."""
    return None
