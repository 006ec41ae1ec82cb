"""The sources file."""

import contextlib
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.runtime.clock import FakeClock
from libs.runtime.errors import ConfigError
from services.ingest.__main__ import app
from services.ingest.adapters.sources_file import SourcesFile, load, read_sources
from services.ingest.domain.bucket import Limits
from services.ingest.domain.errors import UnavailableError
from tests.unit.ingest.declared import KINDRED

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
    assert source.live_secrets(0.0) == ("s3cr3t-1", "s3cr3t-2")
    assert "s3cr3t" not in repr(source)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- nothing", "sources:"),
        ("sources: {", "YAML"),
        ("sources: [{name: a, provider: shopify, tenant: t}]", "secrets"),
        ("sources: [{name: a, provider: shopify, tenant: t, secrets: []}]", "secrets"),
        ("sources: [{name: a, provider: shopify, tenant: t, secrets: ['']}]", "secret is empty"),
        (
            "sources: [{name: a, provider: standard, tenant: t, secrets: [whsec_]}]",
            "a: secret 1 is not base64",
        ),
        ("sources: [{name: a, provider: standard, tenant: t, secrets: [QUFB, '!!']}]", "a: secret 2 is not"),
        ("sources: [{name: a b, provider: shopify, tenant: t, secrets: [x]}]", "name"),
        ("sources: [{name: a, provider: fax, tenant: t, secrets: [x]}]", "no provider fax"),
        (
            "sources: [{name: a, provider: shopify, tenant: t, secrets: [x], limits: {burst: 1}}]",
            "per_second",
        ),
        (
            "sources: [{name: a, provider: shopify, tenant: t, secrets: [{value: x, retires_at: soon}]}]",
            "retires_at",
        ),
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


def test_the_file_of_the_docs_is_read_as_it_says():
    page = (Path(__file__).resolve().parents[3] / "docs" / "operations.md").read_text()
    (block,) = re.findall(r"```yaml\n(sources:.*?)```", page, re.DOTALL)
    site = read_sources(block)["site"]
    assert (site.limits, site.topics) == (Limits(per_second=50, burst=500), {"page", "track"})
    end = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    assert site.live_secrets(end - 1) == ("the-new-secret", "the-old-secret")
    assert site.live_secrets(end) == ("the-new-secret",)


def test_a_key_of_an_api_may_stand_in_the_file_and_is_never_shown():
    text = GOOD.replace("backfill: true", "api_key: s3cr3t-3, api_base: 'https://api.shop.example'")
    source = read_sources(text)["shop"]
    assert source.api_key is not None
    assert (source.api_key.get_secret_value(), source.api_base) == ("s3cr3t-3", "https://api.shop.example")
    assert "s3cr3t" not in repr(source) + str(source) + source.model_dump_json()


def test_the_error_never_shows_a_secret():
    with pytest.raises(ConfigError) as caught:
        read_sources("sources: [{name: a, provider: shopify, tenant: 'no good', secrets: [s3cr3t]}]")
    assert "s3cr3t" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        read_sources("sources: [{name: a, provider: standard, tenant: t, secrets: [whsec_s3cr3]}]")
    assert "s3cr3" not in str(caught.value)


NAMING = "providers: [kindred.yaml]\nsources: [{name: k, provider: kindred, tenant: demo, secrets: [x]}]"


def test_a_declared_provider_is_read_with_the_sources_that_use_it(tmp_path):
    (tmp_path / "kindred.yaml").write_text(KINDRED)
    (tmp_path / "sources.yaml").write_text(NAMING)
    loaded = load(tmp_path / "sources.yaml")
    assert (set(loaded.declared), loaded.sources["k"].provider) == ({"kindred"}, "kindred")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (NAMING.replace("[kindred.yaml]", "[other.yaml]"), "other.yaml:1: cannot be read"),
        (NAMING.replace("[kindred.yaml]", "[broken.yaml]"), "broken.yaml:1: name: field required"),
        (NAMING.replace("[kindred.yaml]", "[kindred.yaml, kindred.yaml]"), "declared by another file too"),
        (NAMING.replace("[kindred.yaml]", "kindred.yaml"), "not a list of files"),
        (NAMING.replace("providers: [kindred.yaml]", ""), "no provider kindred"),
        (
            NAMING.replace("kindred", "coded").replace("[x]", "[QUFB, '!!']"),
            "source k: secret 2 is not base64",
        ),
        ("sources: " + "[" * 5_000, "is not YAML"),  # YAML's reader gives up on such depth
    ],
)
def test_a_provider_file_that_is_wrong_says_where(tmp_path, text, says):
    (tmp_path / "kindred.yaml").write_text(KINDRED)
    (tmp_path / "broken.yaml").write_text(KINDRED.replace("name: kindred\n", ""))
    coded = KINDRED.replace("name: kindred", "name: coded").replace("verifier:", "verifier:\n  key: base64")
    (tmp_path / "coded.yaml").write_text(coded)
    (tmp_path / "sources.yaml").write_text(text)
    with pytest.raises(ConfigError, match=says):
        load(tmp_path / "sources.yaml")
    assert CliRunner().invoke(app, ["check", str(tmp_path / "sources.yaml")]).exit_code == 1


def test_the_check_of_a_good_file_says_what_is_in_it(tmp_path):
    (tmp_path / "kindred.yaml").write_text(KINDRED)
    (tmp_path / "sources.yaml").write_text(NAMING)
    answer = CliRunner().invoke(app, ["check", str(tmp_path / "sources.yaml")])
    assert (answer.exit_code, answer.stdout) == (0, "1 sources, 1 declared providers\n")


def test_a_changed_provider_file_is_read_again_and_a_broken_one_is_not(tmp_path):
    path, clock = tmp_path / "sources.yaml", FakeClock(datetime(2024, 1, 1, tzinfo=UTC))
    path.write_text(NAMING)
    sources, probes = SourcesFile(path, clock), []
    for text in ("oh: no", KINDRED, KINDRED.replace("[GET]", "[HEAD]"), "oh: no"):
        (tmp_path / "kindred.yaml").write_text(text)
        stamp = int(clock.wall() * 1e9)
        os.utime(tmp_path / "kindred.yaml", ns=(stamp, stamp))
        clock.advance(timedelta(seconds=1))
        with contextlib.suppress(UnavailableError):
            sources.find("k")
            probes.append(sources.provider("kindred").probes)
    assert probes == [{"GET"}, {"HEAD"}, {"HEAD"}]


def test_before_the_first_good_file_a_source_is_unavailable_and_not_unknown(tmp_path):
    (tmp_path / "sources.yaml").write_text("oh: no")
    sources = SourcesFile(tmp_path / "sources.yaml", FakeClock(datetime(2024, 1, 1, tzinfo=UTC)))
    with pytest.raises(UnavailableError):
        sources.find("shop")


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
