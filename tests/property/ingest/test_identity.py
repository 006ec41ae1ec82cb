"""Laws of identity, whatever arrives in whatever order."""

from itertools import count

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.ingest.domain.identity import Book, is_provider_id, settle
from services.ingest.domain.people import Claim, Identifier, normal_email, normal_phone

KINDS = ["shopify.customer", "klaviyo.profile", "email", "phone", "segment.anonymous"]
RANK = {kind: place for place, kind in enumerate(KINDS)}
identifiers = st.builds(Identifier, st.sampled_from(KINDS), st.sampled_from(["1", "2", "3"]))
claims = st.lists(identifiers, min_size=1, max_size=4, unique_by=lambda one: one.kind).map(
    lambda ids: Claim("demo", tuple(sorted(ids, key=lambda one: RANK[one.kind])))
)


def settle_all(given_claims: list[Claim]) -> tuple[Book, list[str | None]]:
    book, numbers = Book(), count()
    return book, [settle(book, claim, lambda: f"c_{next(numbers)}").customer for claim in given_claims]


@given(st.lists(claims, max_size=12))
@settings(max_examples=300, deadline=None)
def test_a_provider_id_never_changes_hands_unless_its_customer_was_merged(given_claims):
    book, numbers = Book(), count()
    for claim in given_claims:
        before = dict(book.owners)
        merged = settle(book, claim, lambda: f"c_{next(numbers)}").merged
        for key, owner in before.items():
            if key[1] != "segment.anonymous":
                assert book.owners[key] == owner or owner in merged


def one_provider(claim: Claim) -> bool:
    return sum(is_provider_id(found.kind) for found in claim.identifiers) <= 1


@given(st.lists(claims.filter(one_provider), max_size=12))
@settings(max_examples=300, deadline=None)
def test_no_address_or_phone_joins_two_ids_of_one_provider(given_claims):
    book, _ = settle_all(given_claims)
    held: dict[tuple[str, str], set[str]] = {}
    for (_, kind, value), owner in book.owners.items():
        if is_provider_id(kind):
            held.setdefault((owner, kind), set()).add(value)
    assert all(len(values) == 1 for values in held.values())


@given(st.lists(claims, min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_settling_the_same_claim_again_changes_nothing(given_claims):
    book, _ = settle_all(given_claims)
    first = settle(book, given_claims[-1], lambda: "c_first")
    owners = dict(book.owners)
    second = settle(book, given_claims[-1], lambda: "c_second")
    assert second.customer == first.customer
    assert second.outcome != "created"
    assert second.merged == ()
    assert book.owners == owners


@given(st.lists(claims, max_size=12))
@settings(max_examples=300, deadline=None)
def test_two_ids_of_a_kind_in_one_claim_are_one_customer_unless_another_kind_tells_them_apart(given_claims):
    book, _ = settle_all(given_claims)
    both = tuple(Identifier("klaviyo.profile", value) for value in ("1", "2"))
    before = [book.owners.get(("demo", *one)) for one in both]
    shops = [book.provider_ids.get(("demo", owner or ""), {}).get("shopify.customer") for owner in before]
    settle(book, Claim("demo", both), lambda: "c_new")
    one, other = (book.owners["demo", *found] for found in both)
    assert (one == other) is (before[0] == before[1] or not all(shops) or None in before)


@given(st.text(max_size=60) | st.emails())
@settings(deadline=None)
def test_a_normal_address_is_normal_already(text):
    found = normal_email(text)
    assert found is None or normal_email(found) == found


@given(st.text(max_size=20) | st.from_regex(r"\+?[0-9 ()-]{7,16}", fullmatch=True))
@example("+82 000 000 00")
@example("+82 000 000 000")
@settings(deadline=None)
def test_a_normal_phone_number_is_normal_already(text):
    found = normal_phone(text, "US")
    assert found is None or normal_phone(found, "DE") == found
