"""What is said about rebuilding in Odoo: domains, what is lost, and drafts that Odoo can read."""

from __future__ import annotations

import ast
import zipfile
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from crmlift.handoff.advice import Exactness, Fields, Segment
from crmlift.handoff.conditions import parse
from crmlift.handoff.journey import Journey, Step, StepKind, Trigger, Way
from crmlift.mapping.load import read_mapping
from target_odoo.deeds import OdooPeople, code
from target_odoo.domains import ENTITY, OdooDomain
from target_odoo.target import TargetOdoo

MAPPING = read_mapping(TargetOdoo.default_mapping)
KINDS = {
    "unsubscribed": {"boolean"},
    "lead_score": {"integer", "string"},
    "last_seen_at": {"integer"},
    "signup_date": {"integer", "string"},
    "city": {"string"},
    "bio": {"string", "blank"},
}
BASE = ["&", "&", ("is_company", "=", False), ("x_cio_id", "!=", False)]
# What real Odoo 17 to 19 have of these models; a field that is not there would end an import.
FIELDS = {
    "ir.filters": {"name", "model_id", "domain"},
    "base.automation": {"name", "model_id", "trigger", "filter_domain", "active", "trg_date_id",
                        "trg_date_range", "trg_date_range_type"},
    "ir.actions.server": {"name", "model_id", "base_automation_id", "usage", "state", "code"},
    "ir.cron": {"name", "model_id", "state", "code", "interval_number", "interval_type", "active"},
    "ir.model": {"name", "model"},
    "ir.model.fields": {"name", "field_description", "ttype", "relation", "on_delete", "index", "model_id"},
    "ir.model.access": {"name", "model_id", "group_id", "perm_read", "perm_write", "perm_create",
                        "perm_unlink"},
}  # fmt: skip


class Seen:
    def kinds(self, attribute: str) -> frozenset[str]:
        return frozenset(KINDS.get(attribute, set()))

    def names(self, stream: str) -> frozenset[str]:
        return frozenset({"Welcome"} if stream == "campaigns" else ())


def fields(*segments: Segment) -> Fields:
    return Fields(MAPPING, Seen(), {segment.id: segment for segment in segments})


VIP = Segment("7", "VIP", False, None)
PRO = Segment(
    "8", "In Köln", True, parse({"attribute": {"field": "city", "operator": "eq", "value": "Köln"}})
)


def cmp(field: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"attribute": {"field": field, "operator": operator, "value": value}, **more}


