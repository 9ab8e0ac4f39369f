"""Settings of a target: from where they come, and what is said where they are missing or wrong."""

from __future__ import annotations

import json
import os

import pytest
from singer_sdk import typing as th

from crmlift import project
from crmlift.errors import ConfigError
from crmlift.singer.target import CrmTarget, settings


class TargetTiny(CrmTarget):
    name = "target-tiny"
    config_jsonschema = settings(
        "tiny",
        th.Property("url", th.StringType, required=True),
        th.Property("api_key", th.StringType, required=True, secret=True),
        th.Property("batch_size", th.IntegerType, default=10),
    )

    @classmethod
    def destination(cls, config, workspace):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def _tiny(monkeypatch, tmp_path):
    monkeypatch.setattr(project, "target_class", lambda _name: TargetTiny)
    monkeypatch.chdir(tmp_path)


def test_the_environment_is_not_overruled_by_a_dotenv_file(monkeypatch, tmp_path):
    """The SDK would load one from here or above, and write it into our own environment."""
    (tmp_path / ".env").write_text("TARGET_TINY_URL=https://from-file.example.com\n")
    monkeypatch.setattr("singer_sdk.configuration._dict_config.find_dotenv", lambda: str(tmp_path / ".env"))
    monkeypatch.setenv("TARGET_TINY_URL", "https://given.example.com")
    monkeypatch.setenv("TARGET_TINY_API_KEY", "test-key")
    assert project.open_project("tiny").config["url"] == "https://given.example.com"
    assert os.environ["TARGET_TINY_URL"] == "https://given.example.com"


def test_what_meltano_gives_is_not_overruled_by_the_environment(monkeypatch, tmp_path):
    """An inherited target, such as target-tiny--eu, has another URL than the variables of the first say."""
    (tmp_path / "meltano.yml").write_text("version: 1\n")
    given = {"url": "https://eu.example.com", "api_key": "test-key"}
    monkeypatch.setattr(project, "meltano_settings", lambda _plugin: given)
    monkeypatch.setenv("TARGET_TINY_URL", "https://us.example.com")
    assert project.open_project("target-tiny--eu").config["url"] == "https://eu.example.com"


def test_missing_settings_are_named_with_their_variables():
    with pytest.raises(ConfigError) as refused:
        project.open_project("target-tiny--eu")
    assert refused.value.message == "target-tiny--eu lacks settings: url, api_key."
    assert refused.value.hint == "Fill in TARGET_TINY__EU_URL, TARGET_TINY__EU_API_KEY in .env."


def test_a_setting_of_a_wrong_form_is_named_without_its_value(tmp_path):
    file = tmp_path / "tiny.json"
    file.write_text(json.dumps({"url": "https://crm.example.com", "api_key": 4711, "batch_size": "many"}))
    with pytest.raises(ConfigError) as refused:
        project.open_project("tiny", file)
    assert refused.value.message == "The setting 'api_key' of target-tiny has a wrong form."
    assert "4711" not in str(refused.value)


@pytest.mark.parametrize("text", ["{", "[]"], ids=["cut off", "a list"])
def test_a_settings_file_that_is_no_object_is_refused(tmp_path, text):
    file = tmp_path / "tiny.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"tiny\.json (is no JSON|holds no settings)"):
        project.open_project("tiny", file)
