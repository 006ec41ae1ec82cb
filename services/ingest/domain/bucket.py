"""A token bucket: so many requests a second, and so many at once after a rest."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from libs.events.types import Frozen

# Parts of a token. A nanosecond earns `per_second` whole parts, so nothing is ever rounded and it does not
# matter how often somebody looks.
_TOKEN = 1_000_000_000


class Limits(Frozen):
    """What one source may send to one process."""

    per_second: Annotated[int, Field(ge=1, le=100_000)]
    burst: Annotated[int, Field(ge=1, le=1_000_000)]
    """Requests that a source which has rested may send at once."""


@dataclass(slots=True)
class Bucket:
    """Lets at most `burst + per_second * t` requests through in any t seconds. Times are ns of any clock."""

    limits: Limits
    parts: int
    at: int

    @classmethod
    def full(cls, limits: Limits, now: int) -> Self:
        return cls(limits, limits.burst * _TOKEN, now)

    def take(self, now: int) -> int:
        """0, and a token is gone; or the ns until there is one. A clock that is set back earns nothing."""
        earned = max(0, now - self.at) * self.limits.per_second
        self.parts = min(self.limits.burst * _TOKEN, self.parts + earned)
        self.at = now
        if self.parts >= _TOKEN:
            self.parts -= _TOKEN
            return 0
        return -((self.parts - _TOKEN) // self.limits.per_second)
