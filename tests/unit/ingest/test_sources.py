"""The sources file."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from libs.runtime.clock import FakeClock
from libs.runtime.errors import ConfigError
from services.ingest.adapters.sources_file import SourcesFile, read_sources

PUBLISHED = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # what Zendesk signs every test with
GOOD = """
sources:
  - {name: shop, provider: shopify, tenant: demo, currency: EUR,
     secrets: [s3cr3t-1, s3cr3t-2], backfill: true}
"""


def test_a_source_is_read():
    source = read_sources(GOOD)["shop"]
    assert (source.provider, source.tenant, source.currency, source.backfill) == (
        "shopify",
        "demo",
        "EUR",
        True,
    )
    assert source.live_secrets() == ("s3cr3t-1", "s3cr3t-2")
    assert "s3cr3t" not in repr(source)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- nothing", "sources:"),
        ("sources: {", "YAML"),
        ("sources: [{name: a, provider: shopify, tenant: t}]", "secrets"),
        ("sources: [{name: a, provider: shopify, tenant: t, secrets: []}]", "secrets"),
        ("sources: [{name: a, provider: shopify, tenant: t, secrets: ['']}]", "secret is empty"),
        ("sources: [{name: a b, provider: shopify, tenant: t, secrets: [x]}]", "name"),
        ("sources: [{name: a, provider: fax, tenant: t, secrets: [x]}]", "no provider fax"),
        (
            f"sources: [{{name: z, provider: zendesk, tenant: t, secrets: ['{PUBLISHED}']}}]",
            "published",
        ),
        (GOOD + "  - {name: shop, provider: shopify, tenant: other, secrets: [x]}", "same name"),
    ],
)
def test_a_file_that_is_wrong_says_where(text, says):
    with pytest.raises(ConfigError, match=says):
        read_sources(text)


def test_the_error_never_shows_a_secret():
    with pytest.raises(ConfigError) as caught:
        read_sources("sources: [{name: a, provider: shopify, tenant: 'no good', secrets: [s3cr3t]}]")
    assert "s3cr3t" not in str(caught.value)


def test_a_changed_file_is_read_again_and_a_broken_one_is_not(tmp_path):
    path, clock = tmp_path / "sources.yaml", FakeClock(datetime(2024, 1, 1, tzinfo=UTC))
    sources = SourcesFile(path, clock)
    assert sources.find("shop") is None
    for text, tenant in ((GOOD, "demo"), (GOOD.replace("demo", "other"), "other"), ("oh: no", "other")):
        path.write_text(text)
        stamp = int(clock.wall() * 1e9)
        os.utime(path, ns=(stamp, stamp))
        clock.advance(timedelta(seconds=1))
        found = sources.find("shop")
        assert found is not None
        assert found.tenant == tenant
