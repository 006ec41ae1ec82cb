from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from libs.events import DecodeError, UnknownTypeError, build, decode, decode_hot, encode
from libs.events.families.commerce import OrderPlaced
from libs.events.types import Frozen

T0 = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = OrderPlaced(order_id="42", amount="12.00", currency="USD")


def make(**changes: Any) -> bytes:
    known = {"id": "e1", "source": "shopify/demo", "tenant": "demo", "subject": "c_1"}
    raw = encode(build(ORDER, time=T0, receivedat=T0, **known))
    return msgspec.json.encode({**msgspec.json.decode(raw), **changes})


@pytest.mark.parametrize("read", [decode, decode_hot])
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"[1]", "object"),
        (b"[" * 100_000, ""),
        (make(type="order.plcaed"), "order.plcaed"),
        (make(time="2026-01-01T00:00:00"), "time"),
        (make(time="1577836800"), "time"),
        (make(data={"order_id": "42", "amount": "twelve", "currency": "USD"}), "amount"),
        (make(subject="tess@example.com"), "subject"),
    ],
)
def test_what_is_not_an_event_is_a_decode_error_that_says_where(read: Any, raw: bytes, words: str) -> None:
    with pytest.raises(DecodeError) as error:
        read(raw)
    assert words in str(error.value)


def test_a_model_that_is_not_registered_cannot_be_built() -> None:
    with pytest.raises(UnknownTypeError, match="Frozen"):
        build(Frozen(), id="1", source="s", tenant="t", subject="c", time=T0, receivedat=T0)


def test_a_field_of_a_newer_version_is_ignored() -> None:
    assert decode(make(newattribute=1)) == decode(make())


def test_times_of_other_zones_become_utc() -> None:
    assert decode(make(time="2026-01-01T02:00:00+02:00")).time == T0


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_that_utc_has_no_year_for_is_refused(time: str) -> None:
    with pytest.raises(DecodeError, match="years 1 to 9999"):
        decode(make(time=time))


def test_nothing_that_carries_nothing_is_written() -> None:
    assert b"null" not in make()
    assert b"backfill" not in make()
