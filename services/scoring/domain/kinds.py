"""What an event does to a row, as a number: one kind for all types that do the same thing.

Kinds of one family are neighbours, so the update loop finds the family by comparing bounds.
"""

NO_FACT = 0  # counted and remembered as seen; moves nothing (opens, deliveries, our own messages)

ORDER_PLACED, ORDER_UPDATED, ORDER_CANCELLED, ORDER_REFUNDED = 1, 2, 3, 4
RETURN_REQUESTED, SHIPPED, DELIVERED = 5, 6, 7
LAST_ORDER = DELIVERED

SITE = 10
CLICKED, REPLIED, EMAIL_SENT, UNSUBSCRIBED, SUBSCRIBED = 11, 12, 13, 14, 15
LAST_ENGAGEMENT = SUBSCRIBED

TICKET_OPENED, TICKET_COMMENTED, TICKET_ESCALATED, TICKET_REOPENED = 20, 21, 22, 23
TICKET_SOLVED, TICKET_RATED, NOTE, TASK = 24, 25, 26, 27
LAST_SUPPORT = TASK

SUB_ACTIVE, SUB_CHANGED, SUB_PAUSED, SUB_SKIPPED = 30, 31, 32, 33
SUB_CANCEL_REQUESTED, SUB_CANCELLED, SUB_FAILED, RENEWAL_SET = 34, 35, 36, 37
LAST_SUBSCRIPTION = RENEWAL_SET

SURVEY_ASKED, SURVEY_NPS, SURVEY_CSAT, SURVEY_CES = 40, 41, 42, 43
SEATS, CHAMPION, REVIEW, DESCRIBED = 44, 45, 46, 47
REFERRAL, OVERRIDDEN = 48, 49
LAST_ACCOUNT = OVERRIDDEN

USAGE = 50

MILESTONE_PLANNED, MILESTONE_REACHED, FIRST_VALUE, VALUE_PROVEN = 51, 52, 53, 54

ERASED = 60  # handled by the service, never by the loop

KIND: dict[str, int] = {
    "order.placed": ORDER_PLACED,
    "order.updated": ORDER_UPDATED,
    "order.cancelled": ORDER_CANCELLED,
    "order.refunded": ORDER_REFUNDED,
    "order.shipped": SHIPPED,
    "order.delivered": DELIVERED,
    "return.requested": RETURN_REQUESTED,
    "site.visited": SITE,
    "site.searched": SITE,
    "product.viewed": SITE,
    "product.added_to_cart": SITE,
    "product.removed_from_cart": SITE,
    "email.clicked": CLICKED,
    "sms.clicked": CLICKED,
    "sms.replied": REPLIED,
    "email.sent": EMAIL_SENT,
    "email.unsubscribed": UNSUBSCRIBED,
    "email.complained": UNSUBSCRIBED,
    "email.subscribed": SUBSCRIBED,
    "ticket.opened": TICKET_OPENED,
    "ticket.commented": TICKET_COMMENTED,
    "ticket.escalated": TICKET_ESCALATED,
    "ticket.reopened": TICKET_REOPENED,
    "ticket.solved": TICKET_SOLVED,
    "ticket.rated": TICKET_RATED,
    "note.added": NOTE,
    "outreach.task_completed": TASK,
    "subscription.started": SUB_ACTIVE,
    "subscription.renewed": SUB_ACTIVE,
    "subscription.resumed": SUB_ACTIVE,
    "subscription.changed": SUB_CHANGED,
    "subscription.paused": SUB_PAUSED,
    "subscription.skipped": SUB_SKIPPED,
    "subscription.cancel_requested": SUB_CANCEL_REQUESTED,
    "subscription.cancelled": SUB_CANCELLED,
    "subscription.payment_failed": SUB_FAILED,
    "account.renewal_set": RENEWAL_SET,
    "account.seats_changed": SEATS,
    "survey.asked": SURVEY_ASKED,
    "survey.answered": SURVEY_NPS,  # the survey's kind decides: see decode
    "contact.changed": CHAMPION,  # only a change of champion: see decode
    "review.submitted": REVIEW,
    "referral.made": REFERRAL,  # one that converts was made before: it is no second one
    "usage.recorded": USAGE,
    "milestone.planned": MILESTONE_PLANNED,
    "milestone.reached": MILESTONE_REACHED,  # two names mean more: see decode
    "customer.created": DESCRIBED,
    "customer.updated": DESCRIBED,
    "customer.consent_changed": UNSUBSCRIBED,  # the consent decides: see decode
    "customer.health_overridden": OVERRIDDEN,
    "customer.erased": ERASED,
}
"""Types that are not here move no fact yet."""

BEHAVIOURAL = frozenset({"site", "product", "email", "sms", "usage", "checkout"})
"""First words of the types whose ids go to the behavioural ring."""
