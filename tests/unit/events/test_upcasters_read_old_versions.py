import msgspec
import pytest

from libs.events import compat, decode, decode_hot, decode_many, hot, registry
from libs.events.errors import DecodeError

OLD = {
    "specversion": "1.0",
    "id": "e1",
    "source": "shopify/demo",
    "type": "order.paid",
    "subject": "c_1",
    "time": "2026-01-01T00:00:00Z",
    "tenant": "demo",
    "receivedat": "2026-01-01T00:00:00Z",
    "dataschema": "urn:greenline:order.paid:1",
    "data": {"order": "42", "amount": "12.00", "currency": "USD"},
}


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch):
    """As if order.paid were at version 2 and version 1 had called its id `order`."""

    def rename(data: dict) -> dict:
        return {**{k: v for k, v in data.items() if k != "order"}, "order_id": data["order"]}

    monkeypatch.setitem(registry.VERSIONS, "order.paid", 2)
    monkeypatch.setitem(compat.UPCASTERS, ("order.paid", 1), rename)
    for cached in (hot.event_struct, hot.decoder, hot.quick_decoder):
        cached.cache_clear()
    yield
    for cached in (hot.event_struct, hot.decoder, hot.quick_decoder):
        cached.cache_clear()


def read_among_others(raw: bytes):
    return decode_many([raw]).events[0]


@pytest.mark.usefixtures("moved")
@pytest.mark.parametrize("read", [decode, decode_hot, read_among_others])
def test_an_event_of_version_one_is_read_as_version_two(read) -> None:
    assert read(msgspec.json.encode(OLD)).data.order_id == "42"


@pytest.mark.usefixtures("moved")
@pytest.mark.parametrize("read", [decode, decode_hot, read_among_others])
def test_todays_version_needs_no_upcaster(read) -> None:
    today = {**OLD, "dataschema": "urn:greenline:order.paid:2", "data": {**OLD["data"], "order_id": "42"}}
    assert read(msgspec.json.encode(today)).data.order_id == "42"


@pytest.mark.parametrize("read", [decode_hot, read_among_others])
def test_a_version_from_the_future_is_read_as_todays_because_fields_only_grow(read) -> None:
    future = {**OLD, "dataschema": "urn:greenline:order.paid:9", "data": {**OLD["data"], "order_id": "42"}}
    assert read(msgspec.json.encode(future)).data.order_id == "42"


@pytest.mark.parametrize("read", [decode, decode_hot, read_among_others])
def test_feedback_of_version_one_is_still_read(read) -> None:
    old = {**OLD, "type": "outreach.feedback", "dataschema": "urn:greenline:outreach.feedback:1"}
    found = read(msgspec.json.encode({**old, "data": {"verdict": "missed", "rule": "no-site-activity"}}))
    assert (found.data.verdict, found.data.rule, found.data.fired_at) == ("missed", "no-site-activity", None)


@pytest.mark.parametrize("schema", ["", "order.paid", "urn:greenline:order.paid:0", "urn:x:y:two"])
def test_a_schema_without_a_version_is_refused(schema: str) -> None:
    with pytest.raises(DecodeError, match="dataschema"):
        decode(msgspec.json.encode({**OLD, "dataschema": schema}))


def test_a_missing_step_is_named() -> None:
    with pytest.raises(DecodeError, match=r"no upcaster for order.paid version 1"):
        compat.upcast("order.paid", 1, {}, {}, {"order.paid": 3})
