"""Whatever a provider is handed, it raises domain errors only: every provider that discover() finds.

Documents are dreamt up while they are read: each member a reader asks for is drawn then, often from the words
of the provider's own files. So its readers are reached without a fixture.
"""

import ast
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.ingest.domain import providers
from services.ingest.domain.errors import NotUnderstoodError, UnparsableError, UnverifiedError
from services.ingest.domain.plan import FORM, JSON, Delivery, Provider
from services.ingest.domain.providers import discover
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source
from tests.unit.ingest.declared import KINDRED, kindred
from tests.unit.ingest.shop import SECRETS

DOMAIN_ERRORS = (UnverifiedError, UnparsableError, NotUnderstoodError, ValidationError)
DECLARED = kindred()
EVERYBODY = {**discover(), DECLARED.name: DECLARED}
FOLDER = Path(providers.__path__[0])
ODD = [None, True, 0, -1, 5, 1717142400, 10**30, "", "0", "1717142400", "\x00", "\u2028", "9" * 400, [], {}]
ODD += [
    "2024-05-30T08:00:00Z",
    "2024-05-30 08:00:00",
    "0001-01-01T00:00:00+23:59",
    "1e999999999",
    "a@b.example",
]
BYTES = [
    b"",
    b"{}",
    b"[]",
    b"[{}]",
    b'{"data": [{}]}',
    b"a=1",
    b"a[b]=1&a=2",
    b"{" * 9_999,
    b"[" * 9_999,
    b"\xff",
]
TIMES = ["2024-05-30T08:00:00Z", "2024-05-30 08:00:00", 1717142400, "1717142400"]


@cache
def codes(name: str) -> list[str]:
    """The topics, states and kinds that a provider's files tell apart: what they look up or compare with."""
    if name == DECLARED.name:
        return KINDRED.split()
    found: set[str] = set()
    for path in FOLDER.glob(f"*{name}*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            parts = [getattr(node, field, None) for field in ("keys", "elts", "comparators")]
            found |= {word for part in parts for one in part or () for word in _strings(one)}
    return sorted(found)


@cache
def words(name: str) -> list[str]:
    """Everything else they mention, prefixes of topics among them."""
    if name == DECLARED.name:
        return KINDRED.split()
    trees = [ast.parse(path.read_text()) for path in FOLDER.glob(f"*{name}*.py")]
    return sorted({word for tree in trees for node in ast.walk(tree) for word in _strings(node)})


def _strings(node: ast.AST | None) -> list[str]:
    return node.value.split() if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


class Dream(dict):
    """An object whose members come into being when they are asked for, and then stay."""

    def __init__(self, chance: Random, name: str) -> None:
        super().__init__(dreamt=1)
        self.chance, self.name = chance, name

    def get(self, key: str, default: object = None) -> object:
        if key not in self:
            self[key] = self.member(key)
        return super().get(key, default)

    def member(self, key: str) -> object:
        """Mostly what the name promises, so that readers get somewhere; else anything."""
        promised = [maker for pattern, maker in PROMISES if re.search(pattern, key)]
        if promised and self.chance.random() < 0.8:
            return promised[0](self)
        if self.chance.random() < 0.5:
            return Dream(self.chance, self.name)
        return self.chance.choice([self.said(), [Dream(self.chance, self.name)], *self.chance.sample(ODD, 3)])

    def said(self) -> str:
        prefix = self.chance.choice(["", *(word for word in words(self.name) if word[-1] in ":./")])
        return self.chance.choice(["", prefix]) + self.chance.choice(codes(self.name))

    def several(self) -> object:
        one = Dream(self.chance, self.name)
        return self.chance.choice([one, [one, self.said(), Dream(self.chance, self.name)]])


class Heard(Dream):
    """The same for what is text or not there: headers and queries."""

    def member(self, key: str) -> object:
        return self.chance.choice([None, self.said(), self.chance.choice(words(self.name))])


PROMISES: list[tuple[str, Callable[[Dream], object]]] = [
    ("_at$|date|time$", lambda dream: dream.chance.choice(TIMES)),
    ("(^|_)id$|token|number", lambda dream: dream.chance.randint(1, 99)),
    ("type|topic|event$|status|state|action|kind|step|reason|ref", Dream.said),
    ("score|rating|amount|price|total|quantity", lambda dream: dream.chance.randint(0, 6)),
    ("s$|parts", Dream.several),
]


def delivery(chance: Random, name: str) -> Delivery:
    heard = Heard(chance, name)
    heard["content-type"] = chance.choice([JSON, FORM])
    return Delivery(heard, chance.choice([*BYTES, chance.randbytes(30)]), Heard(chance, name))


def attempt(call: Callable[..., object], *given_to: object) -> object:
    try:
        return call(*given_to)
    except DOMAIN_ERRORS:
        return None


def hand_over(provider: Provider, chance: Random) -> None:
    source = Source(name="any", provider=provider.name, tenant="demo", secrets=("secret",))
    handed = delivery(chance, provider.name)
    attempt(provider.verify, handed, source.live_secrets(0.0), 1717243200.0)
    attempt(provider.handshake, handed)
    attempt(provider.delivery_id, handed)
    elements = attempt(provider.items, handed) or ()
    for node in (*elements, Node(Dream(chance, provider.name))):
        attempt(provider.read, node, handed, source)


@pytest.mark.parametrize("name", sorted(EVERYBODY))
@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_provider_raises_domain_errors_only(name, seed):
    chance = Random(seed)
    for _ in range(50):
        hand_over(EVERYBODY[name], chance)


def test_every_provider_there_is_can_be_signed_for_in_tests():
    assert SECRETS.keys() == discover().keys()
