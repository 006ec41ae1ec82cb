from libs.events import event_id, message_key, split_key


def test_the_same_fact_has_the_same_readable_id() -> None:
    assert event_id("shopify", "order", "42", "placed") == "shopify:order:42:placed"


def test_a_long_id_becomes_a_digest_that_still_names_its_provider() -> None:
    long = event_id("shopify", "x" * 500)
    assert long.startswith("shopify:")
    assert len(long) <= 160
    assert long == event_id("shopify", "x" * 500) != event_id("shopify", "x" * 501)


def test_unprintable_parts_never_reach_an_id() -> None:
    assert event_id("segment", "a\nb").isprintable()


def test_a_key_splits_into_what_it_was_made_of() -> None:
    assert message_key("demo", "c_1") == b"demo/c_1"
    assert split_key(b"demo/c_1") == ("demo", "c_1")
