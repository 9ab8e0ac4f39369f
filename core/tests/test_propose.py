"""A mapping drafted from a profile: which lines it gets, why, and what it never does by itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from crmlift.destination import Field, FieldType
from crmlift.errors import ConfigError
from crmlift.hooks.manager import Hooks
from crmlift.hookspecs import hookimpl
from crmlift.mapping.load import parse_mapping
from crmlift.propose.answer import fields_for, proposal
from crmlift.propose.draft import Draft, draft
from crmlift.propose.evidence import Evidence, Trait
from crmlift.propose.fieldnames import FieldNames
from crmlift.propose.lines import Line
from crmlift.propose.proposer import judge
from crmlift.scope.build import Options, build_profile
from crmlift.scope.model import Profile
from crmlift.scope.store import Store

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "propose.json"
MAPPING = """\
destination: memory   # the test's
workspace: demo
hooks:
  flatten: {streams: {people: attributes}, into: traits}
streams:
  objects:
    - entity: company
      key: cio_object_id
      when: object_type_slug == 'companies'
      fields:
        name: {from: attributes.name, as: text}
        site: attributes.website
  people:
    - entity: person
      key: cio_id
      fields:
        # who it is
        name: {expr: "attributes.first_name or cio_id"}
        email: email
        function: {from: traits.job_title, as: text}
        zip: {from: [traits.postal_code], as: text}
        tel:
          from:
          - traits.phone
          as: text
        x_cio_plan: {from: traits.plan, as: text, custom: {type: text}}
        x_cio_lead_score: {from: traits.lead_score, as: integer, custom: {type: integer}}
      # a comment after the fields
  activities:
    - entity: event
      key: id
      fields: {name: name, data: data}
