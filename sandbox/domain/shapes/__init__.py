"""Moments in each tool's own words."""

from collections.abc import Callable, Mapping

from sandbox.domain.moments import Kind, Moment
from sandbox.domain.shapes import segment, shopify, zendesk
from sandbox.domain.shapes.klaviyo import batch
from sandbox.domain.shapes.message import Message
from sandbox.domain.shapes.standard import contract

_SHAPES: Mapping[Kind, Callable[[Moment], Message]] = {
    "created": shopify.customer,
    "order": shopify.order,
    "refund": shopify.refund,
    "identified": segment.identify,
    "page": segment.page,
    "product": segment.product,
    "contract_started": contract,
    "contract_paused": contract,
    "contract_cancelled": contract,
    "support_known": zendesk.user,
    "ticket_opened": zendesk.opened,
    "ticket_solved": zendesk.solved,
    "ticket_rated": zendesk.rated,
    "subscribed": lambda moment: batch([moment]),
    "mail_sent": lambda moment: batch([moment]),
    "mail_opened": lambda moment: batch([moment]),
    "mail_clicked": lambda moment: batch([moment]),
    "mail_unsubscribed": lambda moment: batch([moment]),
}


def message(moment: Moment) -> Message:
    """The webhook a tool sends about this moment."""
    return _SHAPES[moment.kind](moment)


__all__ = ["Message", "batch", "message"]
