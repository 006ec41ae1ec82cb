"""What an answer to bad input must be."""

from tests.unit.ingest.shop import Shop


def assert_problem(answer, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


async def assert_dead_letter(shop: Shop, answer, reason: str) -> None:
    assert answer.status_code == 202
    body = answer.json()
    assert body["events"] == []
    assert body["dead_letter"] == reason
    assert shop.letters.letters[body["reference"]].reason == reason
    assert shop.events() == []