"""
LIVE = {
    "person": {
        "birth_day": Field("birth_day", FieldType.DATE, label="Birthday"),
        "x_hobby": Field("x_hobby", FieldType.TEXT, label="Hobby", custom=True),
        "x_shoes": Field("x_shoes", FieldType.INTEGER, custom=True, readonly=True),
        "city": Field("city", FieldType.TEXT, label="City"),
    },
    "company": {},
}


def profile(*people: dict[str, Any], shown: bool = False, **streams: list[dict[str, Any]]) -> Profile:
    store = Store(memory_mb=128)
    try:
        for number, bag in enumerate(people):
            store.add(
                "people", {"cio_id": f"p{number}", "email": f"p{number}@example.com", "attributes": bag}
            )
        for stream, records in streams.items():
            for record in records:
                store.add(stream, record)
        store.finish()
        return build_profile(store, Options(now=1_700_000_000, show_values=shown))
    finally:
        store.close()


def drafted(*people: dict[str, Any], text: str = MAPPING, **options: Any) -> Draft:
    return draft(text, profile(*people), describe=LIVE.__getitem__, **options)


def line(made: Draft, attribute: str) -> Line:
    return next(line for line in made.lines if line.attribute == attribute)


def test_an_attribute_joins_the_field_that_answers_to_its_label():
    made = drafted({"Postleitzahl": "10115", "Rufnummer": "030 5550123"}, {"Postleitzahl": "20095"})
    person = parse_mapping(made.text).streams["people"][0]
    assert person.fields["zip"].from_ == ["traits.Postleitzahl", "traits.postal_code"]
    assert person.fields["tel"].from_ == ["traits.Rufnummer", "traits.phone"]
    assert line(made, "Postleitzahl").action == "extend"


def test_a_field_that_is_filled_already_is_left_alone_and_the_attribute_keeps_its_own():
    made = drafted({"job_title": "CTO", "Berufsbezeichnung": "Leiter Vertrieb"})
    person = parse_mapping(made.text).streams["people"][0]
    assert person.fields["function"].from_ == ["traits.job_title"]
    found = line(made, "Berufsbezeichnung")
    assert (found.action, found.field) == ("custom", "x_cio_berufsbezeichnung")
    assert "“function” is filled from traits.job_title already" in found.notes


def test_a_standard_field_of_the_live_crm_is_found_by_its_name_or_caption():
    made = drafted(*({"geburtstag": f"19{year}-05-06", "town": "Ulm"} for year in range(60, 99)))
    assert (line(made, "geburtstag").action, line(made, "geburtstag").field) == ("standard", "birth_day")
    assert line(made, "town").field == "city"
    assert parse_mapping(made.text).streams["people"][0].fields["birth_day"].as_ == "date"


def test_an_existing_custom_field_is_used_where_name_and_type_fit():
    made = drafted(*({"hobby": text, "shoes": 42} for text in ("chess", "running", "cooking")))
    assert (line(made, "hobby").action, line(made, "hobby").field) == ("existing", "x_hobby")
    assert (line(made, "shoes").action, line(made, "shoes").field) == ("custom", "x_cio_shoes"), (
        "read-only there"
    )


@pytest.mark.parametrize(
    ("values", "type_", "convert"),
    [
        ([True, False], "boolean", "boolean"),
        ([1, 2], "integer", "integer"),
        ([1, 2.5], "number", "number"),
        ([1, "n/a"], "text", "text"),
        (["2024-01-02", "2024-03-04"], "date", "date"),
        (["2024-01-02T03:04:05Z", "2024-03-04T05:06:07Z"], "datetime", "datetime"),
        ([["a"], ["b", "c"]], "text", "list"),
        ([["a"], {"b": 1}], "text", "text"),
        (["blue whale", "red fox"], "text", "text"),
    ],
)
def test_the_type_of_a_custom_field_comes_from_the_values(values, type_, convert):
    made = drafted(*({"gizmo": value} for value in values))
    found = line(made, "gizmo")
    assert (found.type, found.convert) == (type_, convert)


def test_unix_seconds_become_a_time_only_under_a_name_of_a_time():
    made = drafted({"gizmo_at": 1_700_000_000, "gizmo": 1_700_000_000})
    assert (line(made, "gizmo_at").type, line(made, "gizmo").type) == ("datetime", "integer")


def test_few_values_become_a_choice_only_where_the_profile_shows_them():
    people = [{"tier": ("gold", "silver")[number % 2]} for number in range(20)]
    hidden = draft(MAPPING, profile(*people))
    shown = draft(MAPPING, profile(*people, shown=True))
    assert line(hidden, "tier").type == "text"
    assert "only 2 distinct values: a choice, if you like" in line(hidden, "tier").notes
    assert (line(shown, "tier").type, line(shown, "tier").choices) == ("choice", ("gold", "silver"))
    assert "gold" not in hidden.text


def test_nested_attributes_get_a_field_each_and_arrays_of_objects_one():
    made = drafted({"car": {"make": "Volvo", "doors": 5}, "trips": [{"to": "Ulm"}]})
    assert {line.path for line in made.lines} == {"traits.car.make", "traits.car.doors", "traits.trips"}


def test_what_most_people_lack_is_left_out_and_named():
    people = [{"rare": "x"}, *({"usual": "y"} for _ in range(9))]
    made = drafted(*people)
    assert (line(made, "rare").action, line(made, "rare").written) == ("skip", False)
    assert "# left out, mostly empty: rare" in made.text
    assert line(drafted(*people, most_empty=0.95), "rare").action == "custom"


def test_a_line_to_decide_stands_as_a_comment_only():
    made = drafted({"qz": "Carolina"}, {"qz": "Jordan"}, {"qz": "India"}, {"qz": "Chad"})
    found = line(made, "qz")
    assert found.band == "decide"
    assert "traits.qz" not in str(parse_mapping(made.text))
    assert any("traits.qz" in row and row.lstrip().startswith("#") for row in made.text.split("\n"))


def test_consent_gets_a_field_of_its_own_and_never_steers_the_crm():
    made = drafted({"newsletter_ok": True, "do_not_email": False})
    for name, label in (("newsletter_ok", "email_opt_in"), ("do_not_email", "email_opt_out")):
        found = line(made, name)
        assert (found.label, found.action, found.type) == (label, "custom", "boolean")
        assert found.band != "sure"
        assert any("opt-out is not touched" in note for note in found.notes)


def test_what_the_mapping_reads_already_is_not_proposed_again():
    made = drafted({"first_name": "Ana", "plan": "pro", "postal_code": "1", "email": "p0@example.com"})
    assert made.lines == []


def test_the_text_keeps_every_line_that_was_there():
    made = drafted({"gizmo": "blue whale", "Postleitzahl": "10115"})
    kept = [row for row in MAPPING.split("\n") if "zip:" not in row]
    assert [row for row in made.text.split("\n") if row in kept][: len(kept)] == kept


def test_a_second_draft_adds_nothing():
    people = profile({"gizmo": "blue", "qz": "Austin"}, {"gizmo": "red", "qz": "Sydney"}, {"once, twice": 1})
    once = draft(MAPPING, people)
    assert once.lines
    again = draft(once.text, people)
    assert (again.lines, again.text) == ([], once.text)


def test_names_that_yaml_could_take_for_something_else_stay_names():
    # Sentences, so that no field of the CRM comes to mind.
    said = "they wrote that they would call again on some later day of that week"
    made = drafted(dict.fromkeys(["no", "a: b", "日本", "#x"], said))
    paths = {
        path
        for spec in parse_mapping(made.text).streams["people"][0].fields.values()
        for path in spec.from_ or []
    }
    assert {"traits.a: b", "traits.日本", "traits.#x", "traits.no"} <= paths


def test_attributes_of_the_company_objects_are_proposed_to_the_rule_that_takes_them():
    kinds = [
        {"id": "1", "slug": "companies", "name": "Companies"},
        {"id": "2", "slug": "venues", "name": "Venues"},
    ]
    objects = [
        {
            "cio_object_id": "o1",
            "object_type_id": "1",
            "object_type_slug": "companies",
            "attributes": {"gizmo": "x"},
        },
        {
            "cio_object_id": "o2",
            "object_type_id": "2",
            "object_type_slug": "venues",
            "attributes": {"seats": 5},
        },
    ]
    made = draft(MAPPING, profile({}, object_types=kinds, objects=objects))
    assert [(line.stream, line.group, line.attribute) for line in made.lines] == [
        ("objects", "companies", "gizmo")
    ]
    assert parse_mapping(made.text).streams["objects"][0].fields["x_cio_gizmo"].from_ == ["attributes.gizmo"]


def test_a_masked_profile_gives_the_evidence_of_its_values_but_not_the_values():
    made = drafted(*({"x9": f"q{number}@example.com"} for number in range(5)))
    assert line(made, "x9").label == "email"
    assert "its values are email addresses" in line(made, "x9").evidence
    assert "example.com" not in made.text


def test_two_rules_that_make_a_person_get_the_line_both_and_share_what_they_share():
    text = MAPPING.replace("zip: {from", "zip: &zip {from").replace(
        "      # a comment after the fields\n",
        """\
    - entity: company
      key: cio_id
      fields:
        email: email
        function: {from: traits.job_title, as: text}
        zip: *zip
        phone: traits.phone
    - entity: event
      key: cio_id
      fields: {name: email}
