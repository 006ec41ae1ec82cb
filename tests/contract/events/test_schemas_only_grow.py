"""The generated documents are the committed ones, and a change that breaks somebody is refused."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from libs.events import CUSTOMER_EVENT_TYPES, MODELS, decode, encode, encode_hot, generate
from libs.events.compare import incompatibilities
from libs.events.hot import event_struct, struct_for
from libs.events.topics import ALL, FAMILIES
from tests.unit.events.test_codec_refuses_clearly import T0, make

ORDER = generate.event_schema("order.placed")


def changed(path: str, value: object = None) -> dict:
    schema = copy.deepcopy(ORDER)
    *folders, last = path.split("/")
    place = schema
    for folder in folders:
        place = place[folder]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return schema


def test_committed_schemas_are_what_the_models_say() -> None:
    assert generate.stale() == [], "run `make schemas`"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (changed("$defs/OrderPlaced/properties/amount"), "amount: removed"),
        (
            changed("$defs/OrderPlaced/required", ["order_id", "amount", "currency", "gift"]),
            "became required",
        ),
        (changed("$defs/OrderPlaced/required", ["order_id", "amount"]), "currency: is no longer required"),
        (changed("$defs/OrderPlaced/properties/items/type", "string"), "type changed"),
        (changed("$defs/OrderPlaced/properties/channel/enum", ["online"]), "enum changed"),
        (changed("$defs/OrderPlaced/properties/order_id/maxLength", 64), "maxLength changed"),
        (changed("properties/subject/pattern", "^x$"), "pattern changed"),
    ],
)
def test_an_incompatible_change_is_named(schema: dict, words: str) -> None:
    assert any(words in problem for problem in incompatibilities(ORDER, schema))


def test_a_new_optional_field_is_compatible() -> None:
    grown = changed("$defs/OrderPlaced/properties/warehouse", {"type": "string"})
    assert incompatibilities(ORDER, grown) == []


def test_writing_over_an_incompatible_schema_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    generate.write(tmp_path)
    planted = tmp_path / "order.placed.v1.json"
    planted.write_text(json.dumps(changed("$defs/OrderPlaced/properties/coupon", {"type": "string"})))
    before = planted.read_text()
    with pytest.raises(generate.IncompatibleError, match="coupon: removed"):
        generate.write(tmp_path)
    assert planted.read_text() == before


def test_an_encoded_event_satisfies_its_published_schema() -> None:
    jsonschema.validate(json.loads(make()), ORDER, cls=jsonschema.Draft202012Validator)


def test_an_event_made_on_the_hot_path_satisfies_the_same_schema() -> None:
    envelope, order = event_struct("order.placed"), struct_for(MODELS["order.placed"])
    made = envelope(
        id="e1",
        source="shopify/demo",
        subject="c_1",
        tenant="demo",
        time=T0,
        receivedat=T0,
        dataschema=generate.schema_uri("order.placed"),
        data=order(order_id="42", amount="12.00", currency="USD"),
    )
    body = json.loads(encode_hot(made))
    jsonschema.validate(body, ORDER, cls=jsonschema.Draft202012Validator)
    assert body == json.loads(encode(decode(encode_hot(made))))


def test_every_type_belongs_to_a_named_family_and_every_family_has_a_type() -> None:
    assert {name.partition(".")[0] for name in CUSTOMER_EVENT_TYPES} == set(FAMILIES)


def test_every_type_stands_on_a_public_topic_of_the_asyncapi_document() -> None:
    document = generate.asyncapi()
    assert set(document["components"]["messages"]) == {*MODELS, *generate.PLAIN}
    assert set(document["channels"]) == {topic.name for topic in ALL if topic.public}


def test_state_topics_are_compacted_and_never_deleted() -> None:
    for topic in ALL:
        if topic.name.endswith(".state"):
            assert topic.config["cleanup.policy"] == "compact"
            assert "retention.ms" not in topic.config


def test_contact_details_are_on_the_profile_and_nowhere_else() -> None:
    for name, text in generate.files().items():
        if not name.startswith(("profile.", "asyncapi")):
            assert '"phone":' not in text, name
            assert '"email":' not in text, name
