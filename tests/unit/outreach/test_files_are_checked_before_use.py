"""Playbooks, templates and the team: a fault is told with its file and line."""

from pathlib import Path

import pytest
import yaml
from jinja2.exceptions import SecurityError, UndefinedError

from libs.runtime.errors import ConfigError
from services.outreach.adapters.playbook_files import load_file, load_playbooks
from services.outreach.adapters.templates import Templates
from services.outreach.domain.people import Team
from services.outreach.domain.playbook import Playbook
from tests.unit.outreach.factories import SHIPPED, shipped

MID = (SHIPPED / "playbooks" / "mid-life.yaml").read_text()


def fault_of(tmp_path: Path, text: str) -> str:
    (tmp_path / "mid-life.yaml").write_text(text)
    library = shipped()
    with pytest.raises(ConfigError) as found:
        load_playbooks(tmp_path, library.templates, library.team)
    return str(found.value).replace(str(tmp_path) + "/", "")


def line_of(text: str, needle: str) -> int:
    return 1 + next(number for number, line in enumerate(text.splitlines()) if needle in line)


def test_what_ships_is_fine() -> None:
    assert [one.id for one in shipped().book] == ["loyal", "mid-life", "new-customer", "post-support"]


def test_every_shipped_message_renders_without_and_with_a_name() -> None:
    library = shipped()
    for playbook in library.book:
        words = {**playbook.content, "shop": "Shop", "unsubscribe_url": "http://u/1"}
        for name in playbook.templates:
            plain = library.templates.render(name, {**words, "first_name": ""})
            named = library.templates.render(name, {**words, "first_name": "<b>Ann</b>"})
            assert plain.subject
            assert "Hello," in plain.text
            assert "&lt;b&gt;Ann" in named.html
            assert "http://u/1" in plain.text
            assert "http://u/1" in plain.html


@pytest.mark.parametrize(
    ("wrong", "right", "expected"),
    [
        ("team: retention", "tema: retention", "tema"),
        ("  - wait: 6d", "  - wait: six days", "expected a length of time"),
        ("  order_within: 30d", "  order_within: 2h", "at least 1d"),
        ("    levels: [red]", "    levels: [purple]", "levels"),
        ("version: 1", "version: one", "version"),
    ],
)
def test_a_wrong_word_is_told_with_its_line(tmp_path: Path, wrong: str, right: str, expected: str) -> None:
    text = MID.replace(wrong, right)
    assert text != MID
    fault = fault_of(tmp_path, text)
    assert expected in fault
    assert f"mid-life.yaml:{line_of(text, right)}:" in fault


def test_broken_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    assert "mid-life.yaml:3:" in fault_of(tmp_path, "id: x\nsteps: [a, b\nversion: 1\n")


@pytest.mark.parametrize(
    ("wrong", "right", "expected"),
    [
        ("mid-life/feedback", "mid-life/nothing", "no template mid-life/nothing.txt.j2"),
        ("pool: retention", "pool: nobody", "no pool nobody"),
        (", feedback_question]", ", question]", "feedback_question not among variables"),
    ],
)
def test_what_a_playbook_names_must_exist(tmp_path: Path, wrong: str, right: str, expected: str) -> None:
    assert expected in fault_of(tmp_path, MID.replace(wrong, right))


def test_two_playbooks_may_not_take_the_same_customers(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(MID.replace("id: mid-life", "id: other"))
    assert "both take any rule for mid" in fault_of(tmp_path, MID)


def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    library = shipped()
    with pytest.raises(ConfigError, match="no playbooks"):
        load_playbooks(tmp_path, library.templates, library.team)


def test_a_message_may_use_declared_words_only(tmp_path: Path) -> None:
    (tmp_path / "m.txt.j2").write_text("Subject: Hi\n\n{{ shop }} {{ salary }}")
    (tmp_path / "m.html.j2").write_text("{% extends 'l.html.j2' %}")
    (tmp_path / "l.html.j2").write_text("{{ secret }}")
    faults = Templates(tmp_path).faults("m", ["shop"])
    assert faults == [
        "m.txt.j2: salary is not declared in variables",
        "m.html.j2: secret is not declared in variables",
    ]


def test_a_message_needs_a_subject_and_readable_syntax(tmp_path: Path) -> None:
    (tmp_path / "m.txt.j2").write_text("Hello")
    (tmp_path / "m.html.j2").write_text("{{ shop")
    assert "m.html.j2:1" in Templates(tmp_path).faults("m", ["shop"])[0]
    (tmp_path / "m.html.j2").write_text("{{ shop }}")
    assert Templates(tmp_path).faults("m", ["shop"]) == ["m.txt.j2:1: the first line must be `Subject: ...`"]


def test_templates_run_in_a_sandbox_and_an_unknown_word_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.html.j2").write_text("x")
    (tmp_path / "m.txt.j2").write_text("Subject: {{ shop }}\n\n{{ ''.__class__.__mro__ }}")
    with pytest.raises(SecurityError):
        Templates(tmp_path).render("m", {"shop": "s"})
    (tmp_path / "m.txt.j2").write_text("Subject: {{ nothing }}\n")
    with pytest.raises(UndefinedError):
        Templates(tmp_path).render("m", {"shop": "s"})


def test_a_name_cannot_write_headers(tmp_path: Path) -> None:
    (tmp_path / "m.html.j2").write_text("x")
    (tmp_path / "m.txt.j2").write_text("Subject: Hi {{ name }}\n\nBody")
    rendered = Templates(tmp_path).render("m", {"name": "Ann\r\nBcc: all@example.test"})
    assert "\n" not in rendered.subject
    assert "\r" not in rendered.subject


def test_the_team_file_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text("pools:\n  - name: a\n    people:\n      - {name: x, capacity: 0}\n")
    with pytest.raises(ConfigError, match=r"team.yaml:4: pools.0.people.0.capacity"):
        load_file(path, Team)
    with pytest.raises(ConfigError, match="No such file"):
        load_file(tmp_path / "none.yaml", Team)


def test_branches_do_not_nest() -> None:
    page = yaml.safe_load((SHIPPED / "playbooks" / "loyal.yaml").read_text())
    inner = page["steps"][0]["then"]["reached"][1]
    inner["then"] = {"resolved": [{"wait": "1d"}]}
    with pytest.raises(ValueError, match="at most 0"):
        Playbook.model_validate(page)
