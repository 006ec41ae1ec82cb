"""A deleted ticket of Zendesk is no open trouble any more."""

import pytest

from tests.unit.ingest.shop import Shop, zendesk

DELETED = ["ticket.soft_deleted", "ticket.permanently_deleted"]


@pytest.mark.parametrize("action", DELETED)
async def test_a_known_ticket_closes_with_its_deletion(action: str):
    shop = Shop()
    opened = await shop.only("zendesk", zendesk("ticket.created"))
    closed = await shop.only("zendesk", zendesk(action, status="DELETED"))
    assert (closed["type"], closed["subject"]) == ("ticket.solved", opened["subject"])
    assert closed["data"]["ticket_id"] == "88"
    assert (await shop.post("zendesk", zendesk(action, status="DELETED"))).json()["events"] == [closed["id"]]


@pytest.mark.parametrize("action", DELETED)
async def test_a_ticket_nobody_told_of_makes_its_requester_no_customer(action: str):
    shop = Shop()
    assert await shop.ignored("zendesk", zendesk(action, status="DELETED")) == "anonymous"
    assert (shop.identities.book.owners, shop.letters.letters) == ({}, {})
