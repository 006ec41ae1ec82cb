"""The local stack and the supervisor: what a developer, a test or the demo runs the services on."""

from libs.runtime.stack.child import ChildSpec
from libs.runtime.stack.errors import StackError
from libs.runtime.stack.ports import Reservations
from libs.runtime.stack.services import running_services
from libs.runtime.stack.stack import Stack, StackConfig
from libs.runtime.stack.state import StackState
from libs.runtime.stack.supervisor import Patience, Supervisor
from libs.runtime.topics import ensure_topics

__all__ = [
    "ChildSpec",
    "Patience",
    "Reservations",
    "Stack",
    "StackConfig",
    "StackError",
    "StackState",
    "Supervisor",
    "ensure_topics",
    "running_services",
]
