"""When to try again, and when to stop. Wall time. Pure."""

from datetime import timedelta

# Seconds. Short at first for a restart, then long enough for a bad night: 7.7 hours in all.
WAITS_S = (1, 5, 30, 120, 600, 1800, 3600, 7200, 14_400)
JITTER = 0.2  # of the wait, so that a thousand effects that failed together do not return together


def retry_wait(attempts: int, jitter: float) -> timedelta:
    """The wait after that many failed attempts; `jitter` is drawn from [0, 1) by the caller."""
    base = WAITS_S[min(max(attempts, 1), len(WAITS_S)) - 1]
    return timedelta(seconds=base * (1 - JITTER + 2 * JITTER * jitter))


def gives_up(attempts: int) -> bool:
    """A message that nobody takes for this long is not worth sending any more; events never give up."""
    return attempts > len(WAITS_S)
