"""The built-in hooks, and what happens when a plugin is broken."""

from __future__ import annotations

import pytest

from crmlift import plugins
from crmlift.errors import ConfigError
from crmlift.hooks.manager import Hooks
from crmlift.testing.hooks import batch_of


def test_an_unknown_hook_is_named_with_those_that_are_there():
    with pytest.raises(ConfigError, match=r"No 'splitt' is installed.*: accounts, .*, split\."):
        Hooks({"splitt": {}})


def test_wrong_options_name_the_hook():
    with pytest.raises(ConfigError, match=r"(?s)The options of the hook 'dedupe' are wrong: .*streem"):
        Hooks({"dedupe": {"streem": "people"}})


def test_hooks_run_in_the_order_of_the_mapping():
    record = {"cio_id": "1", "attributes": {"plan": {"name": "pro"}}}
    batch = batch_of("people", record)
    flatten_options = {"streams": {"people": "attributes"}}
    split_options = {"rules": [{"scope": "paying", "when": "traits"}], "otherwise": "none"}
    Hooks({"flatten": flatten_options, "split": split_options}).prepare(batch)
    assert record["scope"] == "paying"
    record["traits"] = None
    Hooks({"split": split_options, "flatten": flatten_options}).prepare(batch)
    assert record["scope"] == "none"


def test_a_target_that_is_not_installed_is_named():
    with pytest.raises(ConfigError, match="No 'nowhere' is installed"):
        plugins.find(plugins.TARGETS, "nowhere")
