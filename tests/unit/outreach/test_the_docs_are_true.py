"""docs/playbooks.md: its example loads, and it names every reason there is."""

import re
from pathlib import Path

import yaml

from services.outreach.domain import decide, messages
from services.outreach.domain.playbook import Playbook
from tests.unit.outreach.factories import SHIPPED, shipped

DOCS = (SHIPPED.parents[1] / "docs" / "playbooks.md").read_text()


def test_the_example_page_is_a_playbook() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    page = Playbook.model_validate(yaml.safe_load(block))
    library = shipped()
    assert all(
        library.templates.faults(name, ["first_name", "shop", "unsubscribe_url", "feedback_question"]) == []
        for name in page.templates
    )


def test_every_reason_is_explained() -> None:
    sources = [Path(module.__file__ or "").read_text() for module in (decide, messages)]
    sources.append((SHIPPED / "relay.py").read_text())
    codes = {code for source in sources for code in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', source)}
    assignments = {"playbook-holdout", "programme-holdout", "not-sent", "quiet-hours"}
    assert {code for code in codes - assignments if f"`{code}`" not in DOCS} == set()
