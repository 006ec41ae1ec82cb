"""Days since 1970, as the offline verbs count, and as people write them."""

from datetime import date, timedelta

from libs.runtime.errors import ConfigError

_EPOCH = date(1970, 1, 1)


def date_of(day: int) -> str:
    """As 2026-01-31."""
    return f"{_EPOCH + timedelta(days=day)}"


def day_of(text: str) -> int:
    """Raises ConfigError."""
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        raise ConfigError(f"{text!r} is no date: write it as 2026-01-31") from None