""",
    )
    made = drafted({"gizmo": "blue whale", "Postleitzahl": "10115"}, {"Postleitzahl": "20095"}, text=text)
    assert [(line.entity, line.attribute) for line in made.lines if line.attribute == "gizmo"] == [
        ("person", "gizmo"),
        ("company", "gizmo"),
    ]
    people = parse_mapping(made.text).streams["people"]
    assert people[0].fields["zip"] == people[1].fields["zip"]
    assert people[0].fields["zip"].from_ == ["traits.Postleitzahl", "traits.postal_code"]
    assert "gizmo" in str(people[1].fields)


def test_a_row_that_a_person_also_makes_gets_none_of_their_attributes():
    account = "  people:\n    - {entity: company, key: account.key, fields: {name: account.name}}\n"
    made = drafted({"gizmo": "blue whale"}, text=MAPPING.replace("  people:\n", account))
    assert [(line.entity, line.attribute) for line in made.lines] == [("person", "gizmo")]


# Names of custom fields


@pytest.mark.parametrize(
    ("like", "attribute", "name"),
    [
        (["x_cio_plan", "x_cio_id"], "Plan name", "x_cio_plan_name"),
        (["x_cio_plan", "x_cio_id"], "cio_score", "x_cio_score"),
        (["Cio_Plan__c", "Cio_Lead_Score__c"], "favouriteColour", "Cio_Favourite_Colour__c"),
        (["cioPlan", "cioId"], "favourite_colour", "cioFavouriteColour"),
        (["crmlift_plan", "crmlift_id"], "Größe", "crmlift_grosse"),
        (["cio_plan__c", "cio_id__c", "preferences__c"], "Größe", "cio_grosse__c"),
        (["only"], "a.b", "cio_a_b"),
    ],
)
def test_custom_fields_are_named_in_the_targets_manner(like, attribute, name):
    assert FieldNames.like(like).name(attribute) == name


def test_names_that_are_too_long_taken_or_of_another_script_stay_apart():
    names = FieldNames("x_", longest=20)
    found = [names.name(attribute) for attribute in ("a" * 40, "a" * 41, "日本", "中国")]
    assert len(set(found)) == 4
    assert all(len(name) <= 20 and name.isascii() for name in found)
    assert names.name("plan", {"x_plan"}) not in ("x_plan", names.name("plan"))


# Suggestions


def topics(made: Draft) -> dict[str, Any]:
    return {found.topic: found for found in made.suggestions}


def test_split_accounts_duplicates_and_event_columns_are_suggested_with_numbers():
    kinds = [{"id": "1", "slug": "companies", "name": "Companies"}]
    objects = [
        {"cio_object_id": "o1", "object_type_id": "1", "object_type_slug": "companies", "attributes": {}}
    ]
    links = [{"object_type_id": "1", "object_type_slug": "companies", "cio_id": "p0", "cio_object_id": "o1"}]
    events = [
        {
            "id": f"e{n}",
            "type": "event",
            "name": "bought",
            "timestamp": 1_700_000_000,
            "cio_id": "p0",
            "data": data,
        }
        for n, data in enumerate([{"sum": 3, "rare": 1}, *({"sum": 5} for _ in range(19))])
    ]
    people = [{"lifecycle_stage": "lead", "company": "Acme"}, {"lifecycle_stage": "customer"}]
    made = draft(
        MAPPING, profile(*people, object_types=kinds, objects=objects, relationships=links, activities=events)
    )
    found = topics(made)
    assert "“lifecycle_stage” holds a lifecycle stage for 100% of people" in found["split"].evidence
    assert "100% of 2 people have an email address" in found["split"].evidence
    assert found["accounts"].text == "Accounts are the objects of type “Companies”, by their relationships."
    assert found["dedupe"].text == "Nobody shares an address or an id: nothing to merge."
    assert [row.partition(":")[0] for row in found["event columns"].yaml] == ["x_cio_sum"]
    assert "“sum” in bought 100%" in found["event columns"].evidence
    parse_mapping(made.text)


def test_accounts_without_objects_come_from_the_company_or_the_domain():
    company = draft(MAPPING, profile({"company": "Acme"}, {"company": "Globex"}))
    domain = draft(MAPPING, profile({}, {}))
    assert "the values of “company”" in topics(company)["accounts"].text
    assert "email domains, without free mail" in topics(domain)["accounts"].text


def test_the_rows_that_are_suggested_are_rules_of_a_mapping():
    made = draft(MAPPING, profile({"lifecycle_stage": "lead"}))
    rows = "\n    ".join(topics(made)["split"].yaml)
    accounts = topics(draft(MAPPING, profile({"company": "Acme"})))["accounts"].yaml[0]
    filled = MAPPING.replace("hooks:\n", f"hooks:\n  split:\n    {rows}\n  {accounts}\n")
    Hooks(parse_mapping(filled).hooks)


# A third party


class Oracle:
    """Says that everything is an industry, except for what is called `not_*`."""

    strength = 1.0

    @hookimpl
    def crmlift_propose(self, traits):
        return [
            [
                Evidence(
                    "industry", "anything", -1.0 if t.name.startswith("not") else self.strength, "it says so"
                )
            ]
            for t in traits
        ]


def hooks_with(plugin: object) -> Hooks:
    hooks = Hooks({})
    hooks._manager.register(plugin, name="oracle")
    return hooks


def test_a_plugin_proposes_and_is_weighed_with_the_rest():
    trait = Trait("qwzx", ["foo", "bar"])
    (alone,), (helped,) = judge([trait]), judge([trait], hooks=hooks_with(Oracle()))
    assert alone.best == "none"
    assert helped.best == "industry"
    assert "oracle: it says so" in helped.candidates[0].evidence
    assert helped.band != "sure", "a plugin alone makes nothing sure"


def test_a_plugin_can_speak_against_a_field_but_not_outweigh_everything():
    def industry(name: str, **options: Any) -> float:
        (verdict,) = judge([Trait(name, ["Retail", "Banking"])], **options)
        return max(c.confidence for c in verdict.candidates if c.field == "industry")

    assert industry("not industry", hooks=hooks_with(Oracle())) < industry("not industry")
    strong = Oracle()
    strong.strength = 1000.0
    (verdict,) = judge([Trait("email", ["a@example.com"])], hooks=hooks_with(strong))
    assert verdict.best == "email"


def test_the_plugin_in_the_documents_works():
    (snippet,) = re.findall(r"```python\n(.*?)```", (SCHEMA.parents[1] / "propose.md").read_text(), re.S)
    names: dict[str, Any] = {}
    exec(snippet, names)
    (verdict,) = judge([Trait("kdx", ["foo bar", "baz"])], hooks=hooks_with(names["House"]()))
    assert verdict.best == "external_id"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([], "The hook 'oracle' answered for 0 of 1 attributes."),
        (
            [[Evidence("shoe", "plugin", 1.0, "")]],
            "The hook 'oracle' proposes 'shoe', which is no field of ours.",
        ),
    ],
)
def test_a_wrong_answer_names_the_plugin(answer, message):
    class Wrong:
        @hookimpl
        def crmlift_propose(self, traits):
            return answer

    with pytest.raises(ConfigError, match=message):
        judge([Trait("a", ["b"])], hooks=hooks_with(Wrong()))


def test_a_broken_plugin_is_named_without_its_values():
    class Broken:
        @hookimpl
        def crmlift_propose(self, traits):
            raise ValueError("Ottokar")

    with pytest.raises(
        ConfigError, match=r"The hook 'oracle' failed over 1 attributes: ValueError "
    ) as error:
        judge([Trait("a", ["Ottokar"])], hooks=hooks_with(Broken()))
    assert "Ottokar" not in str(error.value)


# The published form


def test_both_answers_follow_the_published_schema():
    check = fastjsonschema.compile(json.loads(SCHEMA.read_text()))
    made = drafted({"gizmo": "blue", "newsletter_ok": True}, {"gizmo": "red"})
    answer = proposal(Path("crmlift/memory.yml"), "0" * 64, made, profile=Path("scope.json"), live=True)
    check(json.loads(answer.model_dump_json()))
    assert sum(answer.summary.values()) == 2
    traits = [Trait("email", ["a@example.com"]), Trait("qz")]
    check([entry.model_dump(mode="json") for entry in fields_for(traits, judge(traits))])
    with pytest.raises(fastjsonschema.JsonSchemaException):
        check([{"trait": "email"}])
