"""What can go wrong with the local stack."""

from libs.runtime.errors import GreenlineError


class StackError(GreenlineError):
    """The local stack cannot do what was asked; the message says what is missing and what to do about it."""


class PortTakenError(StackError):
    """Somebody else took the port between choosing it and listening on it: choose another and try again."""
