"""docs/providers.md: its tables have a row for every provider, and its snippets run."""

import hmac
import json
import re
from pathlib import Path

import pytest

from services.ingest.adapters.sources_file import load
from services.ingest.domain.providers import discover
from services.ingest.testing import FixedSources
from tests.unit.ingest.shop import Shop

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "providers.md").read_text()
TITLES = {"standard": "Standard Webhooks", "woocommerce": "WooCommerce", "bigcommerce": "BigCommerce"}


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCS, re.DOTALL)


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_provider_has_its_rows_and_section(name):
    title = TITLES.get(name, name.capitalize())
    assert f"\n| `{name}` | " in DOCS
    assert f"\n| {title} | " in DOCS
    assert f"\n## {title}\n" in DOCS


@pytest.mark.parametrize(
    ("event", "values", "found"),
    [
        ("ticket-created", {}, ["ticket.opened"]),
        ("ticket-message-created", {}, ["ticket.commented"]),
        ("ticket-status-updated", {"ticket.status": "closed"}, ["ticket.solved"]),
        ("ticket-status-updated", {}, ["ticket.reopened"]),
        (
            "ticket-updated",
            {
                "ticket.satisfaction_survey.score": "4",
                "ticket.satisfaction_survey.sent_datetime": "2024-05-31",
            },
            ["survey.asked", "ticket.rated"],
        ),
    ],
)
async def test_the_template_for_gorgias_is_understood(event, values, found):
    said = {"ticket.id": "4400", "ticket.status": "open", "ticket.customer.email": "ada@shopper.example"}
    said |= {f"ticket.{name}_datetime": "2024-05-31 08:00:00" for name in ("created", "updated")}
    said |= {"ticket.last_message.id": "8", "ticket.last_message.created_datetime": "2024-05-31 08:00:00"}
    said |= {"ticket.last_message.from_agent": "False", **values}
    (template,) = (block for block in blocks("json") if "satisfaction_survey" in block)
    body = re.sub(r"\{\{(.*?)\}\}", lambda name: said.get(name[1], "None"), template)
    shop = Shop()
    await shop.post("gorgias", {**json.loads(body), "event": event})
    assert [one["type"] for one in shop.events()] == found


async def test_the_declared_provider_runs(tmp_path):
    sources, stars = blocks("yaml")[-2:]
    (tmp_path / "sources.yaml").write_text(sources)
    (tmp_path / "stars.yaml").write_text(stars)
    loaded = load(tmp_path / "sources.yaml")
    shop = Shop(sources=FixedSources(*loaded.sources.values(), declared=[*loaded.declared.values()]))
    delivery, number = re.findall(r"A delivery `(\{.*?\})` becomes `(.*?)`", DOCS, re.DOTALL)[0]
    stamp, raw = str(int(shop.clock.wall())), delivery.encode()
    proof = "v1=" + hmac.digest(b"s3cr3t", f"{stamp}.".encode() + raw, "sha256").hex()
    headers = {"content-type": "application/json", "x-stars-time": stamp, "x-stars-signature": proof}
    answer = await shop.request("POST", "/webhooks/reviews", raw, headers)
    assert answer.json()["events"] == [number]
    (event,) = shop.events()
    assert event["data"] == {"review_id": "r1", "rating": 4, "product_id": "p9"}
