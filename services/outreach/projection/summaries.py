"""One sentence for every event that can stand on a timeline. Pure.

`data` is the event's data as JSON gave it. A field that is missing or odd must never stop a projection:
sentences ask for values and do without them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from libs.events.errors import MoneyError
from libs.events.money import to_minor, to_text

Data = Mapping[str, Any]
Sentence = str | Callable[[Data], str]

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
_OUTCOMES = {
    "reached": "reached",
    "no_answer": "no answer",
    "resolved": "resolved",
    "not_resolved": "not resolved",
    "declined": "declined",
}
_VERDICTS = {
    "right": "Marked as a right alarm",
    "wrong": "Marked as a false alarm",
    "missed": "Marked as missed by the rules",
}


def summarise(event_type: str, data: Data) -> str:
    """The sentence of an event; an unknown type is shown by its name."""
    sentence = SENTENCES.get(event_type)
    if sentence is None:
        return event_type.replace(".", " ").replace("_", " ").capitalize()
    return sentence if isinstance(sentence, str) else sentence(data)


def _words(code: object) -> str:
    return str(code).replace("-", " ").replace("_", " ")


def _money(data: Data) -> str:
    amount, currency = data.get("amount"), data.get("currency")
    if not isinstance(amount, str) or not isinstance(currency, str):
        return ""
    try:
        text = to_text(to_minor(amount, currency), currency)
    except MoneyError:
        return ""
    return f"{_SYMBOLS[currency]}{text}" if currency in _SYMBOLS else f"{text} {currency}"


def _number(value: object, unit: str) -> str:
    return f"{value} {unit}" if value == 1 else f"{value} {unit}s"


def _for_money(text: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        money = _money(data)
        return f"{text} ({money})" if money else text

    return say


def _with(text: str, name: str, joined: str = ": ") -> Callable[[Data], str]:
    """The text, and a field's words behind it when the field is there."""

    def say(data: Data) -> str:
        value = data.get(name)
        return text if value in (None, "") else f"{text}{joined}{_words(value)}"

    return say


def _order(data: Data) -> str:
    money = _money(data)
    text = f"Ordered {_number(data.get('items', 1), 'item')}" + (f" for {money}" if money else "")
    if data.get("gift"):
        text += ", as a gift"
    return text if data.get("counts", True) else f"{text}; not counted (test, void or replacement)"


def _refunded(data: Data) -> str:
    money = _money(data)
    if data.get("exchange"):
        return "Exchanged an order"
    return f"Got {money} back for order {data.get('order_id')}" if money else "Got money back for an order"


def _return_requested(data: Data) -> str:
    text = f"Asked to {'exchange' if data.get('exchange') else 'return'} order {data.get('order_id')}"
    reason = data.get("reason")
    return f"{text}: {_words(reason)}" if reason else text


def _visited(data: Data) -> str:
    return f"Visited the site, {_number(data.get('pages', 1), 'page')}"


def _searched(data: Data) -> str:
    found = data.get("results")
    return "Searched the site" if found is None else f"Searched the site, {_number(found, 'result')}"


def _opened_mail(data: Data) -> str:
    return "E-mail opened by a machine" if data.get("machine") else "Opened an e-mail"


def _clicked_mail(data: Data) -> str:
    return "E-mail links followed by a machine" if data.get("machine") else "Clicked in an e-mail"


