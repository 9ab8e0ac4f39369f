"""The documents of what is not loaded: what they say, what they never show, and that they stand alone."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import fastjsonschema
import pytest
from handoff_records import CAMPAIGN, EVERYTHING, GRAPH, NOW, PEOPLE, SEGMENTS, document

from crmlift.errors import ConfigError
from crmlift.handoff import target as loader
from crmlift.handoff.advice import Advice, Exactness, Fields, Segment
from crmlift.handoff.build import Destination
from crmlift.handoff.journey import Journey
from crmlift.handoff.model import Handoff, Item, Kind
from crmlift.hooks import manager
from crmlift.hookspecs import hookimpl
from crmlift.mapping.load import parse_mapping

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("handoff")
    document(made, *EVERYTHING)
    return made


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory):
    return document(tmp_path_factory.mktemp("items"), *EVERYTHING)


# Items


def test_every_kind_has_its_items(items):
    assert {item.kind for item in items.values()} == set(Kind) - {Kind.BECAME}, "that one needs a target"
    assert len(items) == 3 + 5 + 4


def test_a_segment_has_its_rule_its_size_and_its_people(items):
    segment = items["segment-1"]
    assert segment.rule.words == "plan is “pro”"
    assert segment.rule.raw == {"attribute": {"field": "plan", "operator": "eq", "value": "pro"}}
    assert segment.rule.source == "api"
    assert (segment.members.counted, segment.members.dynamic) == (2, True)
    assert segment.members.file.path == "people/segment-1.csv"


def test_a_manual_segment_has_no_rule_and_a_deleted_membership_does_not_count(items):
    assert items["segment-2"].rule is None
    assert (items["segment-2"].members.counted, items["segment-2"].members.file) == (0, None)


def test_a_rule_that_no_route_gives_is_said_to_be_missing(items):
    assert "No route that was read gives the rule" in items["segment-3"].statements[0]


def test_the_rule_of_the_user_interface_is_shown_and_a_difference_named(tmp_path):
    rule = {
        "id": "1",
        "name": "Pro",
        "type": "dynamic",
        "conditions": {"segment": {"id": 2}},
        "usage": {"x": [1]},
    }
    old = {
        "id": "9",
        "name": "Old",
        "type": "dynamic",
        "archived": True,
        "conditions": {"field": "a", "operator": "?"},
    }
    found = document(tmp_path, *SEGMENTS, ("segment_rules", rule), ("segment_rules", old))
    assert found["segment-1"].rule.words == "in segment 2 “VIP | <b>”"
    assert found["segment-1"].rule.source == "ui_api"
    assert "another rule" in found["segment-1"].statements[0]
    assert found["segment-1"].tables[0].rows == [["x", "1"]]
    assert found["segment-9"].state == "archived"
    assert found["segment-9"].members is None
    assert found["segment-9"].rule.not_understood == ["operator ?"]


def test_without_a_graph_a_campaign_says_that_only_messages_are_known(tmp_path):
    campaign = document(tmp_path, *SEGMENTS, *CAMPAIGN)["campaign-7"]
    assert campaign.journey.drawn == "messages only"
    assert "not in the App API" in campaign.statements[0]
    assert campaign.journey.trigger.words == "event signed_up where in segment 1 “Pro”"
    assert [step.title for step in campaign.journey.steps] == ["Hello"]
    assert campaign.audience is None, "an event and a filter are no audience"
    assert campaign.tables[0].rows == [["1", "Pro", "2"]]
    assert [(metric.name, metric.total) for metric in campaign.metrics] == [("sent", 6)]


def test_with_a_graph_a_campaign_has_its_steps_ways_loops_and_ends(items):
    campaign = items["campaign-7"]
    journey = campaign.journey
    assert [step.kind.value for step in journey.steps] == [
        "branch", "message", "wait", "unknown", "create event", "exit",
    ]  # fmt: skip
    assert journey.step("72").words == "waits 1 day 1 hour"
    assert [(way.start, way.end) for way in journey.ways if way.back] == [("73", "70")]
    assert journey.ways[0].words == "plan is “pro”"
    assert len(journey.loops) == 2
    assert journey.loops[1].endswith("which starts this journey again")
    assert journey.exits == ["in segment 2 “VIP | <b>”"]
    assert journey.goal == "in segment 1 “Pro”"
    assert journey.again
    assert journey.not_understood == ["action type quantum_action", "edge type tunnel"]
    assert journey.step("73").raw == {"spin": "up"}
    assert campaign.messages[0].subject == "Hi {{customer.first_name}}"


def test_a_campaign_that_only_the_graph_knows_takes_its_content_from_the_templates(tmp_path):
    template = {"id": "5071", "name": "Hello", "subject": "Hi {{x}}", "body": "b", "template_type": "email"}
    found = document(tmp_path, *GRAPH, ("templates", template))["campaign-7"]
    assert [(one.channel, one.liquid.variables) for one in found.messages] == [("email", ["x"])]


def test_a_campaign_whose_graph_could_not_be_read_keeps_its_messages(tmp_path):
    found = document(tmp_path, *CAMPAIGN, GRAPH[0])["campaign-7"]
    assert found.journey.drawn == "messages only"


def test_a_newsletter_has_audience_size_content_and_a_plan(items):
    news = items["newsletter-3"]
    facts = {fact.label: fact.value for fact in news.facts}
    assert facts["Sent"] == "2027-01-15 08:00 UTC"
    assert facts["Size"] == "1 messages made"
    assert facts["Topic"] == "Product"
    assert (news.audience.segments, news.audience.people_now) == (["1"], 2)
    assert news.messages[0].language == "de"
    assert any("sent again" in task for task in news.tasks)


def test_a_template_has_its_flags_and_liquid(items):
    receipt = items["transactional-4"]
    assert len(receipt.statements) == 3, "bypass, hidden bodies, redacted messages"
    found = receipt.messages[0].liquid
    assert found.variables == ["customer.first_name", "event.items[0].name", "event.total"]
    assert found.filters == ["upcase"]
    assert found.tags == ["if", "unsubscribe_url"]


def test_a_broadcast_has_its_runs_and_the_limit_that_callers_know(items):
    sale = items["broadcast-5"]
    assert sale.tables[0].rows == [["1", "2027-01-15 08:00 UTC"]]
    assert any("every 10 seconds" in said for said in sale.statements)


def test_what_there_is_once_is_counted(items):
    assert items["push-push"].facts[0].value == "1"
    assert items["deleted-profiles"].facts[0].value == "1"
    facts = {fact.label: fact.value for fact in items["messages-logs"].facts}
    assert (facts["Messages read"], facts["Bounced"], facts["Content not kept (redacted)"]) == ("2", "1", "1")
    tables = {table.title: table.rows for table in items["completeness-export"].tables}
    assert tables["Not whole"] == [["older_activities", "not_available", "", "30 days"]]
    assert tables["Came and is not understood"] == [["people", "operator sounds_like", "2"]]
    assert [table.title for table in items["settings-workspace"].tables] == [
        "Topics of the subscription center"
    ]


# Files


def test_the_json_follows_the_published_schemas(folder):
    check = {name: fastjsonschema.compile(json.loads((SCHEMAS / f"{name}.json").read_text()))
             for name in ("handoff", "handoff-item")}  # fmt: skip
    index = json.loads((folder / "handoff.json").read_text())
    said = {entry["key"]: entry["summary"] for entry in index["items"]}
    assert said["newsletter-3"] == "to segment 1 “Pro”; sent 2027-01-15 08:00 UTC, 1 messages made"
    check["handoff"](index)
    for entry in index["items"]:
        check["handoff-item"](json.loads((folder / "items" / f"{entry['key']}.json").read_text()))
    assert {task["item"] for task in index["checklist"]} <= {entry["key"] for entry in index["items"]}


def test_every_file_is_its_owners_only_and_nothing_shows_people_but_the_lists(folder):
    for path in (path for path in folder.rglob("*") if path.is_file()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        text = path.read_text()
        assert "@example.com" not in text, path
        if path.parent.name != "people":
            assert not re.search(r"\bc[1-4]\b|user-\d|device-\d", text), path
    assert (folder / "people" / "segment-1.csv").read_text().split() == ["cio_id", "c1", "c3"]
    assert (folder / "people" / "deleted.csv").read_text().split() == ["cio_id,id,deleted_at", f"gone,,{NOW}"]
    assert "d2,c2,email" in (folder / "people" / "messages.csv").read_text()


def test_people_are_shown_if_asked_for(tmp_path):
    document(tmp_path, *EVERYTHING, show_people=True)
    assert "c1,user-1,p1@example.com" in (tmp_path / "people" / "segment-1.csv").read_text()
    assert "gone@example.com" in (tmp_path / "people" / "deleted.csv").read_text()


class _Page(HTMLParser):
    """What a page loads and links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("id"):
            self.ids.add(str(named["id"]))
        if tag == "a":
            self.links.append(str(named["href"]))
        if tag in ("script", "link", "img", "iframe", "image", "use", "object") or "src" in named:
            self.loads.append(tag)


