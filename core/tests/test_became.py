"""What each segment, campaign and message became in the CRM."""

from __future__ import annotations

import pytest
from handoff_records import EVERYTHING, document
from test_handoff import NoAdvice

from crmlift.handoff import target as loader
from crmlift.handoff.build import Destination
from crmlift.handoff.build_became import members_loaded
from crmlift.ledger import Ledger
from crmlift.ledger.records import Known
from crmlift.mapping.load import parse_mapping

MAPPING_TEXT = """
destination: memory
workspace: demo
streams:
  segments:
    - {entity: tag_group, key: "='customer.io'", fields: {name: {value: Customer.io}}}
    - {entity: tag, key: id, fields: {name: {from: name}}}
  segment_memberships:
    - {entity: person_tag, key: [segment_id, cio_id]}
  campaigns:
    - {entity: campaign__c, key: "='campaign-' + text(id)", fields: {subject: name}}
    - {entity: note, key: id, fields: {text: description}}
skip:
  newsletters: they are sent again by hand
"""
MAPPING = parse_mapping(MAPPING_TEXT)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", destination="memory", workspace="demo") as found:
        yield found


def tables(tmp_path, monkeypatch, loaded):
    crm = Destination("memory", NoAdvice(), MAPPING, approved=True, loaded=loaded)
    monkeypatch.setattr(loader, "destination", lambda *_: crm)
    items = document(tmp_path / "handoff", *EVERYTHING)
    return items["became-crm"], {table.title: table.rows for table in items["became-crm"].tables}


def test_each_segment_has_what_it_became_with_its_people_before_and_after(tmp_path, monkeypatch):
    item, found = tables(tmp_path, monkeypatch, {"1": 1, "newsletter-1": 7})
    assert found["Segments"] == [
        ["1", "Pro", "tag “Pro”", "2", "1", "by hand"],
        ["2", "VIP | <b>", "tag “VIP | <b>”", "0", "0", "a list, kept by hand"],
        ["3", "Lost", "tag “Lost”", "0", "0", "by hand"],
    ]
    assert {fact.label: fact.value for fact in item.facts} == {
        "Segments": "3", "Memberships held": "2", "Memberships loaded": "1",
    }  # fmt: skip
    for suffix in ("json", "md", "html"):
        assert (tmp_path / "handoff" / "items" / f"became-crm.{suffix}").exists()
    assert 'href="items/became-crm.html"' in (tmp_path / "handoff" / "index.html").read_text()


def test_messages_say_what_they_became_and_where_their_variables_are(tmp_path, monkeypatch):
    people = """
    - {entity: lead, key: cio_id, when: scope == 'lead', fields: {FirstName: traits.first_name}}
    - {entity: contact, key: cio_id, fields: {mail: email, name: {expr: "attributes.first_name or email"}}}
    - {entity: pet, key: cio_id, fields: {pet: traits.pet}}
"""
    text = MAPPING_TEXT.replace("  segments:", f"  people:{people}  segments:")
    flat = "hooks:\n  flatten: {into: traits, streams: {people: attributes}}\nstreams:"
    crm = Destination("memory", NoAdvice(), parse_mapping(text.replace("streams:", flat)), approved=True)
    monkeypatch.setattr(loader, "destination", lambda *_: crm)
    items = document(tmp_path / "handoff", *EVERYTHING)
    named = f"In {NoAdvice.crm}"
    newsletter = next(item for item in items.values() if item.kind == "newsletter" and item.audience.segments)
    facts = {fact.label: fact.value for fact in newsletter.facts}
    assert facts[named] == "nothing: they are sent again by hand"
    assert facts[f"Its audience in {NoAdvice.crm}"].startswith("tag “")
    found = {
        row[0]: row[1:]
        for item in items.values()
        for table in item.tables if table.title == f"Liquid variables in {NoAdvice.crm}"
        for row in table.rows
    }  # fmt: skip
    assert found["customer.first_name"] == ["FirstName", "part of name"]
    assert all(row for row in found.values())


def test_what_has_no_rule_says_why(tmp_path, monkeypatch):
    _, found = tables(tmp_path, monkeypatch, None)
    assert found["Campaigns"] == [["7", "Welcome", "campaign “Welcome”, note"]]
    assert found["Newsletters"] == [["3", "News", "nothing: they are sent again by hand"]]
    assert found["API-triggered broadcasts"] == [["5", "Sale", "nothing: the mapping has no rule for it"]]


def test_without_a_run_it_is_not_known_what_was_loaded(tmp_path, monkeypatch):
    item, found = tables(tmp_path, monkeypatch, None)
    assert [row[4] for row in found["Segments"]] == ["not known"] * 3
    assert any("no run of this mapping" in said for said in item.statements)


def test_memberships_are_counted_by_segment_from_the_ledger(ledger):
    ledger.runs.start("digest")
    keys = ["1:a", "1:b", "2:a", "newsletter-1:a"]
    rows = [Known(key, key, f"crm-{key}", "created", None, None, None, 1) for key in keys]
    rows.append(Known("2:lost", "2:lost", None, "created", None, None, None, 1))
    ledger.records.remember("person_tag", rows)
    assert members_loaded(MAPPING, ledger) == {"1": 2, "2": 1, "newsletter-1": 1}