@pytest.mark.parametrize(
    ("raw", "domain", "lost"),
    [
        (cmp("city", "eq", "50%_\\"), [("city", "=ilike", "50\\%\\_\\\\")], 0),
        (cmp("city", "contains", "öl"), [("city", "ilike", "öl")], 0),
        (cmp("company", "exists"), [("x_cio_company", "!=", False)], 0),
        ({"not": cmp("company", "exists")}, ["!", ("x_cio_company", "!=", False)], 0),
        (cmp("company", "!exists"), ["!", ("x_cio_company", "!=", False)], 0),
        (cmp("city", "eq", "a", inverse=True), ["&", "!", ("city", "=ilike", "a"), ("city", "!=", False)], 1),
        (cmp("city", "!eq", "a"), ["&", "!", ("city", "=ilike", "a"), ("city", "!=", False)], 1),
        (cmp("unsubscribed", "eq", "true"), [("x_cio_unsubscribed", "=", True)], 1),
        (cmp("unsubscribed", "eq", "false"), [("x_cio_unsubscribed", "=", False)], 2),
        (cmp("lead_score", "eq", "100"), [("x_cio_lead_score", "=", 100)], 0),
        (cmp("lead_score", "gt", 50), [("x_cio_lead_score", ">", 50)], 0),
        (cmp("lead_score", "lt", 50), [("x_cio_lead_score", "<", 50)], 1),
        (cmp("lead_score", "eq", "high"), None, 1),
        (cmp("last_seen_at", "timestamp_gta", 1_800_000_000),
         [("x_cio_last_seen_at", ">", "2027-01-15 08:00:00")], 0),
        ({"not": cmp("last_seen_at", "timestamp_gta", 1_800_000_000)},
         ["!", ("x_cio_last_seen_at", ">", "2027-01-15 08:00:00")], 1),
        (cmp("signup_date", "timestamp_lta", 1_800_000_000), [("x_cio_signup_date", "<", "2027-01-15")], 2),
        (cmp("last_seen_at", "timestamp_gt", 86_400), None, 1),
        (cmp("bio", "exists"), [("x_cio_bio", "!=", False)], 1),
        (cmp("plan", "eq", "pro"), [("x_cio_plan", "=ilike", "pro")], 1),
        (cmp("country", "eq", "Deutschland"), [("country_id.code", "=", "DE")], 1),
        (cmp("website", "eq", "a.example.com"), [("website", "=ilike", "a.example.com")], 1),
        (cmp("trait_001", "eq", "x"), None, 1),
        (cmp("city", "sounds_like", "x"), None, 1),
        ({"segment": {"id": 7}}, [("category_id.name", "=", "VIP")], 0),
        ({"segment": {"id": 7}, "inverse": True}, ["!", ("category_id.name", "=", "VIP")], 1),
        ({"segment": {"id": 8}}, [("city", "=ilike", "Köln")], 0),
        ({"segment": {"id": 99}}, None, 1),
        ({"event": {"name": "visit", "type": "event"}}, None, 1),
        ({}, [("id", "!=", False)], 0),
        ({"and": [cmp("city", "eq", "a"), {"or": [cmp("phone", "exists"), cmp("trait_001", "eq", "x")]}]},
         ["&", ("city", "=ilike", "a"), ("phone", "!=", False)], 1),
    ],
)  # fmt: skip
def test_a_condition_becomes_a_domain_and_what_it_loses_is_counted(raw: Any, domain: Any, lost: int) -> None:
    translator = OdooDomain(fields(VIP, PRO), ENTITY)
    assert translator.translate(parse(raw)) == domain
    assert len(translator.lost) == lost, translator.lost


def test_segments_that_name_each_other_come_to_an_end() -> None:
    one = Segment("1", "One", True, parse({"segment": {"id": 2}}))
    two = Segment("2", "Two", True, parse({"or": [{"segment": {"id": 1}}, cmp("city", "eq", "a")]}))
    translator = OdooDomain(fields(one, two), ENTITY)
    assert one.tree is not None
    assert translator.translate(one.tree) == [("city", "=ilike", "a")]
    assert len(translator.lost) == 1


def test_two_segments_of_one_name_share_a_tag_and_that_is_said() -> None:
    translator = OdooDomain(fields(VIP, Segment("9", "VIP", False, None)), ENTITY)
    assert translator.members(VIP) == [("category_id.name", "=", "VIP")]
    assert translator.lost == [
        "Another of the segments has a tag of the name “VIP”, too: rename one of the tags."
    ]


def test_a_campaign_of_the_same_name_has_a_tag_of_it_too() -> None:
    translator = OdooDomain(fields(welcome := Segment("6", "Welcome", False, None)), ENTITY)
    translator.members(welcome)
    assert "Another of the campaigns" in translator.lost[0]


def checked(text: str) -> list[ET.Element]:
    """The records of an Odoo data file."""
    root = ET.fromstring(text)
    assert root.tag == "odoo"
    records = list(root)
    ids = [record.get("id") for record in records]
    assert len(set(ids)) == len(ids)
    for record in records:
        assert record.tag == "record"
        model = str(record.get("model"))
        named = {str(field.get("name")): field for field in record}
        assert named.keys() <= FIELDS[model]
        for field in record:
            assert set(field.keys()) <= {"name", "ref", "eval", "search"}
            if field.get("ref") and field.get("ref") != "base.group_user":
                assert field.get("ref") in ids
        for name in ("domain", "filter_domain"):
            if name in named:
                assert isinstance(ast.literal_eval(str(named[name].text)), list)
        if model in ("base.automation", "ir.cron"):
            assert named["active"].get("eval") == "False"
        if model in ("ir.actions.server", "ir.cron"):
            assert named["state"].text == "code"
            compile(str(named["code"].text), "action", "exec")
    return records