def test_no_page_loads_anything_and_every_link_leads_somewhere(folder):
    pages = list(folder.rglob("*.html"))
    assert len(pages) == 1 + 12
    for path in pages:
        text = path.read_text()
        page = _Page(text)
        assert page.loads == []
        assert not re.search(
            r"url\((?!#)|@import|https?://", re.sub(r"<pre>.*?</pre>", "", text, flags=re.S)
        ), path
        for link in page.links:
            file, _, part = unquote(link).partition("#")
            assert (path.parent / file).exists() if file else part in page.ids, f"{path.name}: {link}"


def test_links_of_the_markdown_lead_somewhere(folder):
    for path in folder.rglob("*.md"):
        links = re.findall(r"(?<!\\)\]\(([^)]+)\)", path.read_text())
        assert links
        assert [link for link in links if not (path.parent / link).exists()] == []


def test_names_cannot_break_a_page_or_a_table(folder):
    assert "VIP | <b>" not in (folder / "index.html").read_text()
    assert "VIP | &lt;b&gt;" in (folder / "index.html").read_text()
    assert r"VIP \| \<b\>" in (folder / "index.md").read_text()


def test_a_second_hand_off_replaces_the_first(tmp_path):
    document(tmp_path, *EVERYTHING)
    (tmp_path / "mine.txt").write_text("kept")
    document(tmp_path, *PEOPLE, *SEGMENTS)
    assert not (tmp_path / "items" / "campaign-7.html").exists()
    assert not (tmp_path / "people" / "deleted.csv").exists()
    assert (tmp_path / "mine.txt").exists()


