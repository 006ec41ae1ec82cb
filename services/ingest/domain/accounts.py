"""Whose delivery it is: the account it names, compared with its source's.

One app of a provider may serve several shops with one secret: a signature says nothing of which.
"""

from collections.abc import Callable
from dataclasses import replace

from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.plan import Delivery, Item, Provider
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source

OTHER = "other_account"
Named = Callable[[Delivery, Node], tuple[str | None, ...]]

# Each place where a delivery says it: all of them must agree, for headers are covered by no signature.
ACCOUNTS: dict[str, Named] = {
    "shopify": lambda delivery, node: (
        delivery.header("x-shopify-shop-domain"),
        delivery.header("shopify-shop-domain"),
        node.at("shop_domain").text(),
    ),
    "intercom": lambda _, node: (node.at("app_id").text(),),
    "stripe": lambda _, node: (node.at("account").text(),),
    "bigcommerce": lambda _, node: (node.at("producer").text(),),
}


def require(account: str, named: tuple[str | None, ...]) -> None:
    """What names no account passes. Raises NotUnderstoodError."""
    if any(name and name.casefold() != account.casefold() for name in named):
        raise NotUnderstoodError(OTHER, "it names an account that is not the source's")


def of_own_account(provider: Provider) -> Provider:
    """As the provider reads, but of the source's own account only."""
    named = ACCOUNTS.get(provider.name)
    if named is None:
        return provider

    def read(node: Node, delivery: Delivery, source: Source) -> Item:
        if source.account is not None:
            require(source.account, named(delivery, node))
        return provider.read(node, delivery, source)

    return replace(provider, read=read)


def fault_of_account(source: Source) -> str | None:
    """What is wrong with an account that a source names: it would protect nothing."""
    if source.account is None or source.provider in ACCOUNTS:
        return None
    return f"account: deliveries of {source.provider} name none; those of {', '.join(sorted(ACCOUNTS))} do"


class OwnAccounts:
    """Finds providers as another finder does, each once, reading their own account only."""

    def __init__(self, find: Callable[[str], Provider]) -> None:
        self._find = find
        self._known: dict[str, tuple[Provider, Provider]] = {}

    def __call__(self, name: str) -> Provider:
        """Raises KeyError as the finder does. A file may declare a provider anew."""
        found, known = self._find(name), self._known.get(name)
        if known is None or known[0] is not found:
            known = self._known[name] = (found, of_own_account(found))
        return known[1]