def test_a_segment_gets_a_filter_and_rules_that_are_not_active() -> None:
    known = fields(VIP, PRO)
    advice = TargetOdoo.advisor.segment(PRO, known)
    assert advice.exactness is Exactness.EXACT
    assert ast.literal_eval(advice.artefacts["domain.txt"]) == [*BASE, ("city", "=ilike", "Köln")]
    assert len(checked(advice.artefacts["filter.xml"])) == 1
    assert len(checked(advice.artefacts["automation.xml"])) == 4


def test_a_manual_segment_is_its_tag() -> None:
    advice = TargetOdoo.advisor.segment(VIP, fields(VIP))
    assert advice.exactness is Exactness.EXACT
    assert advice.artefacts.keys() == {"domain.txt", "filter.xml"}


def test_a_segment_without_a_rule_is_by_hand_and_has_the_tag_of_the_export() -> None:
    lost = Segment("3", "Lost", True, None)
    advice = TargetOdoo.advisor.segment(lost, fields(lost))
    assert advice.exactness is Exactness.BY_HAND
    assert "when it was loaded" in advice.steps[0]
    archived = Segment("4", "Old", True, parse({"event": {"name": "visit"}}), listed=False)
    advice = TargetOdoo.advisor.segment(archived, fields(archived))
    assert advice.artefacts.keys() == {"schedule.xml"}, "there is no tag to filter by"


def did(name: str, **more: Any) -> dict[str, Any]:
    filters = {"and": more.pop("filters")} if "filters" in more else {}
    return {"event": {"name": name, "type": "event", "filters": filters}, "within": 864_000, **more}


PROPERTY = {"field": "total", "operator": "gt", "value": "50"}
VISIT = "did([('x_name', '=', 'visit'), ('x_type', '=', 'event')], 864000, "


@pytest.mark.parametrize(
    ("raw", "code", "lost"),
    [
        (did("visit"), f"{VISIT}1, None)", 0),
        (did("visit", times=3), f"{VISIT}3, None)", 0),
        (did("visit", inverse=True), f"(everybody - {VISIT}1, None))", 0),
        (did("visit", within=0), VISIT.replace("864000", "0") + "1, None)", 1),
        (did("visit", within=31 * 86_400), VISIT.replace("864000", "2678400") + "1, None)", 1),
        (did("visit", filters=[PROPERTY]),
         f"{VISIT}1, lambda data: (number(read(data, 'total')) > 50.0))", 0),
        (did("visit", filters=[{"field": "a", "operator": "sounds_like", "value": "b"}]), None, 1),
        (did("visit", filters=[PROPERTY, {"field": "a", "operator": "timestamp_gt", "value": 5}]), None, 1),
        ({"and": [did("visit"), cmp("city", "eq", "a")]},
         f"({VISIT}1, None) & partners([('city', '=ilike', 'a')]))", 0),
        ({"event": {"name": "plan", "type": "attribute_change",
                    "filters": {"and": [{"field": "to", "operator": "eq", "value": "Pro"}]}}, "within": 60},
         "did([('x_type', '=', 'attribute_change')], 60, 1, lambda data: isinstance(data.get('plan'), dict)"
         " and (text(read(data['plan'], 'to')) == 'pro'))", 0),
    ],
)  # fmt: skip
def test_deeds_become_sets_of_people(raw: Any, code: str | None, lost: int) -> None:
    people = OdooPeople(fields(VIP, PRO))
    assert people.translate(parse(raw)) == code
    assert len(people.lost) == lost, people.lost


