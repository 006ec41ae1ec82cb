"""What can be wrong with a delivery. Each class is a route: a status, and what is kept."""

from libs.runtime.errors import PoisonError, RejectedError, TransientError


class UnverifiedError(RejectedError):
    """The signature is missing, wrong or too old. Route: 401, nothing is kept."""


class UnparsableError(RejectedError):
    """Not the sender's format at all. Route: of a webhook a dead letter, as below; of a request of our own
    API 400 with the reason.
    """


class NotUnderstoodError(PoisonError):
    """Signed, but we can make nothing of it. Route: 202 and a dead letter.

    `reason` is a code for metrics; `detail` is for people and never repeats a value of the payload.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UnstorableError(NotUnderstoodError):
    """A store refuses a value as such, however often it comes. Route: as its parent; others that were
    written together with it go on without it.
    """

    def __init__(self) -> None:
        super().__init__("unstorable", "a value in it is none that PostgreSQL can keep")


class UnavailableError(TransientError):
    """A store that we need is away. Route: another store, else 503 with Retry-After."""


class OverloadedError(TransientError):
    """More in flight than memory is set aside for. Route: 429 (or `Provider.busy`) with Retry-After."""


class LimitedError(TransientError):
    """More requests of a source than it may send. Route: as OverloadedError, once a token is there again."""

    def __init__(self, detail: str, wait_s: int) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class OversizedError(RejectedError):
    """A record is larger than Kafka takes. Route: a dead letter with the record's bytes."""


class SlowBodyError(RejectedError):
    """The body did not come in time. Route: 408, and its place is free."""


class TooLargeError(RejectedError):
    """The body is over the limit. Route: 413, cut off while reading."""
