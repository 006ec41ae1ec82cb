"""A small closed family of errors. Each class is a route; handlers never guess from a message."""


class GreenlineError(Exception):
    """Root. Its text says what went wrong, where, and what to do."""


class RejectedError(GreenlineError):
    """The input is wrong and stays wrong. Route: refuse (4xx), count, move on."""


class PoisonError(GreenlineError):
    """It will never be usable, but it was ours to keep. Route: dead letters, with reason and origin."""


class TransientError(GreenlineError):
    """May succeed later. Route: retry with bounded, jittered waits; then 503 or dead letters."""


class FatalError(GreenlineError):
    """Going on would corrupt something. Route: stop the process; the supervisor or a person decides."""


class ConfigError(FatalError):
    """A setting or file is wrong. Says which, where, and what is allowed."""
