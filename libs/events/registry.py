"""Every event type, its model and its version: the only list of them."""

from libs.events.families.commerce import COMMERCE
from libs.events.families.customer import CUSTOMER
from libs.events.families.engagement import ENGAGEMENT
from libs.events.families.health import HEALTH
from libs.events.families.relationship import RELATIONSHIP
from libs.events.types import Frozen

CUSTOMER_EVENT_TYPES: dict[str, type[Frozen]] = {**COMMERCE, **ENGAGEMENT, **RELATIONSHIP, **CUSTOMER}
"""What may stand on customer.events."""

MODELS: dict[str, type[Frozen]] = {**CUSTOMER_EVENT_TYPES, **HEALTH}
TYPES: dict[type[Frozen], str] = {model: name for name, model in MODELS.items()}

VERSIONS: dict[str, int] = {"outreach.feedback": 2}
"""Types whose shape has moved past version 1. A new version needs an upcaster in libs.events.compat."""
