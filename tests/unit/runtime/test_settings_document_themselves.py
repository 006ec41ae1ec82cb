import pytest
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from libs.runtime.settings import BaseSettings, RuntimeSettings, render_env_example


class Planted(BaseSettings):
    """A class for this test. Prefix PLANTED_."""

    model_config = SettingsConfigDict(env_prefix="PLANTED_", frozen=True)

    key: SecretStr = Field(description="A secret without a default")
    loud: bool = Field(False, description="A flag")


def test_the_example_names_each_setting_with_its_meaning_and_default() -> None:
    text = render_env_example([Planted])
    assert text == (
        "# A class for this test. Prefix PLANTED_.\n# A secret without a default\nPLANTED_KEY=\n"
        "# A flag\nPLANTED_LOUD=false\n"
    )


def test_settings_come_from_the_environment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLINE_PARTITIONS", "12")
    settings = RuntimeSettings()
    assert settings.partitions == 12
    with pytest.raises(ValidationError):
        settings.partitions = 3  # type: ignore[misc]


def test_a_value_out_of_range_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLINE_PARTITIONS", "0")
    with pytest.raises(ValidationError, match="partitions"):
        RuntimeSettings()


def test_a_secret_without_a_default_fails_at_start() -> None:
    with pytest.raises(ValidationError, match="key"):
        Planted()


def test_a_secret_is_not_in_a_settings_repr() -> None:
    assert "postgres@" not in repr(RuntimeSettings())


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLINE_CLOCK_FILE", "")
    assert RuntimeSettings().clock_file is None