@pytest.mark.parametrize(
    ("filters", "data", "holds"),
    [
        ([{"field": "a", "operator": "eq", "value": "X"}], {"a": "x"}, True),
        ([{"field": "a", "operator": "eq", "value": "5"}], {"a": 5.0}, True),
        ([{"field": "a", "operator": "eq", "value": "true"}], {"a": True}, True),
        ([{"field": "a", "operator": "eq", "value": "x", "inverse": True}], {}, False),
        ([{"field": "a", "operator": "eq", "value": "x", "inverse": True}], {"a": "y"}, True),
        ([{"field": "a.b", "operator": "contains", "value": "Y"}], {"a": {"b": "xyz"}}, True),
        ([{"field": "a.b", "operator": "exists"}], {"a": "text"}, False),
        ([{"field": "a", "operator": "!exists"}], {}, True),
        ([{"field": "a", "operator": "lt", "value": 5}], {"a": "4.5"}, True),
        ([{"field": "a", "operator": "lt", "value": 5}], {"a": "n/a"}, False),
        ([{"field": "a", "operator": "bw", "value": 1, "value2": 2}], {"a": 2}, True),
        ([{"field": "a", "operator": "gt", "value": 1}, {"field": "b", "operator": "exists"}],
         {"a": 2}, False),
    ],
)  # fmt: skip
def test_properties_of_events_are_compared_as_customerio_does(filters: Any, data: Any, holds: bool) -> None:
    people = OdooPeople(fields())
    expression = str(people.translate(parse(did("visit", filters=filters))))
    found: dict[str, Any] = {"env": {"res.partner": NOBODY}}
    exec(code("set()", []), found)
    assert eval(expression.partition(", 1, ")[2].removesuffix(")"), found)(data) is holds


class NOBODY:
    """A model without records."""

    ids = ()

    @classmethod
    def search(cls, domain: Any) -> Any:
        return cls


def test_a_segment_of_events_gets_a_job_that_is_not_active_and_a_filter_by_its_tag() -> None:
    often = Segment("6", "Often", True, parse(did("visit", times=2)))
    advice = TargetOdoo.advisor.segment(often, fields(often))
    assert advice.exactness is Exactness.EXACT
    (job,) = checked(advice.artefacts["schedule.xml"])
    assert job.get("model") == "ir.cron"
    assert ast.literal_eval(advice.artefacts["domain.txt"]) == [*BASE, ("category_id.name", "=", "Often")]


def test_where_events_are_not_loaded_a_segment_of_them_is_by_hand() -> None:
    rules = {stream: rules for stream, rules in MAPPING.streams.items() if stream != "activities"}
    often = Segment("6", "Often", True, parse(did("visit")))
    unloaded = Fields(MAPPING.model_copy(update={"streams": rules}), Seen(), {"6": often})
    advice = TargetOdoo.advisor.segment(often, unloaded)
    assert advice.exactness is Exactness.BY_HAND
    assert "schedule.xml" not in advice.artefacts


def test_where_events_are_not_loaded_no_draft_needs_their_model() -> None:
    rules = {stream: rules for stream, rules in MAPPING.streams.items() if stream != "activities"}
    unloaded = Fields(MAPPING.model_copy(update={"streams": rules}), Seen(), {"7": VIP, "8": PRO})
    advice = TargetOdoo.advisor.journey(journey("signed_up"), unloaded)
    assert (advice.exactness, advice.artefacts) == (Exactness.BY_HAND, {})
    text = TargetOdoo.advisor.journey(journey(), unloaded).artefacts["automation.xml"]
    checked(text)
    assert "x_cio_event" not in text
    assert "x_event_id" not in text


def test_all_drafts_are_one_module_to_import() -> None:
    artefacts = {"segment-8": TargetOdoo.advisor.segment(PRO, fields(PRO)).artefacts,
                 "campaign-1": TargetOdoo.advisor.journey(journey(), fields(VIP, PRO)).artefacts}  # fmt: skip
    archive = zipfile.ZipFile(BytesIO(TargetOdoo.advisor.package(artefacts)["customerio_handoff.zip"]))
    manifest = ast.literal_eval(archive.read("customerio_handoff/__manifest__.py").decode())
    assert manifest["data"] == [
        "segment-8.filter.xml",
        "segment-8.automation.xml",
        "campaign-1.automation.xml",
    ]
    for name in manifest["data"]:
        checked(archive.read(f"customerio_handoff/{name}").decode())
    assert TargetOdoo.advisor.package({"segment-1": {"domain.txt": "[]"}}) == {}


