"""The contract: what stands on the topics, and nothing else. No I/O here."""

from libs.events.codec import Decoded, decode, decode_hot, decode_many, encode, encode_hot
from libs.events.deadletter import DeadLetter
from libs.events.envelope import AnyEvent, Envelope, build, schema_uri
from libs.events.errors import DecodeError, EventError, MoneyError, UnknownTypeError
from libs.events.facts import Facts
from libs.events.ids import event_id, message_key, split_key
from libs.events.registry import CUSTOMER_EVENT_TYPES, MODELS, TYPES, VERSIONS

__all__ = [
    "CUSTOMER_EVENT_TYPES",
    "MODELS",
    "TYPES",
    "VERSIONS",
    "AnyEvent",
    "DeadLetter",
    "DecodeError",
    "Decoded",
    "Envelope",
    "EventError",
    "Facts",
    "MoneyError",
    "UnknownTypeError",
    "build",
    "decode",
    "decode_hot",
    "decode_many",
    "encode",
    "encode_hot",
    "event_id",
    "message_key",
    "schema_uri",
    "split_key",
]
