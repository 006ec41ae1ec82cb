"""What can be wrong with a record of ours. Each error says what, where and what to do."""


class EventError(Exception):
    """Root of the contract's errors."""


class DecodeError(EventError):
    """The bytes are not an event we know. Route: dead-letter; the record is never retried."""


class UnknownTypeError(EventError):
    """A type that is not in the registry. Route: reject at the producer; add the type first."""


class MoneyError(EventError):
    """An amount or currency that cannot be counted. Route: count the event, leave the amount out."""
