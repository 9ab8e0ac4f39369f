from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlift.destination import Field, FieldType
from crmlift.errors import ConfigError
from crmlift.mapping import schema_changes
from crmlift.mapping.load import read_mapping
from crmlift.propose.fieldnames import FieldNames
from target_salesforce.metadata import check_name
from target_salesforce.target import TargetSalesforce

if TYPE_CHECKING:
    from conftest import Org
    from target_salesforce.destination import SalesforceDestination


NAMES = TargetSalesforce.field_names or FieldNames()


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("preferences.email.marketing", "cio_preferences_email_marketing__c"),
        ("2nd__name_", "cio_2_nd_name__c"),
    ],
)
def test_proposed_field_names_follow_the_attribute(attribute: str, name: str) -> None:
    assert NAMES.name(attribute) == name


@given(st.text(max_size=100))
def test_proposed_field_names_are_legal(attribute: str) -> None:
    check_name(NAMES.name(attribute + "a" * 50))
    check_name(NAMES.name(attribute))


@pytest.mark.parametrize(
    "name", ["plan", "a__b__c", "_a__c", "a_" + "__c", "x" * 41 + "__c", "1a__c", "é__c"]
)
def test_illegal_names_are_refused_before_a_deploy(crm: SalesforceDestination, name: str) -> None:
    with pytest.raises(ConfigError, match="no legal name"):
        crm.provision("lead", [Field(name, FieldType.TEXT)])


def test_the_default_mapping_fits_the_schema_that_it_provisions(crm: SalesforceDestination) -> None:
    mapping = read_mapping(TargetSalesforce.default_mapping)
    schema_changes.apply(mapping, crm)
    assert schema_changes.missing(mapping, crm) == {}
    people = crm.describe("contact")
    assert people["preferences_email_marketing__c"].type is FieldType.BOOLEAN
    assert people["cio_attributes__c"].max_length == 32_000
    assert people["HasOptedOutOfEmail"].type is FieldType.BOOLEAN
    assert crm.describe("event")["cio_properties__c"].custom
    assert crm.describe("cio_relation__c")["cio_object__c"].links_to == "cio_object__c"


def test_all_missing_fields_come_in_one_deploy_and_once(org: Org, crm: SalesforceDestination) -> None:
    fields = [Field(f"once_{n}__c", FieldType.TEXT, label=f"Once {n}") for n in range(30)]
    crm.provision("lead", fields[:20])
    assert org.server.stats()["calls"]["deploy"] == 1
    crm.provision("lead", fields)
    assert org.server.stats()["calls"]["deploy"] == 2
    crm.provision("lead", fields)
    assert org.server.stats()["calls"]["deploy"] == 2


def test_a_later_deploy_takes_no_grant_away(org: Org, crm: SalesforceDestination) -> None:
    crm.provision("contact", [Field("first__c", FieldType.TEXT)])
    crm.provision("event", [Field("second__c", FieldType.TEXT)])
    assert "first__c" in crm.describe("contact")
    granted = {row["Field"] for row in org.query("SELECT Field FROM FieldPermissions")}
    # Tasks and events share their fields: one grant without the other takes both away.
    assert {"Contact.first__c", "Task.second__c", "Event.second__c", "Contact.DoNotCall"} <= granted
    assert len(org.query("SELECT Id FROM PermissionSetAssignment")) == 1


def test_a_field_of_another_type_is_reported_before_anything_is_created(crm: SalesforceDestination) -> None:
    crm.provision("lead", [Field("typed__c", FieldType.TEXT)])
    with pytest.raises(ConfigError, match=r"typed__c is there as string; the mapping wants integer"):
        crm.provision("lead", [Field("new__c", FieldType.TEXT), Field("typed__c", FieldType.INTEGER)])
    assert "new__c" not in crm.describe("lead")


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (FieldType.TEXT, "string"),
        (FieldType.HTML, "textarea"),
        (FieldType.JSON, "textarea"),
        (FieldType.INTEGER, "double"),
        (FieldType.NUMBER, "double"),
        (FieldType.BOOLEAN, "boolean"),
        (FieldType.DATE, "date"),
        (FieldType.DATETIME, "datetime"),
        (FieldType.CHOICE, "picklist"),
        (FieldType.LINK, "reference"),
    ],
)
def test_each_type_becomes_a_field(org: Org, crm: SalesforceDestination, kind: FieldType, type_: str) -> None:
    name = f"typed_{kind.value}__c"
    field = Field(name, kind, label="A & B", choices=("x", "y"), links_to="account")
    crm.provision("campaign", [field])
    fields = org.raw("GET", "/sobjects/Campaign/describe")[1]["fields"]
    (made,) = [one for one in fields if one["name"] == name]
    assert (made["type"], made["label"]) == (type_, "A & B")


def test_what_salesforce_refuses_is_told_in_its_words(org: Org, crm: SalesforceDestination) -> None:
    with pytest.raises(ConfigError, match="does not resolve to a valid sObject type"):
        crm.provision("lead", [Field("link__c", FieldType.LINK, links_to="Nothing__c")])


@pytest.mark.parametrize("after", [True, False])
def test_provisioning_survives_a_lost_answer(org: Org, crm: SalesforceDestination, after: bool) -> None:
    org.server.faults({"kind": "cut", "match": "deployRequest", "times": 1, "after": after})
    crm.provision("account", [Field(f"lost_{after}__c".lower(), FieldType.TEXT)])
    assert f"lost_{after}__c".lower() in crm.describe("account")
