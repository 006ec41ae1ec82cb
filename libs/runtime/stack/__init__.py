"""The local stack and the supervisor: what a developer, a test or the demo runs the services on."""

from libs.runtime.stack.errors import StackError
from libs.runtime.stack.stack import Stack, StackConfig
from libs.runtime.stack.state import StackState
from libs.runtime.stack.topics import ensure_topics

__all__ = ["Stack", "StackConfig", "StackError", "StackState", "ensure_topics"]
