"""A file of history is taken in once, whole, marked, by customers as live deliveries know them."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.events import build, encode
from libs.events.families.commerce import OrderPlaced
from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_PROFILES
from libs.runtime.event_rows import Origin
from services.ingest.adapters.history_file import HistoryFile, digest_of, open_history
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.people import Claim, Identifier
from services.ingest.domain.record import Record
from services.ingest.importing import Importer
from services.ingest.ports import Imported
from services.ingest.testing import MemoryIdentities
from services.ingest.testing_history import MemoryHistoryLog, MemoryImports
from tests.unit.ingest.shop import NOW, source

HEADER = "customer_id,time,type,amount,currency,order_id\n"
DAY = "2024-05-30"


class Stopping(MemoryHistoryLog):
    """Ends the process after so many appends: before the records land, or after."""

    def __init__(self, appends: int, *, landing: bool) -> None:
        super().__init__()
        self.left, self.landing = appends, landing

    async def append(self, records: Sequence[Record]) -> dict[int, int]:
        self.left -= 1
        if self.left == 0:
            if self.landing:
                await super().append(records)
            raise UnavailableError("the process was killed here")
        return await super().append(records)


class Desk:
    """An import's outside world, in memory."""

    def __init__(self, tmp_path: Path, text: str | bytes, provider: str = "standard") -> None:
        self.path = tmp_path / "history"
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.source = source(provider, backfill=True)
        self.identities, self.imports = MemoryIdentities(), MemoryImports()
        self.log: MemoryHistoryLog = MemoryHistoryLog()

    def file(self, chunk: int = 2) -> HistoryFile:
        origin = Origin("import:0", self.source.provider, "demo", self.source.origin, self.source.currency)
        return open_history(self.path, origin, chunk)

    async def run(self, chunk: int = 2) -> Imported:
        digest = digest_of(self.path)
        done = await self.imports.find("demo", digest)
        importer = Importer(
            source=self.source,
            identities=self.identities,
            log=self.log,
            imports=self.imports,
            now=lambda: NOW,
            max_amount=1_000_000,
            cache=100,
            batch=chunk,
        )
        begun = done or Imported("demo", digest, self.source.name, "history", "UTC")
        return await importer.run(self.file(chunk), begun, lambda _: None)

    def events(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in self.log.on(CUSTOMER_EVENTS.name)]


def lines(count: int) -> str:
    return HEADER + "".join(f"c{n % 3},{DAY},order,{n + 1}.00,USD,\n" for n in range(count))


async def test_history_is_marked_and_learned_of_now(tmp_path):
    desk = Desk(tmp_path, lines(5))
    done = await desk.run()
    assert done.events == {"order.placed": 5}
    for event in desk.events():
        assert event["backfill"] is True
        assert event["receivedat"] == NOW.isoformat().replace("+00:00", "Z")
        assert event["subject"].startswith("c_")
    assert len({event["subject"] for event in desk.events()}) == 3


async def test_importing_twice_gives_the_same_ids(tmp_path):
    first, second = Desk(tmp_path, lines(5)), Desk(tmp_path, lines(5))
    await first.run(chunk=2)
    await second.run(chunk=3)
    assert [event["id"] for event in first.events()] == [event["id"] for event in second.events()]


async def test_a_customer_who_is_known_stays_who_they_are(tmp_path):
    desk = Desk(tmp_path, lines(1))
    known = Claim("demo", (Identifier("standard.customer", "c0"),))
    (before,) = await desk.identities.resolve([known])
    await desk.run()
    assert desk.events()[0]["subject"] == before.customer


async def test_an_address_as_customer_is_an_address_and_goes_to_the_profile_alone(tmp_path):
    desk = Desk(tmp_path, f"{HEADER}Ada@Shopper.example,{DAY},order,5,USD,\n")
    await desk.run()
    (profile,) = desk.log.on(CUSTOMER_PROFILES.name)
    assert b"ada@shopper.example" in profile.value
    assert b"@" not in desk.log.on(CUSTOMER_EVENTS.name)[0].value.lower()


