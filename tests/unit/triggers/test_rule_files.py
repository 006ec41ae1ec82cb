"""Rule files: what is wrong is said as file:line: message, all of it at once."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.runtime.errors import ConfigError
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stream.settings import StreamSettings
from services.triggers.__main__ import app
from services.triggers.adapters.rule_file import MAX_BYTES, SHIPPED, RuleFileError, load, locate, parse
from services.triggers.app import run
from services.triggers.domain.rules import parse_duration
from services.triggers.settings import TriggersSettings
from tests.unit.triggers.shop import rule_text

GOOD = rule_text("score < 3")
BOMB = [*pairwise("abcdefghi")]


def problems(text: str) -> list[str]:
    with pytest.raises(RuleFileError) as error:
        parse(text, "my.yaml")
    return str(error.value).splitlines()


@pytest.mark.parametrize("name", ["standard", "evidenced"])
def test_a_shipped_set_is_named_without_a_path_and_each_rule_has_its_team(name: str) -> None:
    rules = load(locate(Path(name)))
    assert [(rule.id, rule.level) for rule in rules] == [
        ("engagement-drop", "yellow"),
        ("order-frequency-drop", "yellow"),
        ("email-disengaged", "yellow"),
        ("visit-without-purchase", "yellow"),
        ("no-site-activity", "red"),
        ("return-without-purchase", "red"),
        ("negative-support-unresolved", "red"),
        ("subscription-pause-or-cancel", "red"),
        ("usage-drop", "account"),
        ("champion-change", "account"),
        ("support-spike", "account"),
        ("renewal-at-risk", "account"),
        ("onboarding-stalled", "account"),
        ("expansion-ready", "green"),
        ("advocate-ready", "green"),
        ("no-second-order", "yellow"),
        ("loyal-decline", "yellow"),
        ("band-left-green", "yellow"),
        ("band-turned-red", "red"),
        ("band-recovered", "green"),
    ]
    assert all(rule.labels["team"] and rule.labels["shows"] for rule in rules)


def test_a_file_of_that_name_goes_before_the_shipped_set(tmp_path: Path) -> None:
    own = tmp_path / "evidenced"
    own.write_text(GOOD)
    assert locate(own) == own
    assert locate(None) == locate(Path("standard")) == SHIPPED["standard"]
    assert locate(Path("./nothing")) == Path("./nothing")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "my.yaml:1: is empty"),
        ("rules: [", "my.yaml:1: not YAML"),
        ("- 1", "my.yaml:1: rules: Input should be"),
        ("rules: []", "my.yaml:1: rules: List should have at least 1 item"),
        ("a: !!python/object/apply:os.system [id]", "my.yaml:1: not YAML: could not determine a constructor"),
        (GOOD.replace("level: red", "level: crimson"), "my.yaml:3: level: Input should be 'yellow', 'red'"),
        (
            GOOD.replace("score < 3", "scor < 3"),
            "my.yaml:5: probe: when: unknown column 'scor', did you mean 'score'?",
        ),
        (GOOD.replace("score < 3", ">-\n      score <\n      3 3"), "my.yaml:6: probe: when: not SQL"),
        (GOOD.replace("{score}", "{scor}"), "my.yaml:7: probe: annotations: unknown column 'scor'"),
        (GOOD.replace("{team: tests}", "{owner: tests}"), "my.yaml:6: labels: team is missing"),
        (GOOD.replace("    title: Probe\n", ""), "my.yaml:2: title: Field required"),
        (GOOD + "    clears: score > 3\n", "my.yaml:8: clears: Extra inputs are not permitted"),
        (GOOD + "    for: a while\n", "my.yaml:8: for: 'a while' is not a span of time"),
        (GOOD + "    cooldown: 9000d\n", "my.yaml:8: cooldown: '9000d' is longer than ten years"),
        (GOOD + "    when: score > 4\n", "my.yaml:8: when is there twice"),
        (GOOD + "    segments: vip\n", "my.yaml:8: segments: Input should be a valid list"),
        (GOOD + GOOD.removeprefix("rules:\n"), "my.yaml:8: rule probe is there twice"),
        (
            GOOD.replace('"score {score}"', '"x", shows: [scor]'),
            "my.yaml:7: probe: annotations: unknown column",
        ),
        (GOOD.replace("{team: tests}", "{team: tests, shows: nps}"), "my.yaml:6: labels: shows stands under"),
        (GOOD + "    for: 2001-99-99\n", "my.yaml:8: '2001-99-99' is not a value: put it in quotes"),
        (GOOD + "    cooldown: " + "9" * 5000 + "\n", "my.yaml:8: '9999"),
        (GOOD + "    crossing: !!bool x\n", "my.yaml:8: 'x' is not a value"),
        (GOOD + "    for: !!int x\n", "my.yaml:8: 'x' is not a value"),
        (GOOD + "    for: !!timestamp x\n", "my.yaml:8: 'x' is not a value"),
        (GOOD + "    for: 9999999999999999w\n", "my.yaml:8: for: '9999999999999999w' is not a span of time"),
        (
            GOOD.replace("when: score < 3", "when: \"segment = '\\ud800'\""),
            "my.yaml:5: \"segment = '\\ud800'\" is",
        ),
        (
            "a: &a [x]\n"
            + "".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in BOMB),
            "my.yaml:1: has more than 100000 values",
        ),
        (
            "a: &a [x]\n"
            + "".join(f"{name}: &{name} {{{', '.join([f'k: *{before}'] * 9)}}}\n" for before, name in BOMB),
            "my.yaml:1: has more than 100000 values",
        ),
    ],
)
def test_what_is_wrong_is_named_by_line(text: str, said: str) -> None:
    assert any(line.startswith(said) for line in problems(text)), problems(text)


def test_one_bad_rule_does_not_hide_the_next() -> None:
    second = GOOD.removeprefix("rules:\n").replace("probe", "other").replace("score < 3", "sum(score) < 3")
    assert len(problems(GOOD.replace("level: red", "level: crimson") + second)) == 2


def test_a_file_that_is_not_there_or_too_large_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match="cannot be read"):
        load(tmp_path / "none.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(RuleFileError, match="larger than"):
        load(tmp_path / "large.yaml")


def test_more_rules_than_a_row_has_room_for_are_refused() -> None:
    one = GOOD.removeprefix("rules:\n")
    text = "rules:\n" + "".join(one.replace("probe", f"probe-{i}") for i in range(65))
    assert "at most 64" in problems(text)[0]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0", timedelta(0)),
        (0, timedelta(0)),
        ("90s", timedelta(seconds=90)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("2w", timedelta(days=14)),
        ("15m", timedelta(minutes=15)),
    ],
)
def test_spans_are_prometheus_spans(text: object, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "1", "1 d", "d", "-1d", "1.5d", "1y", 5, None, "1d" * 30, "9999999999999999w"]
)
def test_other_spans_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="span of time"):
        parse_duration(text)


def test_any_change_of_a_rule_is_another_version_but_not_another_condition() -> None:
    (before,) = parse(GOOD, "a")
    (retitled,) = parse(GOOD.replace("title: Probe", "title: Other"), "a")
    (moved,) = parse(GOOD.replace("score < 3", "score < 4"), "a")
    assert retitled.version != before.version
    assert retitled.condition == before.condition
    assert moved.condition != before.condition


def test_check_prints_the_problems_and_its_status_says_so(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(GOOD.replace("score < 3", "scor < 3"))
    answer = CliRunner().invoke(app, ["check", str(bad)])
    assert answer.exit_code == 1
    assert f"{bad}:5: " in answer.output
    assert CliRunner().invoke(app, ["check"]).exit_code == 0


async def test_the_service_does_not_start_with_a_bad_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("rules: 3")
    with pytest.raises(ConfigError, match=f"{bad}:1: "):
        await run(RuntimeSettings(data_dir=tmp_path), StreamSettings(), TriggersSettings(rules_file=bad))
