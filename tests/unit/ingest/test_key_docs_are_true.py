"""What the pages say about API keys, reconciliation and silence is what the code does."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.ingest.__main__ import app
from services.ingest.adapters.provider_apis import discover as discover_apis
from services.ingest.adapters.provider_http import problem
from services.ingest.adapters.sources_file import read_sources
from services.ingest.domain.providers import discover
from tests.unit.ingest.test_provider_docs_are_true import TITLES

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "providers.md").read_text()
SECTION = PAGE[PAGE.index("## With an API key\n") : PAGE.index("\n## Shopify\n")]
ROWS = {cells[0]: cells for cells in (line.strip("| ").split(" | ") for line in SECTION.splitlines())}


def subscriptions(name: str) -> str:
    hooks = discover_apis()[name].hooks
    if hooks is None:
        return "-"
    return "made again" if hooks.make else "switched on"


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_provider_has_a_row_that_says_what_its_key_is_for(name: str):
    _, key, base, asked, compared, mended, lost = ROWS[TITLES.get(name, name.capitalize())]
    api, objects = discover_apis().get(name), discover()[name].objects
    assert len(lost) > 10
    if api is None or objects is None:
        assert (api, objects) == (None, None)
        assert (key, base, asked, compared, mended) == ("-",) * 5
        return
    assert key != "-"
    assert base == f"`{api.base or api.example}`"
    assert asked == ", ".join(sorted(api.objects))
    assert compared == (objects.listed or "-")
    assert (api.listing is not None) is (objects.listed is not None)
    assert mended == subscriptions(name)
    assert (mended == "made again") is bool(discover()[name].topics)


def test_the_source_of_the_page_can_be_used():
    (page,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)
    (source,) = read_sources(page).values()
    assert source.api_key is not None
    assert problem(source) is None
    assert "t0ken" not in repr(source)


def test_a_key_that_cannot_be_used_is_said_before_it_matters(tmp_path: Path):
    file = tmp_path / "sources.yaml"
    file.write_text(
        "sources: [{name: a, provider: zendesk, tenant: t, secrets: [s], api_key: k:very-secret}]"
    )
    said = CliRunner().invoke(app, ["check", str(file)])
    assert said.exit_code == 1
    assert "source a: api_base is missing: write https://SUBDOMAIN.zendesk.com" in said.output
    assert "very-secret" not in said.output
