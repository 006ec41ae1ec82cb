"""Identity with a bounded memory in front: a customer seen before costs no round trip."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from libs.runtime.logging import get_logger
from services.ingest.batcher import Batcher
from services.ingest.domain.errors import OverloadedError, UnavailableError, UnstorableError
from services.ingest.domain.identity import Key, Owner, Profile, Resolution
from services.ingest.domain.people import WEAK, Anchor, Claim
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import IdentityStore

_log = get_logger(__name__)
_ANCHOR_RETRY_S = 1.0
_STRANGER_S = 30.0  # how long a device that nobody was seen on is not asked about again


class IdentityDesk:
    """Answers claims from memory when everything in them is known; else asks the store, in batches."""

    def __init__(self, store: IdentityStore, metrics: IngestMetrics, capacity: int, wait_s: float) -> None:
        self._store = store
        self._metrics = metrics
        self._capacity = capacity
        self._wait_s = wait_s
        self._owners: OrderedDict[Key, tuple[str, str | None]] = OrderedDict()  # customer, detail
        self._profiles: OrderedDict[Owner, Profile] = OrderedDict()
        self._merged: OrderedDict[Owner, str] = OrderedDict()
        self._strangers: OrderedDict[Key, float] = OrderedDict()  # until when, by the loop's clock
        self._claims: Batcher[Claim, Resolution] = Batcher(store.resolve, culprit=UnstorableError)
        self._anchors: Batcher[tuple[str, str, Anchor], None] = Batcher(
            self._remember, culprit=UnstorableError
        )
        self._writing: set[asyncio.Task[None]] = set()

    async def resolve(self, claim: Claim) -> Resolution:
        """Raises UnavailableError when the store is needed and away, UnstorableError if it refuses this."""
        cached = self._from_memory(claim)
        if cached is not None and self._profile_is_known(claim, cached.customer):
            self._metrics.identity("cached").inc()
            self._note_anchors(claim, cached.customer)
            return cached
        if self._is_stranger(claim):
            self._metrics.identity("unknown").inc()
            return Resolution(None, "unknown")
        try:
            found = await self._claims.submit(claim, self._wait_s)
        except (UnavailableError, TimeoutError) as error:
            return self._without_store(claim, cached, error)
        self._learn(claim, found)
        return found

    def published(self, tenant: str, customer: str, profile: Profile) -> None:
        """Call once a profile is durable: until then its next delivery must try again."""
        _put(self._profiles, (tenant, customer), profile, self._capacity)

    def evict(self, tenant: str, customer: str | None = None) -> None:
        """Nothing is remembered of a customer (or a whole tenant) who has been erased."""
        for key in [
            key for key, (owner, _) in self._owners.items() if _is_of(tenant, customer, key[0], owner)
        ]:
            del self._owners[key]
        for of in [of for of in self._profiles if _is_of(tenant, customer, *of)]:
            del self._profiles[of]

    async def finish(self) -> None:
        """Write what is still to be written."""
        await self._anchors.finish()
        if self._writing:
            await asyncio.wait(self._writing)

    def _from_memory(self, claim: Claim) -> Resolution | None:
        """The claim's customer if every identifier is known here (without any: if its object is)."""
        tenant = claim.tenant
        customer: str | None = None
        for found in claim.identifiers:
            known = self._owners.get((tenant, found.kind, found.value))
            if known is None or (customer is not None and customer != known[0] and claim.joined):
                return None  # the store decides about two who are said to be one
            customer = customer or known[0]
        details = []
        for anchor in claim.anchors:
            key = (tenant, anchor.kind, anchor.value)
            known = self._owners.get(key)
            if known is not None:
                self._owners.move_to_end(key)
                customer = customer or known[0]
                details += [(anchor, known[1])] if known[1] else []
        if customer is None:
            return None
        for found in claim.identifiers:
            self._owners.move_to_end((tenant, *found))
        return Resolution(self._merged.get((tenant, customer), customer), "known", details=tuple(details))

    def _is_stranger(self, claim: Claim) -> bool:
        """Whether the store has just said that it knows none of these devices."""
        if claim.anchors or claim.names_somebody:
            return False
        now = asyncio.get_running_loop().time()
        return all(self._strangers.get((claim.tenant, *one), 0.0) > now for one in claim.identifiers)

    def _profile_is_known(self, claim: Claim, customer: str | None) -> bool:
        if not claim.contact:
            return True
        known = self._profiles.get((claim.tenant, customer or ""))
        return known is not None and all(known.get(name) == value for name, value in claim.contact)

    def _without_store(self, claim: Claim, cached: Resolution | None, error: Exception) -> Resolution:
        """PostgreSQL is away: who is known goes on, without the new contact details."""
        if cached is None:
            raise UnavailableError("this customer is not known here and PostgreSQL is away") from error
        self._metrics.profiles_skipped.inc()
        self._metrics.identity("cached").inc()
        self._note_anchors(claim, cached.customer)
        return cached

    def _learn(self, claim: Claim, found: Resolution) -> None:
        self._metrics.identity(found.outcome).inc()
        self._metrics.conflicts.inc(found.conflicts)
        self._metrics.merges.inc(len(found.merged))
        if found.customer is None:
            until = asyncio.get_running_loop().time() + _STRANGER_S
            for one in claim.identifiers:
                if one.kind in WEAK:
                    _put(self._strangers, (claim.tenant, *one), until, self._capacity)
            return
        for gone in found.merged:
            _put(self._merged, (claim.tenant, gone), found.customer, self._capacity)
            self._profiles.pop((claim.tenant, gone), None)
        for one in claim.identifiers:
            self._strangers.pop((claim.tenant, *one), None)
            _put(self._owners, (claim.tenant, *one), (found.customer, None), self._capacity)
        details = dict(found.details)
        for anchor in claim.anchors:
            value = (found.customer, details.get(anchor, anchor.detail))
            _put(self._owners, (claim.tenant, anchor.kind, anchor.value), value, self._capacity)

    def _note_anchors(self, claim: Claim, customer: str | None) -> None:
        """Remember new objects: here at once, in the store shortly after; the answer does not wait for it.

        A crash in between loses only the shortcut from this object to its customer: the object's next
        delivery that names the customer brings it back.
        """
        for anchor in claim.anchors:
            key = (claim.tenant, anchor.kind, anchor.value)
            if customer is None or key in self._owners:
                continue
            _put(self._owners, key, (customer, anchor.detail), self._capacity)
            task = asyncio.create_task(self._write_anchor((claim.tenant, customer, anchor)))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write_anchor(self, anchor: tuple[str, str, Anchor]) -> None:
        try:
            await self._anchors.submit(anchor)
        except (UnavailableError, OverloadedError, UnstorableError):
            self._metrics.anchors_lost.inc()

    async def _remember(self, anchors: Sequence[tuple[str, str, Anchor]]) -> list[None]:
        try:
            await self._store.remember(anchors)
        except UnavailableError:
            _log.warning("ingest.anchors_waiting", anchors=len(anchors))
            await asyncio.sleep(_ANCHOR_RETRY_S)
            await self._store.remember(anchors)
        return [None] * len(anchors)


def _put(memory: OrderedDict[Any, Any], key: Any, value: Any, capacity: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > capacity:
        memory.popitem(last=False)


def _is_of(tenant: str, customer: str | None, its_tenant: str, its_customer: str) -> bool:
    return tenant == its_tenant and customer in {None, its_customer}