async def test_an_orders_own_number_is_remembered_and_makes_the_id(tmp_path):
    desk = Desk(tmp_path, f"{HEADER}7,{DAY},order,5,EUR,901\n7,{DAY},order,6,EUR,\n")
    await desk.run()
    assert desk.events()[0]["id"] == "standard:order:901:placed"
    assert desk.identities.objects() == {"901"}


@pytest.mark.parametrize("landing", [False, True])
@pytest.mark.parametrize("appends", [1, 2, 3])
async def test_a_killed_import_goes_on_and_tells_nothing_twice(tmp_path, appends, landing):
    desk = Desk(tmp_path, lines(5) + "broken\n")
    desk.log = Stopping(appends, landing=landing)
    with pytest.raises(UnavailableError):
        await desk.run()
    done = await desk.run()
    assert done.events == {"order.placed": 5}
    assert (done.refused, [line for line, _ in done.named]) == (1, [7])
    assert sorted(event["data"]["amount"] for event in desk.events()) == [f"{n}.00" for n in range(1, 6)]


async def test_people_and_objects_that_cannot_be_stored_stop_the_import(tmp_path):
    desk = Desk(tmp_path, lines(5))
    desk.identities.away = True
    with pytest.raises(UnavailableError):
        await desk.run()
    desk.identities.away = False
    assert (await desk.run()).events == {"order.placed": 5}
    assert len(desk.events()) == 5


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"c1,{DAY},order,2000000,USD,", "over the limit"),
        ("c1,2031-01-01,order,5,USD,", "in the future"),
        ("c1,1975-01-01,order,5,USD,", "before 1990"),
        ("c1,yesterday,order,5,USD,", "ISO 8601"),
        (f"c1,{DAY},order,5,USD,{'9' * 129}", "order_id is too long"),
    ],
)
async def test_a_line_that_cannot_be_used_is_named_and_the_rest_is_used(tmp_path, line, says):
    desk = Desk(tmp_path, f"{HEADER}{line}\nc2,{DAY},order,5,USD,\n")
    done = await desk.run()
    assert (len(desk.events()), done.refused) == (1, 1)
    assert done.named[0].line == 2
    assert says in done.named[0].what


def envelope(number: int, tenant: str = "demo") -> bytes:
    at = NOW - timedelta(days=number)
    data = OrderPlaced(order_id=f"{number}", amount="5.00", currency="USD")
    told = build(data, id=f"x:{number}", source="x", tenant=tenant, subject="7", time=at, receivedat=at)
    return encode(told)


async def test_envelopes_keep_their_ids_and_times_and_are_checked_like_others(tmp_path):
    closed = envelope(1).replace(b'"type":"order.placed"', b'"type":"customer.erased"')
    closed = closed.replace(b"order.placed", b"customer.erased").replace(b'"order_id"', b'"request_id"')
    desk = Desk(tmp_path, b"\n".join([envelope(1), envelope(2, "other"), closed, b"{", b""]))
    done = await desk.run()
    (event,) = desk.events()
    assert (event["id"], event["time"]) == ("x:1", "2024-05-31T12:00:00Z")
    reasons = dict(done.named)
    assert "tenant 'other' is not the source's" in reasons[2]
    assert "not for senders" in reasons[3]
    assert "truncated" in reasons[4]


async def test_a_role_address_alone_is_still_somebody_and_nothing_is_nobody(tmp_path):
    header = "Name,Email,Financial Status,Created at,Total,Lineitem quantity,Currency\n"
    rows = f"#1,,paid,{DAY} 10:00:00 +0000,5.00,1,USD\n#2,info@shopper.example,paid,{DAY},5.00,1,USD\n"
    desk = Desk(tmp_path, header + rows, "shopify")
    done = await desk.run()
    assert [event["data"]["order_id"] for event in desk.events()] == ["2"]
    assert "nobody" in done.named[0].what
