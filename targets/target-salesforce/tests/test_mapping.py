"""Every row of the default map, from Singer messages to what an admin finds in the org."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from crmlift.mapping.approval import approve
from crmlift.sandbox.server import serve
from crmlift.testing.conformance import Migration
from crmlift.testing.workspace import KEYS, NOW
from target_salesforce.target import TargetSalesforce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Org

MORE_KEYS = {
    "newsletters": ["id"],
    "broadcasts": ["id"],
    "consent": ["cio_id"],
    "transactional_messages": ["id"],
    "transactional_contents": ["transactional_message_id", "id", "language"],
}
TYPES = {"1": "companies", "2": "projects"}
LONG_AGO = 1_556_938_921  # 2019-05-04T03:02:01Z


def person(key: str, **more: Any) -> dict[str, Any]:
    attributes = {"first_name": "Ann", "last_name": key.title(), **more.pop("attributes", {})}
    return {"cio_id": key, "id": f"u-{key}", "email": f"{key}@example.com", "attributes": attributes, **more}


def thing(key: str, kind: str, **attributes: Any) -> dict[str, Any]:
    about = {"cio_object_id": key, "object_type_id": kind, "object_type_slug": TYPES[kind], "object_id": key}
    return {**about, "attributes": attributes}


def belongs(who: str, where: str, kind: str, **attributes: Any) -> dict[str, Any]:
    return {**thing(where, kind), "cio_id": who, "attributes": attributes}


def delivery(key: str, who: str, **more: Any) -> dict[str, Any]:
    about = {"id": key, "cio_id": who, "type": "email", "created": NOW, "subject": "News", "email": None}
    return {**about, "recipient": f"{who}@example.com", **more}


SOURCE: dict[str, list[dict[str, Any]]] = {
    "objects": [
        thing("acme", "1", name="Acme", domain="acme.example.net", country="DE", employees=40),
        thing("globex", "1", name="Globex"),
        thing("tower", "2", name="Tower", budget=7),
    ],
    "people": [
        person("sub", attributes={"lifecycle_stage": "subscriber", "company": "Initech"}),
        person("cust", attributes={
            "lifecycle_stage": "customer", "job_title": "CTO", "country": "France",
            "preferences": {"email_marketing": True}, "lead_score": "n/a"}),
        person("fan", email="fan@example.org", unsubscribed=True,
               attributes={"lifecycle_stage": "evangelist"}),
        person("bounce", attributes={"lifecycle_stage": "sales qualified lead"}),
    ],
    "relationships": [
        belongs("cust", "acme", "1", primary=True, role="buyer", since=LONG_AGO),
        belongs("cust", "globex", "1", primary=False),
        belongs("sub", "acme", "1"),
        belongs("sub", "tower", "2", role="owner"),
        belongs("cust", "tower", "2", role="guest"),
    ],
    "segments": [{"id": 3, "name": "VIPs", "type": "manual", "description": "The best"}],
    "segment_memberships": [
        {"segment_id": 3, "cio_id": "sub", "joined_at": LONG_AGO},
        {"segment_id": 3, "cio_id": "cust"},
    ],
    "consent": [{"cio_id": "cust", "email": None, "unsubscribed": None, "topics": {},
                 "channels": {"sms": False}, "optouts": [], "suppressions": []}],
    "newsletters": [{"id": 5, "name": "March", "sent_at": NOW, "recipient_segment_ids": [3]}],
    "broadcasts": [{"id": 6, "name": "Outage", "first_started": 0}],
    "transactional_messages": [{"id": 8, "name": "Receipt", "send_to_unsubscribed": True}],
    "transactional_contents": [{"transactional_message_id": 8, "id": 1, "language": "de", "name": None,
                                "subject": "Danke {{customer.first_name}}", "body": "<p>Hallo</p>"}],
    "activities": [
        {"id": "e1", "type": "event", "name": "order_placed", "timestamp": NOW, "cio_id": who,
         "data": {"items": [{"sku": "a"}], "sent_at": NOW - 60}} | {"id": f"e-{who}"}
        for who in ("sub", "cust")
    ] + [{"id": "e-old", "type": "page", "name": "/pricing", "timestamp": LONG_AGO, "cio_id": "cust",
          "url": "https://www.example.com/pricing", "data": {}}],
    "deliveries": [
        delivery("d1", "cust",
                 metrics={"sent": NOW, "delivered": NOW, "opened": NOW + 9, "clicked": NOW + 10}),
        delivery("d2", "bounce",
                 metrics={"sent": NOW, "bounced": NOW + 1}, failure_message="550 no such user"),
        delivery("d3", "sub", metrics={"sent": NOW, "opened": NOW, "unsubscribed": NOW + 5}, forgotten=True),
        delivery("d4", "cust", type="push", recipient="device-token", metrics={"sent": NOW}, subject=None),
        delivery("d5", "cust", metrics={"created": NOW, "undeliverable": NOW + 1}),
    ],
}  # fmt: skip


def lines(source: dict[str, list[dict[str, Any]]] = SOURCE) -> bytes:
    def messages() -> Iterator[dict[str, Any]]:
        for stream, records in source.items():
            keys = (KEYS | MORE_KEYS)[stream]
            schema = {"type": "object", "properties": {name: {} for name in keys}}
            yield {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": keys}
            yield from ({"type": "RECORD", "stream": stream, "record": record} for record in records)
        yield {"type": "STATE", "value": {}}

    return b"".join(orjson.dumps(message) + b"\n" for message in messages())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mapping")


@pytest.fixture(scope="module")
def migration(running: Org, folder: Path) -> Migration:
    """The source above, loaded once."""
    running.switch(api_calls=1_000_000)
    made = Migration(TargetSalesforce, running.server, folder, {})
    made.run(lines())
    return made


@pytest.fixture
def found(org: Org, migration: Migration) -> Any:
    """Ask for records of ours: `found("Lead", "Name, Email", key)`."""

    def ask(sobject: str, fields: str, key: str = "%") -> list[dict[str, Any]]:
        where = f"cio_key__c LIKE 'conformance:{key}'"
        rows = org.query(f"SELECT {fields} FROM {sobject} WHERE {where} ORDER BY cio_key__c", "queryAll")
        return [{name: value for name, value in row.items() if name != "attributes"} for row in rows]

    return ask


def test_people_become_leads_or_contacts_by_their_stage(found: Any) -> None:
    assert found("Lead", "Name, Company, cio_person_id__c, cio_lifecycle_stage__c") == [
        {
            "Name": "Ann Sub",
            "Company": "Initech",
            "cio_person_id__c": "u-sub",
            "cio_lifecycle_stage__c": "subscriber",
        }
    ]
    assert [row["LastName"] for row in found("Contact", "LastName")] == ["Bounce", "Cust", "Fan"]
    (row,) = found(
        "Contact",
        "Title, MailingCountry, preferences_email_marketing__c, cio_lead_score__c, cio_id__c",
        "contact:cust",
    )
    assert row == {
        "Title": "CTO",
        "MailingCountry": "France",
        "preferences_email_marketing__c": True,
        "cio_lead_score__c": None,
        "cio_id__c": "cust",
    }


def test_accounts_come_from_objects_and_from_domains_once_each(found: Any) -> None:
    accounts = found("Account", "Name, BillingCountry, NumberOfEmployees, Website")
    assert {row["Name"] for row in accounts} == {"Acme", "Globex", "example.org", "Initech"}
    assert accounts[0] == {
        "Name": "Acme", "BillingCountry": "Germany", "NumberOfEmployees": 40, "Website": "acme.example.net",
    }  # fmt: skip
    contacts = {row["LastName"]: row["Account"] for row in found("Contact", "LastName, Account.Name")}
    assert contacts["Cust"]["Name"] == "Initech"
    assert contacts["Fan"]["Name"] == "example.org"


def test_a_contact_of_several_accounts_is_related_to_each(org: Org, migration: Migration) -> None:
    rows = org.query(
        "SELECT Account.Name, IsDirect FROM AccountContactRelation WHERE Contact.LastName = 'Cust'"
    )
    accounts = {(row["Account"]["Name"], row["IsDirect"]) for row in rows}
    assert accounts == {("Initech", True), ("Acme", False), ("Globex", False)}
    about = "SELECT cio_role__c, cio_since__c, StartDate, cio_attributes__c FROM AccountContactRelation"
    (row,) = org.query(f"{about} WHERE Contact.LastName = 'Cust' AND Account.Name = 'Acme'")
    assert (row["cio_role__c"], row["cio_since__c"]) == ("buyer", "2019-05-04T03:02:01.000+0000")
    assert row["StartDate"] == "2019-05-04"
    assert orjson.loads(row["cio_attributes__c"]) == {"primary": True, "role": "buyer", "since": LONG_AGO}


def test_other_objects_stand_in_one_of_ours_with_their_people(org: Org, found: Any) -> None:
    (row,) = found("cio_object__c", "Name, cio_type__c, cio_attributes__c")
    assert row == {
        "Name": "Tower",
        "cio_type__c": "projects",
        "cio_attributes__c": '{"budget":7,"name":"Tower"}',
    }
    rows = org.query(
        "SELECT cio_object__r.Name, cio_lead__r.LastName, cio_contact__r.LastName FROM cio_relation__c"
    )
    people = {(row["cio_lead__r"] or row["cio_contact__r"])["LastName"] for row in rows}
    assert people == {"Sub", "Cust"}
    assert {row["cio_object__r"]["Name"] for row in rows} == {"Tower"}


def test_segments_and_what_was_sent_to_many_are_campaigns(org: Org, found: Any) -> None:
    rows = found("Campaign", "Name, Type, Status, IsActive, cio_kind__c, cio_conditions__c")
    assert [(row["Name"], row["cio_kind__c"], row["IsActive"]) for row in rows] == [
        ("Outage", "API-triggered broadcast", False),
        ("March", "newsletter", False),
        ("VIPs", "manual segment", False),
    ]
    assert (rows[1]["Status"], rows[1]["cio_conditions__c"]) == ("Completed", "[3]")
    members = org.query(
        "SELECT LeadId, ContactId, cio_joined_at__c FROM CampaignMember WHERE Campaign.Name = 'VIPs'"
    )
    assert sorted((bool(row["LeadId"]), bool(row["ContactId"])) for row in members) == [
        (False, True),
        (True, False),
    ]
    joined = {bool(row["LeadId"]): row["cio_joined_at__c"] for row in members}
    assert joined == {True: "2019-05-04T03:02:01.000+0000", False: None}


def test_events_are_closed_tasks_with_their_times_and_properties(found: Any) -> None:
    times = "cio_sent_at__c, cio_received_at__c"
    rows = found("Task", f"Subject, Who.Type, Status, IsClosed, cio_properties__c, {times}", "event:%")
    assert [(row["Who"]["Type"], row["Subject"]) for row in rows] == [
        ("Contact", "order_placed"), ("Contact", "/pricing"), ("Lead", "order_placed"),
    ]  # fmt: skip
    assert {(row["Status"], row["IsClosed"]) for row in rows} == {("Completed", True)}
    assert rows[0]["cio_received_at__c"] > rows[0]["cio_sent_at__c"]
    assert orjson.loads(rows[0]["cio_properties__c"])["items"] == [{"sku": "a"}]


def test_an_event_of_long_ago_is_archived_and_found_all_the_same(org: Org, found: Any) -> None:
    (row,) = found("Task", "ActivityDate, cio_sent_at__c, cio_url__c, IsArchived", "event:e-old")
    assert row == {
        "ActivityDate": "2019-05-04",
        "cio_sent_at__c": "2019-05-04T03:02:01.000+0000",
        "cio_url__c": "https://www.example.com/pricing",
        "IsArchived": True,
    }
    assert org.query("SELECT Id FROM Task WHERE cio_key__c = 'conformance:event:e-old'") == []


def test_deliveries_and_what_people_did_with_them_are_tasks(found: Any) -> None:
    about = "cio_message_id__c, cio_content_redacted__c, cio_recipient__c"
    rows = found("Task", f"Subject, delivery_status__c, {about}", "delivery:%")
    assert [(row["cio_message_id__c"], row["delivery_status__c"]) for row in rows] == [
        ("d1", "delivered"), ("d2", "bounced"), ("d3", "delivered"), ("d4", "sent"), ("d5", "undeliverable"),
    ]  # fmt: skip
    assert [row["cio_content_redacted__c"] for row in rows] == [False, False, True, False, False]
    assert rows[3]["Subject"] == "Push from Customer.io"
    assert rows[3]["cio_recipient__c"] is None
    did = found("Task", "cio_event_name__c, cio_message_id__c", "engagement:%")
    assert {(row["cio_message_id__c"], row["cio_event_name__c"]) for row in did} == {
        ("d1", "opened"), ("d1", "clicked"), ("d3", "opened"), ("d3", "unsubscribed"),
    }  # fmt: skip


def test_consent_reaches_the_fields_that_salesforce_honours(found: Any) -> None:
    contacts = {
        row["LastName"]: row
        for row in found(
            "Contact", "LastName, HasOptedOutOfEmail, cio_no_sms__c, EmailBouncedReason, EmailBouncedDate"
        )
    }
    assert {name: row["HasOptedOutOfEmail"] for name, row in contacts.items()} == {
        "Fan": True, "Cust": False, "Bounce": False,
    }  # fmt: skip
    assert contacts["Cust"]["cio_no_sms__c"] is True
    assert contacts["Bounce"]["EmailBouncedReason"] == "550 no such user"
    assert contacts["Bounce"]["EmailBouncedDate"]
    # Left by a link in an email, which is read long after the person.
    assert found("Lead", "HasOptedOutOfEmail") == [{"HasOptedOutOfEmail": True}]


def test_templates_are_there_and_inactive(org: Org, migration: Migration) -> None:
    (row,) = org.query(
        "SELECT Name, Subject, IsActive, Description FROM EmailTemplate WHERE Name = 'Receipt de'"
    )
    assert row["IsActive"] is False
    assert "{{customer.first_name}}" in row["Subject"]
    assert "Went to the unsubscribed too" in row["Description"]


def with_projects(text: str) -> str:
    """Put the example that stands in the default map as a comment into force."""
    head, _, rest = text.partition("    # - entity: project__c\n")
    example, _, tail = rest.partition("    - entity: cio_object__c\n")
    rule = "    - entity: project__c\n" + example.replace("    #   ", "      ")
    others = tail.replace(
        "when: >-\n        not (", "when: >-\n        object_type_slug != 'projects' and not (", 1
    )
    assert others != tail
    return f"{head}{rule}    - entity: cio_object__c\n{others}"


def test_a_kind_of_objects_may_have_an_object_of_its_own_for_life(org: Org, tmp_path: Path) -> None:
    with serve("target_salesforce.sandbox:create_app") as server:
        own = type(org)(server)
        migration = Migration(TargetSalesforce, server, tmp_path, {})
        migration.mapping_path.write_text(with_projects(migration.mapping_path.read_text()))
        approve(migration.mapping_path, by="conformance")
        source = {
            "objects": [
                thing("tower", "2", name="Tower", budget=7.5, company_id="acme", owner_id="cust"),
                thing("acme", "1", name="Acme"),
            ],
            "people": [person("cust", attributes={"lifecycle_stage": "customer"})],
        }
        migration.run(lines(source))
        asked = "SELECT Name, budget__c, account__r.Name, contact__r.LastName FROM project__c"
        (row,) = own.query(asked)
        assert (row["Name"], row["budget__c"]) == ("Tower", 7.5)
        assert (row["account__r"]["Name"], row["contact__r"]["LastName"]) == ("Acme", "Cust")
        assert migration.misses() == []
        assert migration.reconciled().in_step
        migration.run(lines(source))
        assert migration.counts()["entities"]["project__c"] == {"unchanged": 1}
        source["objects"][0]["attributes"]["budget"] = 8
        migration.run(lines(source))
        assert migration.counts()["entities"]["project__c"] == {"updated": 1}
        assert own.query(asked)[0]["budget__c"] == 8
        assert migration.roll_back_everything() == []
        assert own.query("SELECT Id FROM project__c") == own.query("SELECT Id FROM Account") == []


def test_what_twins_say_of_one_relation_is_settled_and_verified(org: Org, tmp_path: Path) -> None:
    """Two people with one address are one contact; each says what it is to the same companies."""
    with serve("target_salesforce.sandbox:create_app") as server:
        own = type(org)(server)
        migration = Migration(TargetSalesforce, server, tmp_path, {})
        customer = {"lifecycle_stage": "customer"}
        source = {
            "objects": [thing("acme", "1", name="Acme"), thing("globex", "1", name="Globex")],
            "people": [person(who, email="same@example.org", attributes=customer) for who in "ab"],
            "relationships": [
                belongs(who, where, "1", role=who + where) for where in ("acme", "globex") for who in "ab"
            ],
        }
        migration.run(lines(source))
        assert migration.misses() == []
        assert migration.reconciled().in_step
        migration.run(lines(source))
        assert migration.counts()["entities"]["account_contact"] == {"unchanged": 4}
        source["relationships"][0]["attributes"]["role"] = "new"
        migration.run(lines(source))
        assert migration.misses() == []
        rows = own.query("SELECT cio_role__c FROM AccountContactRelation WHERE Account.Name = 'Acme'")
        assert [row["cio_role__c"] for row in rows] == ["new"]
        assert migration.roll_back_everything() == []


def test_original_dates_are_kept_for_life_where_the_user_may_set_them(org: Org, tmp_path: Path) -> None:
    with serve("target_salesforce.sandbox:create_app") as server:
        own = type(org)(server)
        own.switch(audit_fields=True)
        migration = Migration(TargetSalesforce, server, tmp_path, {})
        migration.run(lines())
        created = "SELECT CreatedDate FROM {} WHERE {} = '{}'".format
        long_ago = "2019-05-04T03:02:01.000+0000"
        joined = own.query("SELECT CreatedDate FROM CampaignMember WHERE cio_joined_at__c != null")
        event = own.query(created("Task", "cio_key__c", "conformance:event:e-old"), "queryAll")
        assert [row["CreatedDate"] for row in (*joined, *event)] == [long_ago, long_ago]
        # A change must not carry the date: Salesforce takes it on insert only.
        SOURCE["people"][1]["attributes"]["job_title"] = "CEO"
        migration.run(lines())
        assert migration.counts()["entities"]["contact"]["updated"] == 1
        SOURCE["people"][1]["attributes"]["job_title"] = "CTO"
        assert migration.misses() == []
        assert migration.roll_back_everything() == []


def test_all_of_it_reads_back_twice_and_can_be_undone(org: Org, migration: Migration) -> None:
    assert migration.misses() == []
    assert migration.reconciled().in_step
    migration.run(lines())
    results = {result for counter in migration.counts()["entities"].values() for result in counter}
    assert results == {"unchanged"}, migration.counts()["entities"]
    assert migration.roll_back_everything() == []
    for sobject in ("Lead", "Contact", "Account", "Campaign", "Task", "cio_object__c", "cio_relation__c"):
        assert org.query(f"SELECT Id FROM {sobject} WHERE cio_key__c LIKE 'conformance:%'") == []
    assert org.query("SELECT Id FROM EmailTemplate WHERE Name = 'Receipt de'") == []
