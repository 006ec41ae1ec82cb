"""What to do at each provider once its source is there: for the person who pastes the address."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import NamedTuple

RANDOM_BYTES = 32  # of a secret that we choose


class Setup(NamedTuple):
    """`make`: a secret from random bytes, where the provider lets us choose; None: the provider has one."""

    next: str
    make: Callable[[bytes], str] | None = None
    query: str = ""
    """What the address needs besides the source's name."""


def _plain(random: bytes) -> str:
    return urlsafe_b64encode(random).rstrip(b"=").decode()


def _standard(random: bytes) -> str:
    return f"whsec_{b64encode(random).decode()}"


SETUPS = {
    "shopify": Setup(
        "Add this address to the app's webhooks, one for each topic.\n"
        "The secret is the app's client secret; webhooks of the shop's own settings are signed with another."
    ),
    "woocommerce": Setup(
        "WooCommerce > Settings > Advanced > Webhooks: one for each topic, API v3, this address and secret.",
        _plain,
    ),
    "bigcommerce": Setup(
        "POST /hooks for each scope with this address as destination.\n"
        "The secret is the client secret of the app or API account."
    ),
    "stripe": Setup(
        "Developers > Webhooks: add an endpoint with this address and snapshot events.\n"
        "The secret is the endpoint's signing secret, whsec_..., shown once it is there."
    ),
    "recharge": Setup(
        "POST /webhooks for each topic, API 2021-11; put the topic at the end of each address, such as "
        "?topic=subscription/cancelled.\nThe secret is the token's client secret.",
        query="?topic=TOPIC",
    ),
    "klaviyo": Setup(
        "Create a webhook with this address as endpoint_url, this secret as secret_key, and your topics.",
        _plain,
    ),
    "zendesk": Setup(
        "Admin Center > Apps and integrations > Webhooks: create one with this address.\n"
        "The secret is its signing secret, shown once it is there."
    ),
    "segment": Setup(
        "Add a Webhooks (Actions) destination with this address and this shared secret; turn batching off.",
        _plain,
    ),
    "mailchimp": Setup(
        "Paste the address with this secret in place of SECRET; untick updates made via the API.\n"
        "If the webhook was made through the API, give its signing_secret to `rotate`: its forms are signed.",
        _plain,
        "?token=SECRET",
    ),
    "gorgias": Setup(
        "Settings > HTTP integrations: one for each trigger, POST, this address, "
        "the header X-Greenline-Token with this secret, and the body that docs/providers.md shows.",
        _plain,
    ),
    "intercom": Setup(
        "Developer Hub > your app > Webhooks: this address and the topics you use.\n"
        "The secret is the app's client secret."
    ),
    "typeform": Setup(
        "The form > Connect > Webhooks: add this address with this secret, and switch it on.", _plain
    ),
    "delighted": Setup(
        "Integrations > Webhooks: add this address.\nThe secret is the project's private API key."
    ),
    "standard": Setup("Have the sender post to this address, signed with this secret.", _standard),
}
_DECLARED = Setup("Have the provider post to this address; the secret is the one that its file speaks of.")


def setup_of(provider: str) -> Setup:
    return SETUPS.get(provider, _DECLARED)


def address(public_url: str, name: str, provider: str) -> str:
    """The URL to paste."""
    return f"{public_url.rstrip('/')}/webhooks/{name}{setup_of(provider).query}"