def test_a_target_without_advice_is_named_before_anything_is_read(tmp_path):
    with pytest.raises(ConfigError, match="nothing-like-it"):
        document(tmp_path, *PEOPLE, target="nothing-like-it")
    assert not (tmp_path / "items").exists()


class Auditor:
    """A plugin that leaves one item out, adds one, and writes a file."""

    @hookimpl
    def crmlift_audit(self, items: list[Item]) -> None:
        items[:] = [item for item in items if item.kind is not Kind.PUSH]
        items.append(Item(kind=Kind.SETTINGS, id="own", name="Ours", tasks=["Ask legal"]))

    @hookimpl
    def crmlift_handoff_written(self, folder: Path, handoff: Handoff) -> None:
        (folder / "own.txt").write_text(str(len(handoff.items)))


class NoAdvice:
    """An advisor with nothing to say."""

    crm = "Memory"

    def segment(self, segment: Segment, fields: Fields) -> Advice:
        return Advice(crm=self.crm, exactness=Exactness.BY_HAND, artefacts={"note.txt": segment.name})

    def journey(self, journey: Journey, fields: Fields) -> Advice:
        return Advice(crm=self.crm, exactness=Exactness.BY_HAND, lost=["everything"])

    def package(self, artefacts: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
        return {
            "all.txt": "\n".join(f"{item}: {name}" for item in artefacts for name in artefacts[item]).encode()
        }


def test_plugins_take_part_and_a_target_advises(tmp_path, monkeypatch):
    mapping = parse_mapping("destination: memory\nworkspace: demo\nhooks: {auditor: {}}\n")
    crm = Destination("memory", NoAdvice(), mapping, approved=False)
    monkeypatch.setattr(loader, "destination", lambda *_: crm)
    monkeypatch.setattr(manager, "_make", lambda name, settings: Auditor())
    items = document(tmp_path, *EVERYTHING)
    assert "push-push" not in items
    assert (tmp_path / "own.txt").read_text() == str(len(items))
    assert (tmp_path / "advice" / "memory" / "segment-2.note.txt").read_text() == "VIP | <b>"
    assert items["campaign-7"].advice[0].lost == ["everything"]
    assert (tmp_path / "advice" / "memory" / "all.txt").read_text().splitlines() == [
        "segment-1: note.txt", "segment-2: note.txt", "segment-3: note.txt"
    ]  # fmt: skip
    assert 'href="advice/memory/all.txt"' in (tmp_path / "index.html").read_text()
    index = json.loads((tmp_path / "handoff.json").read_text())
    assert index["destination"] == "Memory"
    assert index["mapping_approved"] is False
    assert "Ask legal" in (tmp_path / "index.html").read_text()
    assert "not approved" in (tmp_path / "index.html").read_text()


def test_an_empty_workspace_has_its_documents(tmp_path):
    assert {item.kind for item in document(tmp_path, *PEOPLE).values()} == {
        Kind.PUSH, Kind.SETTINGS, Kind.DELETED, Kind.MESSAGES, Kind.COMPLETENESS,
    }  # fmt: skip
    assert "The tap did not say" in (tmp_path / "items" / "completeness-export.md").read_text()
