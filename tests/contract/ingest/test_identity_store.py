"""What an identity store promises."""

from services.ingest.domain.people import Anchor, Claim, Identifier
from services.ingest.ports import IdentityStore


def claim(
    *identifiers: tuple[str, str], anchors: tuple[Anchor, ...] = (), create: bool = True, **contact
) -> Claim:
    ids = tuple(Identifier(kind, value) for kind, value in identifiers)
    return Claim("demo", ids, anchors, tuple(contact.items()), create)


async def customer_of(store: IdentityStore, *identifiers: tuple[str, str], **more) -> str | None:
    return (await store.resolve([claim(*identifiers, **more)]))[0].customer


async def test_the_same_identifier_is_the_same_customer(identities):
    first = await customer_of(identities, ("email", "a@b.example"))
    assert first is not None
    assert await customer_of(identities, ("email", "a@b.example")) == first
    assert await customer_of(identities, ("email", "other@b.example")) != first


async def test_identifiers_that_come_together_become_one_customer(identities):
    first = await customer_of(identities, ("shopify.customer", "7"), ("email", "a@b.example"))
    assert await customer_of(identities, ("email", "a@b.example"), ("phone", "+15550100")) == first
    assert await customer_of(identities, ("phone", "+15550100")) == first


async def test_a_batch_sees_its_own_earlier_claims(identities):
    same = claim(("email", "a@b.example"))
    found = await identities.resolve([same, same, claim(("email", "z@b.example"))])
    assert [one.outcome for one in found] == ["created", "found", "created"]
    assert found[0].customer == found[1].customer != found[2].customer


async def test_tenants_do_not_share_customers(identities):
    one = Claim("one", (Identifier("email", "a@b.example"),))
    two = Claim("two", (Identifier("email", "a@b.example"),))
    found = await identities.resolve([one, two])
    assert found[0].customer != found[1].customer


async def test_a_device_alone_makes_nobody_but_finds_who_was_seen_on_it(identities):
    device = ("segment.anonymous", "dev-1")
    assert await customer_of(identities, device) is None
    known = await customer_of(identities, ("email", "a@b.example"), device)
    assert await customer_of(identities, device) == known


async def test_a_device_follows_the_person_last_seen_on_it(identities):
    device = ("segment.anonymous", "dev-1")
    await customer_of(identities, ("segment.user", "u1"), device)
    second = await customer_of(identities, ("segment.user", "u2"), device)
    assert await customer_of(identities, device) == second


async def test_an_address_does_not_join_two_ids_that_a_provider_tells_apart(identities):
    first = await customer_of(identities, ("shopify.customer", "1"), ("email", "family@b.example"))
    found = (await identities.resolve([claim(("shopify.customer", "2"), ("email", "family@b.example"))]))[0]
    assert found.customer != first
    assert found.conflicts == 1
    assert await customer_of(identities, ("shopify.customer", "2")) == found.customer
    known = (await identities.who(["family@b.example"]))[0]
    assert ("email", "family@b.example", True) in known.identifiers


async def test_a_link_found_later_merges_two_customers(identities):
    shop = await customer_of(identities, ("shopify.customer", "1"), ("email", "a@b.example"), name="Ada")
    profile = await customer_of(identities, ("klaviyo.profile", "K1"), locale="en")
    found = (await identities.resolve([claim(("klaviyo.profile", "K1"), ("email", "a@b.example"))]))[0]
    assert {found.customer, *found.merged} == {shop, profile}
    for one in (("shopify.customer", "1"), ("klaviyo.profile", "K1"), ("email", "a@b.example")):
        assert await customer_of(identities, one) == found.customer
    assert found.profile == {"name": "Ada", "locale": "en"}
    assert (await identities.who(["K1"]))[0].merged_from == found.merged


async def test_an_object_finds_its_customer_and_what_was_said_of_it(identities):
    order = Anchor("shopify/order", "900", "20.00 USD")
    owner = await customer_of(identities, ("email", "a@b.example"), anchors=(order,))
    found = (await identities.resolve([claim(anchors=(Anchor("shopify/order", "900"),))]))[0]
    assert found.customer == owner
    assert [detail for _, detail in found.details] == ["20.00 USD"]


async def test_an_unknown_object_is_nobodys(identities):
    found = (await identities.resolve([claim(anchors=(Anchor("shopify/order", "901"),))]))[0]
    assert found.customer is None
    assert found.outcome == "unknown"


async def test_a_remembered_object_keeps_its_first_owner_and_detail(identities):
    owner = await customer_of(identities, ("email", "a@b.example"))
    await identities.remember([("demo", owner, Anchor("shopify/order", "1", "5.00 USD"))] * 2)
    await identities.remember([("demo", "c_other", Anchor("shopify/order", "1", "9.00 USD"))])
    found = (await identities.resolve([claim(anchors=(Anchor("shopify/order", "1"),))]))[0]
    assert (found.customer, [detail for _, detail in found.details]) == (owner, ["5.00 USD"])


async def test_a_profile_grows_and_the_last_word_wins(identities):
    await customer_of(identities, ("email", "a@b.example"), name="Ada", locale="en")
    found = (await identities.resolve([claim(("email", "a@b.example"), name="Ada L.", email_consent=True)]))[
        0
    ]
    assert found.profile == {"name": "Ada L.", "locale": "en", "email_consent": True}


async def test_who_explains_by_an_identifier_and_by_our_own_id(identities):
    owner = await customer_of(identities, ("email", "a@b.example"), name="Ada")
    for value in ("a@b.example", owner):
        (known,) = await identities.who([value, "nobody"])
        assert (known.tenant, known.customer, known.profile) == ("demo", owner, {"name": "Ada"})
        assert known.identifiers == (("email", "a@b.example", False),)


async def test_a_lookup_that_may_not_create_leaves_no_trace(identities):
    assert await customer_of(identities, ("email", "a@b.example"), create=False) is None
    assert await identities.who(["a@b.example"]) == []


async def test_a_familys_computer_joins_nobody(identities):
    device = ("segment.anonymous", "dev-1")
    first = await customer_of(identities, ("shopify.customer", "1"), device)
    second = await customer_of(identities, ("email", "other@b.example"), device)
    assert second != first
    assert await customer_of(identities, device) == second
