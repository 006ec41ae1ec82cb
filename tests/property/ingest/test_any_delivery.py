"""No delivery makes ingest fail or talk: whatever is signed gets a documented answer, and events stay events.

Each starts from a delivery on file (tests/contract/ingest/deliveries), is made odd, signed and posted.
`make fuzz` plays these over and over.
"""

from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events import decode_many
from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_PROFILES
from libs.runtime.errors import ConfigError
from services.ingest.adapters import provider_file
from services.ingest.adapters.sources_file import read_sources
from services.ingest.domain.providers import discover
from services.ingest.domain.sources import hash_of
from tests.contract.ingest.golden import Golden, deliveries, post
from tests.property.ingest.mutations import ADDRESS, ODD, hurt, mutated
from tests.unit.ingest import tools
from tests.unit.ingest.declared import KINDRED, element, kindred, shop_with, signed
from tests.unit.ingest.shop import SECRETS, Shop, dumps, source

ANSWERS = {200, 202, 401, 413}
BOUNDED = settings(
    deadline=None, suppress_health_check=list(HealthCheck)
)  # as many examples as the profile says
AS_WRITTEN = repr(ODD)
TOKEN = "gl_a-token-of-a-property-test"
STANDARD = [
    golden.body for golden in deliveries() if golden.provider == "standard" and "events" in golden.expect
]
OWN = [
    {"type": one["type"], "time": one["timestamp"], "customer": {"id": "k-19"}, "data": one["data"]}
    for one in STANDARD
]
REVIEW = {"id": "r1", "at": "2024-05-31T08:00:00", "stars": 4}
MADE = {"id": 5, "total": "9.50", "currency": "EUR", "gift": "false", "products": [1, 2]}
ELEMENTS = [
    element("review.published", review=REVIEW),
    element("survey.done", survey={"id": "s", "answer": 9, "face": "sad"}),
    element("order.made", order=MADE),
    element("order.returned", order=MADE, refund="f1"),
    element("ticket.new", ticket="t1", words="This is awful.", priority="High"),
    element("plan.ends", plan="p", until=1717286400000, days="30", why="Too dear"),
    element("buyer.forgotten"),
]
SOURCES = """\
providers: [kindred.yaml]
sources:
  - {name: shop, provider: shopify, tenant: demo, secrets: [s3cr3t], same_as: {segment.user: shopify.x},
     phone_region: DE}
  - {name: own, provider: standard, tenant: demo, secrets: [whsec_c2VjcmV0], currency: EUR, backfill: true}
"""


@cache
def shop() -> Shop:
    """One process for all examples: an odd body must not spoil the next answer either."""
    own = source("standard", tokens=[hash_of(TOKEN)])
    return Shop(sources=(*(source(name) for name in SECRETS if name != "standard"), own))


def check(one: Shop, answer: Any, answers: set[int] = ANSWERS) -> None:
    """The answer is documented, what was written is valid and names nobody. Then all of it is forgotten."""
    said = (answer.status_code, answer.text[:300])
    assert answer.status_code in answers, said
    # A mapping that breaks is caught and kept, which is right in production and wrong here.
    assert not answer.content or answer.json().get("dead_letter") not in {"defect", "unstorable"}, said
    told = [record for record in one.log.records if record.value is not None]
    decode_many([record.value for record in told])
    public = b" ".join(record.key + record.value for record in told if record.topic != CUSTOMER_PROFILES.name)
    assert b"@" not in public, public
    assert {record.topic for record in told} <= {CUSTOMER_EVENTS.name, CUSTOMER_PROFILES.name}
    # What a 422 says of a field's name is for the sender of that field alone.
    details = [letter.detail for letter in one.letters.letters.values()]
    details += [answer.text] if answer.status_code != 422 else []
    assert ADDRESS.partition("@")[2] not in " ".join(details), said
    one.log.records.clear()
    one.letters.letters.clear()


def encoded(golden: Golden, document: Any) -> bytes:
    """A form cannot hold a lone surrogate: there it is the three bytes that some senders write."""
    if golden.form is None:
        return dumps(document)
    return urlencode(tools.form(document), errors="surrogatepass").encode()


def test_there_is_something_to_make_odd_of_every_provider():
    assert {golden.provider for golden in deliveries()} == SECRETS.keys() == discover().keys()


@pytest.mark.parametrize("provider", SECRETS)
@given(data=st.data())
@BOUNDED
async def test_no_delivery_makes_ingest_fail(provider, data):
    mine = [golden for golden in deliveries() if golden.provider == provider]
    golden, other = data.draw(st.sampled_from(mine)), data.draw(st.sampled_from(mine))
    raw = data.draw(hurt(encoded(golden, data.draw(mutated(golden.document)))))
    # A body under the topic of another one is as odd as any.
    answer = await post(shop(), data.draw(st.sampled_from([golden, golden, other])), raw)
    check(shop(), answer)


@cache
def declared_shop() -> Shop:
    return shop_with(kindred())


@given(data=st.data())
@BOUNDED
async def test_no_delivery_of_a_declared_provider_makes_ingest_fail(data):
    document = data.draw(
        mutated({"events": data.draw(st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=3))})
    )
    raw = data.draw(hurt(dumps(document)))
    check(declared_shop(), await declared_shop().request("POST", "/webhooks/kindred", raw, signed(raw)))


@given(data=st.data(), key=st.uuids())
@BOUNDED
async def test_nothing_sent_by_token_makes_ingest_fail(data, key):
    document = data.draw(st.sampled_from([*OWN, {"events": OWN}]))
    raw = data.draw(hurt(dumps(data.draw(mutated(document)))))
    headers = {
        "authorization": f"Bearer {TOKEN}",
        "content-type": "application/json",
        "idempotency-key": str(key),
    }
    check(shop(), await shop().request("POST", "/v1/events", raw, headers), {200, 400, 413, 422})


@given(data=st.data(), text=st.sampled_from([SOURCES, KINDRED]))
@settings(BOUNDED, max_examples=50)  # YAML is slow
def test_no_file_of_sources_or_providers_does_more_than_refuse(data, text):
    changed = yaml.safe_dump(data.draw(mutated(yaml.safe_load(text)))) if data.draw(st.booleans()) else text
    raw = data.draw(hurt(changed.encode("utf-8", "surrogatepass"))).decode("utf-8", "replace")
    if text is KINDRED:
        with suppress(ConfigError):
            assert provider_file.parse(raw, "kindred.yaml")
        return
    with suppress(ConfigError):
        assert read_sources(raw) is not None


@given(data=st.data())
@BOUNDED
def test_what_one_example_changes_the_next_finds_as_it_was(data):
    data.draw(mutated({"id": 5, "lines": [1, 2]}))
    assert repr(ODD) == AS_WRITTEN