def test_names_that_would_break_a_file_do_not() -> None:
    odd = Segment("5", "A 'quoted' <tag> & \x00\n\"more\"", True, PRO.tree)
    advice = TargetOdoo.advisor.segment(odd, fields(odd))
    for name in ("filter.xml", "automation.xml"):
        checked(advice.artefacts[name])


def journey(event: str | None = None, drawn: Any = "graph") -> Journey:
    return Journey(
        id="1",
        name="Welcome",
        trigger=Trigger(kind="x", words="y", event=event, condition=None if event else PRO.tree),
        steps=[
            Step(id="1", kind=StepKind.BRANCH, type="b", title="Pro?", words="splits"),
            *(Step(id=str(n), kind=kind, type="t", title=f"Step {n}", words="", channel="push")
              for n, kind in enumerate(StepKind, 2)),
        ],
        ways=[
            Way(start="1", end="2", label="matched", condition=PRO.tree),
            Way(start="1", end="3", label="not"),
            Way(start="2", end="4", label=""),
            Way(start="4", end="1", label="", back=True),
        ],
        roots=["1"],
        exits=["in segment 7"],
        again=False,
        drawn=drawn,
    )  # fmt: skip


def test_a_journey_gets_an_outline_with_every_step_and_a_rule_that_is_not_active() -> None:
    advice = TargetOdoo.advisor.journey(journey(), fields(VIP, PRO))
    assert advice.exactness is Exactness.PARTIAL
    assert len(advice.steps) == 2 + len(StepKind)
    assert "domain [('city', '=ilike', 'Köln')]" in advice.steps[1]
    assert "(back)" in "".join(advice.steps)
    assert "Odoo has no channel for push" in "".join(advice.steps)
    begins, action, *_ = (
        record for record in checked(advice.artefacts["automation.xml"]) if "_begin" in str(record.get("id"))
    )
    assert any(field.text == repr([*BASE, ("city", "=ilike", "Köln")]) for field in begins)
    assert "if partner and not runs" in "".join(str(field.text) for field in action), "nobody enters twice"
    assert [lost.partition(":")[0] for lost in advice.lost] == [
        "Odoo runs rules by time about every hour",
        "Steps that do nothing before you fill them in",
        "Who leaves early (in segment 7) is not in the rules as a whole.",
    ]


def test_a_journey_that_an_event_starts_watches_the_events() -> None:
    begun = journey("signed_up")
    trigger = begun.trigger.model_copy(update={"filters": PRO.tree})
    advice = TargetOdoo.advisor.journey(begun.model_copy(update={"trigger": trigger}), fields(VIP, PRO))
    begins = next(
        one for one in checked(advice.artefacts["automation.xml"]) if "_begin" in str(one.get("id"))
    )
    told = {str(field.get("name")): field.text or field.get("search") for field in begins}
    assert told["model_id"] == "[('model', '=', 'x_cio_event')]"
    assert told["trigger"] == "on_create"
    assert "('x_partner_id.city', '=ilike', 'Köln')" in str(told["filter_domain"])


def test_a_call_of_the_api_begins_no_rule() -> None:
    called = journey().model_copy(update={"trigger": Trigger(kind="API", words="a call", condition=PRO.tree)})
    advice = TargetOdoo.advisor.journey(called, fields(VIP, PRO))
    assert (advice.exactness, advice.artefacts) == (Exactness.BY_HAND, {})
    assert "Köln" in advice.steps[0], "whom to send it to"


def test_a_journey_of_which_only_messages_are_known_is_by_hand() -> None:
    advice = TargetOdoo.advisor.journey(journey("e", "messages only"), fields(VIP))
    assert advice.exactness is Exactness.BY_HAND
