"""The elements of a delivery, and what can be wrong with them before a provider file has said anything."""

import traceback
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from libs.runtime.logging import get_logger
from services.ingest.domain.errors import NotUnderstoodError, UnparsableError
from services.ingest.domain.plan import Delivery, Item, Objects, Provider, ignore, media_type
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source
from services.ingest.work import Work

_log = get_logger(__name__)


def elements(provider: Provider, delivery: Delivery, work: Work) -> Sequence[Node]:
    """What a delivery consists of. Whoever signed it means us: what cannot be read is kept, not refused."""
    if media_type(delivery.header("content-type")) not in provider.content_types:
        detail = "the content type is not one that this provider sends"
        work.fail(NotUnderstoodError("wrong_content_type", detail), Node(None))
        return ()
    try:
        nodes = provider.items(delivery)
    except UnparsableError as error:
        work.fail(NotUnderstoodError("unparsable", str(error)), Node(None))
        return ()
    if not nodes:
        work.fail(NotUnderstoodError("empty_batch", "the delivery has no elements"), Node(None))
    return nodes


def of_no_topic(provider: Provider, node: Node, delivery: Delivery, source: Source) -> Item:
    """Of a topic that the source does not use only what the law makes us honour is taken."""
    off = ignore("topic_off")
    try:
        item = provider.read(node, delivery, source)
    except Exception:  # noqa: BLE001 (whatever it says, nobody wants it)
        return off
    return off if item.request is None else item


def objects_of(provider: Provider) -> Objects:
    if provider.objects is None:
        raise NotUnderstoodError("thin_payload", f"{provider.name} has no objects that we could read")
    return provider.objects


def log_defect(provider: Provider, error: Exception) -> None:
    """Where it failed, without the message: that may repeat an address."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    _log.error("ingest.mapping_defect", provider=provider.name, error=type(error).__name__, where=where)


def first_fault(error: ValidationError) -> str:
    """Where a model refused a payload, without the payload's value."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['type']}"
