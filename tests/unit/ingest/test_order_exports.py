"""Order exports as Shopify and WooCommerce shops make them: the events, ids and people in their rows."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from libs.runtime.errors import ConfigError
from libs.runtime.event_rows import START, Origin
from services.ingest.adapters.history_file import HistoryFile, open_history
from services.ingest.domain.history.entry import Entry

SHOPIFY = """
Name;Email;Financial Status;Paid at;Fulfilled at;Accepts Marketing;Currency;Total;Created at;
Lineitem quantity;Lineitem name;Billing Name;Billing Zip;Billing Phone;Shipping Name;Shipping Zip;
Note Attributes;Cancelled at;Payment Method;Refunded Amount;Id;Tags;Source;Phone
"""
"""Columns of the export as the admin writes them; those nothing is read from are left out."""
ORDER = {
    "Name": "#1001",
    "Email": "ada@shopper.example",
    "Financial Status": "paid",
    "Paid at": "2024-05-30 08:00:05 -0400",
    "Accepts Marketing": "yes",
    "Currency": "USD",
    "Total": "59.90",
    "Created at": "2024-05-30 08:00:00 -0400",
    "Lineitem quantity": "2",
    "Billing Name": "Ada Byron",
    "Refunded Amount": "0.00",
    "Id": "4501",
    "Source": "web",
    "Phone": "'+15035550101",
}
WOO = {
    "order_id": "77",
    "order_date": "2024-05-30 08:00:00",
    "status": "completed",
    "order_total": "59.90",
    "refunded_total": "0.00",
    "order_currency": "EUR",
    "customer_id": "7001",
    "billing_first_name": "Ada",
    "billing_last_name": "Byron",
    "billing_email": "ada@shopper.example",
    "billing_phone": "+49 30 5550101",
    "line_items": r"id:1|name:Tea\; green|product_id:31|quantity:2;id:2|name:Cup|product_id:32|quantity:1",
    "refunds": "",
}


def written(tmp_path: Path, *rows: dict[str, str], platform: str, zone: str = "UTC") -> HistoryFile:
    text = io.StringIO()
    sheet = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    sheet.writeheader()
    sheet.writerows(rows)
    path = tmp_path / "orders.csv"
    path.write_text(text.getvalue())
    return open_history(path, Origin("import:1", platform, "demo", f"{platform}/demo", zone=ZoneInfo(zone)))


def shopify(tmp_path: Path, *rows: dict[str, str]) -> HistoryFile:
    return written(
        tmp_path,
        *({**dict.fromkeys(map(str.strip, SHOPIFY.split(";")), ""), **row} for row in rows),
        platform="shopify",
    )


def woo(tmp_path: Path, *rows: dict[str, str], zone: str = "Europe/Berlin") -> HistoryFile:
    return written(tmp_path, *rows, platform="woocommerce", zone=zone)


def entries(file: HistoryFile) -> list[Entry]:
    return [entry for chunk in file.read(START) for entry in chunk.entries]


def test_an_order_is_placed_and_paid_under_the_ids_of_live_deliveries(tmp_path):
    (entry,) = entries(shopify(tmp_path, ORDER))
    placed, paid = entry.events
    assert (placed.id, paid.id) == ("shopify:order:4501:placed", "shopify:order:4501:paid")
    assert placed.time == datetime(2024, 5, 30, 12, tzinfo=UTC)
    assert (placed.data.amount, placed.data.currency, placed.data.counts) == ("59.90", "USD", True)
    assert entry.anchor == ("shopify/order", "4501", "59.90 USD")


def test_what_is_known_of_a_person_leads_to_them_and_stays_out_of_events(tmp_path):
    file = shopify(tmp_path, ORDER)
    (entry,) = entries(file)
    person = file.person(entry.who)
    assert (person.email, person.phone) == ("ada@shopper.example", "+15035550101")
    assert person.contact == {"name": "Ada Byron", "email_consent": True}
    assert not {"@", "Ada"} & set(str(entry.events))


def test_rows_of_one_order_are_one_order(tmp_path):
    more = {"Name": "#1001", "Email": "ada@shopper.example", "Lineitem quantity": "3"}
    other = {**ORDER, "Name": "#1002", "Id": "4502"}
    first, second = entries(shopify(tmp_path, ORDER, more, other))
    assert (first.events[0].data.items, second.events[0].data.items) == (5, 2)
    assert (first.line, second.line) == (2, 4)


def test_money_back_is_told_with_its_share_at_the_last_day_that_is_known(tmp_path):
    (entry,) = entries(
        shopify(tmp_path, {**ORDER, "Refunded Amount": "20.00", "Financial Status": "refunded"})
    )
    refunded = entry.events[-1]
    assert (refunded.event_type, refunded.data.amount, refunded.data.order_amount) == (
        *("order.refunded", "20.00", "59.90"),
    )
    assert refunded.time == datetime(2024, 5, 30, 12, 0, 5, tzinfo=UTC)


def test_a_cancelled_order_is_placed_and_cancelled(tmp_path):
    (entry,) = entries(shopify(tmp_path, {**ORDER, "Cancelled at": "2024-06-01 00:00:00 +0200"}))
    gone = entry.events[-1]
    assert (gone.event_type, gone.data.placed_at) == ("order.cancelled", entry.events[0].time)


@pytest.mark.parametrize(
    "change",
    [
        {"Financial Status": "voided"},
        {"Tags": "vip, test"},
        {"Payment Method": "bogus"},
        {"Source": "shopify_draft_order"},
        {"Total": "0.00"},
    ],
)
def test_what_is_no_purchase_does_not_count(tmp_path, change):
    (entry,) = entries(shopify(tmp_path, {**ORDER, **change}))
    assert entry.events[0].data.counts is False


def test_gifts_and_channels_are_told_apart(tmp_path):
    gift = {**ORDER, "Billing Zip": "1", "Shipping Zip": "2", "Shipping Name": "Grace Hopper"}
    noted = {**ORDER, "Name": "#2", "Note Attributes": "gift wrap: yes", "Source": "pos"}
    first, second = entries(shopify(tmp_path, gift, noted))
    assert (first.events[0].data.gift, first.events[0].data.channel) == (True, "online")
    assert (second.events[0].data.gift, second.events[0].data.channel) == (True, "point_of_sale")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Total": "free"}, "Total 'free' is no number"),
        ({"Created at": ""}, "Created at is empty"),
        ({"Created at": "yesterday"}, "'yesterday' is no ISO 8601"),
        ({"Id": "a@b.example"}, "no usable id"),
        ({"Currency": "dollars"}, "no ISO 4217 code"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_the_others_are_used(tmp_path, change, says):
    file = shopify(tmp_path, {**ORDER, **change}, {**ORDER, "Name": "#1002", "Id": "4502"})
    assert [entry.line for entry in entries(file)] == [3]
    (problem,) = file.faults.named
    assert problem.line == 2
    assert says in problem.what


def test_reading_goes_on_at_any_chunk(tmp_path):
    rows = [{**ORDER, "Name": f"#{n}", "Id": f"{n}"} for n in range(10)]
    file = shopify(tmp_path, *rows, {"Name": "#9", "Lineitem quantity": "1"})
    file._chunk = 3
    chunks = list(file.read(START))
    for done, chunk in enumerate(chunks):
        rest = [entry for later in file.read(chunk.next) for entry in later.entries]
        assert rest == [entry for later in chunks[done + 1 :] for entry in later.entries]


def test_a_woocommerce_order_has_live_ids_items_and_the_shops_time(tmp_path):
    (entry,) = entries(woo(tmp_path, WOO))
    (placed,) = entry.events
    assert placed.id == "woocommerce:order:77:placed"
    assert placed.time == datetime(2024, 5, 30, 6, tzinfo=UTC)  # summer in Berlin
    assert (placed.data.items, placed.data.products) == (3, ("31", "32"))


def test_a_guest_is_known_by_address_only(tmp_path):
    file = woo(tmp_path, {**WOO, "customer_id": "0"}, {**WOO, "order_id": "78"})
    guest, named = (file.person(entry.who) for entry in entries(file))
    assert guest.ids == (("woocommerce.customer", ""),)
    assert named.ids == (("woocommerce.customer", "7001"),)
    assert guest.email == named.email == "ada@shopper.example"


def test_a_row_an_item_is_one_order(tmp_path):
    rows = [
        {**WOO, "line_items": "", "item_quantity": n, "item_product_id": p}
        for n, p in (("2", "31"), ("1", "32"))
    ]
    (entry,) = entries(woo(tmp_path, *rows))
    assert (entry.events[0].data.items, entry.events[0].data.products) == (3, ("31", "32"))


PIPED = "id:501|date:2024-06-01 10:00:00|amount:20.00|reason:;id:502|date:2024-06-02 10:00:00|amount:5.00"
LISTED = [
    {"id": 501, "date": "2024-06-01 10:00:00", "amount": "20.00"},
    {"id": 502, "date": "2024-06-02 10:00:00", "amount": "5.00"},
]


@pytest.mark.parametrize("cell", [PIPED, json.dumps(LISTED)])
def test_refunds_have_their_own_numbers_and_days(tmp_path, cell):
    (entry,) = entries(woo(tmp_path, {**WOO, "refunds": cell, "refunded_total": "25.00"}))
    first, second = entry.events[1:]
    assert (first.id, first.data.amount) == ("woocommerce:refund:501:refunded", "20.00")
    assert second.time == datetime(2024, 6, 2, 8, tzinfo=UTC)


def test_a_sum_of_refunds_alone_is_one_refund(tmp_path):
    (entry,) = entries(woo(tmp_path, {**WOO, "refunded_total": "25.00"}))
    assert (entry.events[1].data.amount, entry.events[1].data.order_amount) == ("25.00", "59.90")


def test_unpaid_and_cancelled_orders_do_not_count(tmp_path):
    gone = {**WOO, "status": "wc-cancelled"}
    failed = {**WOO, "order_id": "78", "status": "Failed"}
    first, second = entries(woo(tmp_path, gone, failed))
    assert [event.event_type for event in first.events] == ["order.placed", "order.cancelled"]
    assert first.events[1].data.reason == "cancelled_unpaid"
    assert [first.events[0].data.counts, second.events[0].data.counts] == [False, False]


def test_a_draft_is_no_order(tmp_path):
    file = woo(tmp_path, {**WOO, "status": "checkout-draft"})
    assert entries(file) == []
    assert "a draft" in file.faults.named[0].what


def test_an_export_of_another_platform_than_the_source_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="an export of woocommerce, but the source's provider is shopify"):
        written(tmp_path, WOO, platform="shopify")


def test_the_report_that_names_nobody_is_refused_with_what_to_do(tmp_path):
    report = {"Date": "2024-05-30", "Order #": "77", "Customer": "Ada", "Customer type": "new"}
    with pytest.raises(ConfigError, match="Customer/Order/Coupon Export"):
        written(tmp_path, report, platform="woocommerce")