def _ticket(text: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        topic, feeling = data.get("topic"), data.get("sentiment")
        about = f" about {_words(topic)}" if topic else ""
        tone = {"negative": "; they sound unhappy", "positive": "; they sound pleased"}.get(str(feeling), "")
        return f"{text}{about}{tone}"

    return say


def _commented(data: Data) -> str:
    by_us = data.get("by_customer") is False
    return "We answered a ticket" if by_us else _ticket("Wrote in a ticket")(data)


def _answered(data: Data) -> str:
    scale = {"nps": "of 10", "csat": "of 5", "ces": "of 7"}.get(str(data.get("kind")), "")
    return f"Answered {str(data.get('kind', 'a survey')).upper()}: {data.get('score')} {scale}".rstrip()


def _used(data: Data) -> str:
    return f"Used {_words(data.get('feature', 'the product'))} {_number(data.get('count', 1), 'time')}"


def _seats(data: Data) -> str:
    return f"{data.get('active')} of {_number(data.get('bought'), 'seat')} in use"


def _contact(data: Data) -> str:
    changes = {
        "joined": "A contact joined",
        "left": "A contact left",
        "champion_changed": "The main contact changed",
    }
    return changes.get(str(data.get("change")), "A contact changed")


def _merged(data: Data) -> str:
    return f"Found to be the same person as {data.get('into')}"


def _consent(data: Data) -> str:
    verb = "Agreed to" if data.get("consent") else "Withdrew consent to"
    return f"{verb} {data.get('channel', 'messages')}"


def _overridden(data: Data) -> str:
    by = data.get("author")
    who = f" by {_words(by)}" if by else ""
    return f"Score set to {data.get('score')}{who}, until {str(data.get('until'))[:10]}"


def _playbook(text: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        name = data.get("playbook")
        about = f" {_words(name)}" if name else ""
        return f"{text.format(playbook=about)}: {_words(data.get('reason', data.get('rule', '')))}"

    return say


def _sent(data: Data) -> str:
    return f"We sent a message by {data.get('channel', 'e-mail')}: {_words(data.get('template', ''))}"


def _not_sent(data: Data) -> str:
    reason = _words(data.get("reason", ""))
    return f"A message by {data.get('channel', 'e-mail')} was not sent: {reason}"


def _task_completed(data: Data) -> str:
    outcome = _OUTCOMES.get(str(data.get("outcome")), "done")
    feeling = data.get("sentiment")
    return f"Task completed: {outcome}" + (f"; the customer felt {feeling}" if feeling else "")


def _closed(data: Data) -> str:
    won = data.get("result") == "success"
    what = (
        "Control window" if data.get("arm") == "control" else f"Playbook {_words(data.get('playbook', ''))}"
    )
    money = _money({"amount": data.get("revenue"), "currency": data.get("currency", "USD")})
    return f"{what} closed: {f'success, {money}' if won and money else 'success' if won else 'no purchase'}"


def _feedback(data: Data) -> str:
    said = _VERDICTS.get(str(data.get("verdict")), "Marked by a person")
    told = [_words(data[name]) for name in ("rule", "reason") if data.get(name)]
    return f"{said}: {'; '.join(told)}" if told else said


def _fired(data: Data) -> str:
    title, reason = data.get("title") or _words(data.get("rule") or "A rule"), data.get("reason")
    return f"{title}: {reason}" if reason else str(title)


SENTENCES: dict[str, Sentence] = {
    "order.placed": _order,
    "order.updated": _for_money("An order was changed"),
    "order.paid": _for_money("Paid an order"),
    "order.cancelled": _with("An order was cancelled", "reason"),
    "order.shipped": _with("An order was shipped", "carrier", " with "),
    "order.delivered": "An order was delivered",
    "order.refunded": _refunded,
    "checkout.started": _for_money("Started a checkout"),
    "checkout.abandoned": _for_money("Left a checkout"),
    "checkout.completed": _for_money("Completed a checkout"),
    "return.requested": _return_requested,
    "return.received": _with("A return arrived", "order_id", " for order "),
    "return.closed": _with("A return was settled", "order_id", " for order "),
    "subscription.started": _for_money("Started a subscription"),
    "subscription.renewed": _for_money("Subscription renewed"),
    "subscription.changed": _for_money("Subscription changed"),
    "subscription.paused": _with("Paused the subscription", "reason"),
    "subscription.resumed": "Resumed the subscription",
    "subscription.skipped": "Skipped a delivery",
    "subscription.cancel_requested": _with("Asked to cancel the subscription", "reason"),
    "subscription.cancelled": _with("Subscription cancelled", "reason"),
    "subscription.payment_failed": "A subscription payment failed",
    "site.visited": _visited,
    "site.searched": _searched,
    "product.viewed": _with("Looked at product", "product_id", " "),
    "product.added_to_cart": _with("Put a product in the cart", "product_id"),
    "product.removed_from_cart": _with("Took a product out of the cart", "product_id"),
    "email.sent": _with("The shop sent an e-mail", "campaign_id"),
    "email.delivered": "An e-mail arrived",
    "email.opened": _opened_mail,
    "email.clicked": _clicked_mail,
    "email.bounced": _with("An e-mail bounced", "kind"),
    "email.complained": "Marked an e-mail as spam",
    "email.subscribed": "Subscribed to e-mail",
    "email.unsubscribed": _with("Unsubscribed from e-mail", "reason"),
    "sms.sent": "The shop sent a text message",
    "sms.clicked": "Clicked in a text message",
    "sms.replied": "Replied to a text message",
    "sms.unsubscribed": "Unsubscribed from text messages",
    "ticket.opened": _ticket("Opened a ticket"),
    "ticket.commented": _commented,
    "ticket.escalated": _ticket("A ticket was escalated"),
    "ticket.reopened": _ticket("Reopened a ticket"),
    "ticket.solved": "A ticket was solved",
    "ticket.rated": _with("Rated the support, of 100", "satisfaction"),
    "survey.asked": _with("Was asked a survey", "kind"),
    "survey.answered": _answered,
    "usage.recorded": _used,
    "account.seats_changed": _seats,
    "account.renewal_set": _for_money("A renewal date was set"),
    "contact.changed": _contact,
    "milestone.planned": _with("Milestone planned", "milestone"),
    "milestone.reached": _with("Milestone reached", "milestone"),
    "referral.made": "Referred somebody",
    "referral.converted": "Somebody they referred became a customer",
    "review.submitted": _with("Wrote a review, stars of 5", "rating"),
    "note.added": _with("A note was added", "author", " by "),
    "customer.created": "Became known to the shop",
    "customer.updated": "Customer details changed",
    "customer.merged": _merged,
    "customer.erased": "Asked to be erased",
    "customer.consent_changed": _consent,
    "customer.health_overridden": _overridden,
    "outreach.opened": _playbook("Playbook{playbook} opened"),
    "outreach.suppressed": _playbook("A trigger opened nothing"),
    "outreach.held_out": _playbook("Held out of playbook{playbook}, to measure it"),
    "outreach.message_sent": _sent,
    "outreach.message_not_sent": _not_sent,
    "outreach.task_completed": _task_completed,
    "outreach.closed": _closed,
    "outreach.withdrawn": _playbook("Playbook{playbook} withdrawn: others have the same trouble"),
    "outreach.feedback": _feedback,
    "trigger.fired": _fired,
    "trigger.cleared": _with("Rule cleared", "rule"),
}
