from __future__ import annotations

import re
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crmlift import plugins
from crmlift.mapping.load import read_mapping
from crmlift.project import target_class
from target_salesforce.destination import SalesforceDestination
from target_salesforce.entities import ENTITIES
from target_salesforce.target import TargetSalesforce

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SETTINGS = TargetSalesforce.config_jsonschema["properties"]


def test_the_target_and_its_sandbox_are_found_by_name() -> None:
    assert target_class("salesforce") is TargetSalesforce
    assert plugins.find(plugins.SANDBOXES, "salesforce").value == "target_salesforce.sandbox:create_app"


def test_the_readme_names_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? *\|", README, re.MULTILINE))
    said = {name: default for name, default in rows.items() if name in SETTINGS}
    defaults = {name: str(setting.get("default", "")) for name, setting in SETTINGS.items()}
    assert said == {
        name: value.lower() if value in ("True", "False") else value for name, value in defaults.items()
    }


def test_what_proves_who_we_are_is_a_secret() -> None:
    assert {name for name, setting in SETTINGS.items() if setting.get("secret")} == {
        "client_secret",
        "private_key",
        "refresh_token",
    }
    assert set(TargetSalesforce.config_jsonschema["required"]) == {"url", "client_id"}


@pytest.mark.parametrize("config", [{}, {"batch_size": 50, "bulk_from": 7, "allow_automations": True}])
def test_settings_reach_the_destination(config: dict[str, object]) -> None:
    crm = TargetSalesforce.destination(
        {"url": "https://acme.example.com", "client_id": "test-key", **config}, "acme"
    )
    assert isinstance(crm, SalesforceDestination)
    assert {spec.batch_limit for spec in crm.entities.values()} == {config.get("batch_size", 10_000)}


@pytest.mark.parametrize(
    ("settings", "grant"),
    [
        ({"client_secret": "test-key"}, "client_credentials"),
        ({"client_secret": "test-key", "refresh_token": "test-token"}, "refresh_token"),
        (
            {"username": "a@example.com", "login_url": "https://test.salesforce.com"},
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ),
    ],
)
def test_settings_choose_how_to_log_in(settings: dict[str, str], grant: str) -> None:
    if "username" in settings:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        settings = {**settings, "private_key": key.private_bytes(*pem).decode()}
    config = {"url": "https://acme.example.com", "client_id": "test-app", **settings}
    form = TargetSalesforce.destination(config, "acme").client._login.form()
    assert form["grant_type"] == grant
    if "assertion" in form:
        claims = jwt.decode(form["assertion"], options={"verify_signature": False})
        assert (claims["sub"], claims["aud"]) == ("a@example.com", "https://test.salesforce.com")
        assert claims["iss"] == "test-app"


def test_the_default_mapping_names_every_stream_of_the_tap_and_only_entities_that_exist() -> None:
    mapping = read_mapping(TargetSalesforce.default_mapping)
    written = {rule.entity for rules in mapping.streams.values() for rule in rules}
    assert written == {*ENTITIES, "cio_object__c", "cio_relation__c"}
    assert all(name in ENTITIES for name in written)
    assert "campaign__r" not in ENTITIES
    assert {*mapping.streams, *mapping.skip} >= {
        "object_types",
        "objects",
        "people",
        "relationships",
        "segments",
        "segment_memberships",
        "activities",
        "deliveries",
    }
    assert all(reason for reason in mapping.skip.values())
