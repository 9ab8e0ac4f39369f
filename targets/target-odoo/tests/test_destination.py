from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from crmlift import once
from crmlift.destination import CountsMessages, Create, Destination, Field, FieldType, Outcome, Update
from crmlift.errors import BatchRefused, RunStopped
from target_odoo.destination import OdooDestination

if TYPE_CHECKING:
    from conftest import Odoo

AT = datetime(2019, 5, 4, 3, 2, 1, tzinfo=UTC)
EVENT_FIELDS = [
    Field("x_type", FieldType.TEXT, indexed=True),
    Field("x_partner_id", FieldType.LINK, links_to="person"),
    Field("x_occurred_at", FieldType.DATETIME, indexed=True),
    Field("x_properties", FieldType.JSON),
]


def people(count: int, start: int = 0) -> list[Create]:
    return [
        Create(f"p{n}", {"name": f"Person {n}", "email": f"p{n}@example.com", "ref": str(n)})
        for n in range(start, start + count)
    ]


def ids(outcomes: list[Outcome]) -> dict[str, str]:
    assert all(outcome.refusal is None for outcome in outcomes)
    return {outcome.key: outcome.id or "" for outcome in outcomes}


def events(person: str, count: int) -> list[Create]:
    return [
        Create(f"e{n}", {"x_name": "bought", "x_type": "event", "x_partner_id": person, "x_occurred_at": AT})
        for n in range(count)
    ]


def total(crm: OdooDestination, entity: str) -> int:
    return sum(len(page) for page in crm.scan(entity, (), ours=True))


def test_it_is_a_destination_that_counts_messages(sandbox_crm: OdooDestination) -> None:
    assert isinstance(sandbox_crm, Destination)
    assert isinstance(sandbox_crm, CountsMessages)


def test_two_thousand_people_with_one_bad_row_take_one_call_per_thousand_and_one_more(
    sandbox_crm: OdooDestination, stats: Callable[[], dict[str, int]]
) -> None:
    rows = people(2000)
    rows[1234].values["type"] = "contact"
    del rows[1234].values["name"]
    sandbox_crm.describe("person")
    first = sandbox_crm.create("person", rows[:1000])
    stats()
    with pytest.raises(BatchRefused) as caught:
        sandbox_crm.create("person", rows[1000:])
    assert list(caught.value.rows) == [234]
    assert "require a name" in caught.value.rows[234].detail
    assert sandbox_crm.count("person") == 1000
    second = sandbox_crm.create("person", [row for row in rows[1000:] if row.key != "p1234"])
    assert stats()["res.partner.load"] == 2
    made = ids(first) | ids(second)
    assert len(made) == len(set(made.values())) == sandbox_crm.count("person") == 1999


def test_creating_again_doubles_nothing_and_tells_what_was_there_before(
    odoo: Odoo, crm: OdooDestination, workspace: str
) -> None:
    first = crm.create("person", people(30))
    again = crm.create("person", people(40))
    assert ids(again).items() >= ids(first).items()
    assert not any(outcome.existed for outcome in again)
    with odoo.destination(workspace) as later:
        assert [o.existed for o in later.create("person", people(41))] == [True] * 40 + [False]
        assert later.count("person") == 41


def test_a_batch_whose_rows_have_different_fields_keeps_defaults_and_empties(crm: OdooDestination) -> None:
    made = ids(
        crm.create(
            "person",
            [
                Create("a", {"name": "A", "active": False, "type": "other"}),
                Create("b", {"name": "B", "city": "Ghent"}),
                Create("c", {"name": "C", "tz": "Europe/Paris"}),
            ],
        )
    )
    names = ["active", "type", "city", "lang", "tz", "is_company"]
    found = crm.read("person", list(made.values()), names)
    held = [[found[made[key]][name] for name in names] for key in "abc"]
    assert held == [
        [False, "other", None, None, None, False],
        [True, "contact", "Ghent", None, None, False],
        [True, "contact", None, None, "Europe/Paris", False],
    ]


def test_the_row_that_breaks_a_rule_is_blamed_and_no_other(crm: OdooDestination) -> None:
    company = ids(crm.create("company", [Create("c", {"name": "Acme"})]))["c"]
    rows = [Create(f"p{n}", {"name": f"P{n}", "parent_id": company, "type": "other"}) for n in range(4)]
    crm.create("person", rows)
    rows[2].values["parent_id"] = crm.find("person", ["p2"])["p2"]  # its own parent
    with pytest.raises(BatchRefused) as caught:
        crm.create("person", rows)
    assert list(caught.value.rows) == [2]
    with pytest.raises(BatchRefused) as caught:
        crm.create("person", rows[2:])
    assert list(caught.value.rows) == [0]


def test_updates_of_different_values_go_in_one_call(
    sandbox_crm: OdooDestination, stats: Callable[[], dict[str, int]]
) -> None:
    made = ids(sandbox_crm.create("person", people(500)))
    sandbox_crm.update("person", [Update("p0", made["p0"], {"city": "Ghent"})])
    stats()
    rows = [Update(key, id_, {"city": f"City {n}", "ref": None}) for n, (key, id_) in enumerate(made.items())]
    assert ids(sandbox_crm.update("person", rows)) == made
    assert stats() == {"res.partner.web_save_multi": 1}
    found = sandbox_crm.read("person", list(made.values()), ["city", "ref"])
    assert [found[id_] for id_ in made.values()] == [{"city": f"City {n}", "ref": None} for n in range(500)]


def test_older_servers_are_updated_by_equal_values(sandbox_17: Odoo, workspace: str) -> None:
    with sandbox_17.destination(workspace) as crm:
        made = ids(crm.create("person", people(4)))
        crm.update(
            "person", [Update(key, id_, {"city": "ABBA"[n]}) for n, (key, id_) in enumerate(made.items())]
        )
        found = crm.read("person", list(made.values()), ["city"])
        assert [found[id_]["city"] for id_ in made.values()] == list("ABBA")
        assert crm.client.http.calls["res.partner.write"] == 2
        tag = ids(crm.create("tag", [Create("1", {"name": "VIP"})]))["1"]
        pairs = [Create(f"1:{key}", {"partner_id": id_, "category_id": tag}) for key, id_ in made.items()]
        assert [o.id for o in crm.create("person_tag", pairs)] == [f"{id_}:{tag}" for id_ in made.values()]
        assert crm.read("person_tag", [f"{made['p0']}:{tag}"], ["category_id"])


def test_an_update_names_the_rows_whose_record_is_gone(crm: OdooDestination) -> None:
    made = ids(crm.create("person", people(3)))
    crm.delete("person", {"p1": made["p1"]})
    rows = [Update(key, id_, {"city": "Ghent"}) for key, id_ in made.items()]
    with pytest.raises(BatchRefused) as caught:
        crm.update("person", rows)
    assert list(caught.value.rows) == [1]
    assert crm.read("person", list(made.values()), ["city"])[made["p0"]] == {"city": None}
    assert len(crm.update("person", [rows[0], rows[2]])) == 2


@pytest.mark.parametrize(
    "key",
    ["plain", "a b", "a.b", "a%b", "50%25", "ann+tag@example.com", "ключ", "a_b:c/d", "🙂", "x" * 150, " "],
)
def test_keys_with_odd_characters_are_found_again(crm: OdooDestination, key: str) -> None:
    made = ids(crm.create("person", [Create(key, {"name": "Odd"}), Create(key + "2", {"name": "Other"})]))
    assert crm.find("person", [key, "absent"]) == {key: made[key]}
    assert {f.key: f.id for page in crm.scan("person", (), ours=True) for f in page} == made


def test_workspaces_and_entities_do_not_see_each_others_rows(
    odoo: Odoo, crm: OdooDestination, workspace: str
) -> None:
    crm.create("person", people(2))
    crm.create("company", [Create("p0", {"name": "Acme"})])
    with odoo.destination(workspace + "_b") as other:
        assert other.find("person", ["p0"]) == {}
        assert other.count("person") == other.count("company") == 0
        other.create("person", people(1))
    assert (crm.count("person"), crm.count("company"), total(crm, "person")) == (2, 1, 2)


def test_pages_go_through_all_records(sandbox_crm: OdooDestination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_odoo.records.PAGE", 7)
    monkeypatch.setattr("target_odoo.xmlids.PAGE", 7)
    made = ids(sandbox_crm.create("person", people(21)))
    sandbox_crm.update("person", [Update("p3", made["p3"], {"active": False})])
    pages = list(sandbox_crm.scan("person", ["ref", "active"], ours=True))
    assert [len(page) for page in pages] == [7, 7, 7]
    found = {f.key: f.values for page in pages for f in page}
    assert found["p3"] == {"ref": "3", "active": False}
    assert sandbox_crm.find("person", list(made)) == made


def test_existing_contacts_are_offered_adopted_and_released(
    odoo: Odoo, crm: OdooDestination, workspace: str
) -> None:
    old = odoo.id("res.partner", name="Old", email=f"Old.{workspace}@Example.com")
    archived = odoo.id("res.partner", name="Archived", ref=workspace, active=False)
    company = odoo.id("res.partner", name="Old company", is_company=True)
    crm.create("person", people(1))

    def offered() -> dict[str, dict[str, Any]]:
        pages = crm.scan("person", ["email_normalized", "ref"], ours=False)
        return {found.id: found.values for page in pages for found in page}

    before = offered()
    assert before[str(old)]["email_normalized"] == f"old.{workspace}@example.com"
    assert before[str(archived)]["ref"] == workspace
    assert str(company) not in before
    assert crm.find("person", ["p0"])["p0"] not in before

    crm.adopt("person", {"x": str(old), "y z": str(archived)})
    crm.adopt("person", {"x": str(old)})
    assert crm.find("person", ["x", "y z"]) == {"x": str(old), "y z": str(archived)}
    assert crm.count("person") == 3
    assert not offered().keys() & {str(old), str(archived)}

    crm.release("person", ["x", "y z", "absent"])
    assert crm.count("person") == 1
    assert offered().keys() >= {str(old), str(archived)}
    assert crm.read("person", [str(old)], ["name"]) == {str(old): {"name": "Old"}}


def test_an_adoption_whose_answer_is_lost_is_not_done_twice(
    sandbox: Odoo, sandbox_crm: OdooDestination
) -> None:
    old = str(sandbox.id("res.partner", name="Old"))
    assert sandbox_crm.count("person") == 0
    sandbox.sandbox.faults({"kind": "cut", "match": "ir.model.data/create", "times": 1})  # type: ignore[union-attr]
    sandbox_crm.adopt("person", {"x": old})
    assert sandbox_crm.find("person", ["x"]) == {"x": old}
    assert sandbox_crm.count("person") == 1


@pytest.mark.parametrize("entity", ["person", "company", "tag"])
def test_a_cut_connection_doubles_no_record(sandbox: Odoo, sandbox_crm: OdooDestination, entity: str) -> None:
    sandbox_crm.create(entity, [Create("first", {"name": "First"})])
    for after in (True, False):
        sandbox.sandbox.faults({"kind": "cut", "match": "/load", "times": 2, "after": after})  # type: ignore[union-attr]
        rows = [Create(f"{after}{n}", {"name": f"N{n}"}) for n in range(50)]
        outcomes = sandbox_crm.create(entity, rows)
        assert sandbox_crm.find(entity, [row.key for row in rows]) == ids(outcomes)
    assert sandbox_crm.count(entity) == 101


def test_a_cut_connection_doubles_no_event(sandbox: Odoo, sandbox_crm: OdooDestination) -> None:
    sandbox_crm.provision("event", EVENT_FIELDS)
    person = ids(sandbox_crm.create("person", people(1)))["p0"]
    for n, after in enumerate((True, False)):
        rows = [Create(f"{after}{row.key}", row.values) for row in events(person, 100)]
        sandbox.sandbox.faults(  # type: ignore[union-attr]
            {"kind": "cut", "match": "x_cio_event/create", "times": 1, "after": after}
        )
        outcomes = sandbox_crm.create("event", rows)
        assert sandbox_crm.find("event", [row.key for row in rows]) == ids(outcomes)
        assert sandbox_crm.count("event") == total(sandbox_crm, "event") == 100 * (n + 1)


def test_after_a_time_out_the_server_gets_the_time_to_end_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[list[str]] = []
    looks = iter([{}, {}, {"a": "1", "b": "2"}])
    monkeypatch.setattr("time.sleep", lambda _: None)

    def send(keys: Any) -> dict[str, str]:
        sent.append(list(keys))
        raise once.Unanswered("late", running=True)

    assert once.create_once(["a", "b"], send, lambda _: next(looks), limit_s=120) == {"a": "1", "b": "2"}
    assert sent == [["a", "b"]]


def test_tags_of_a_batch_take_one_look_and_one_write(
    sandbox_crm: OdooDestination, stats: Callable[[], dict[str, int]]
) -> None:
    made = ids(sandbox_crm.create("person", people(200)))
    tags = ids(sandbox_crm.create("tag", [Create(str(n), {"name": f"Segment {n}"}) for n in range(3)]))
    rows = [
        Create(f"{tag}:{key}", {"partner_id": id_, "category_id": tag_id})
        for tag, tag_id in tags.items()
        for key, id_ in made.items()
    ]
    before = sandbox_crm.count("person_tag")
    stats()
    outcomes = sandbox_crm.create("person_tag", rows)
    assert stats() == {"res.partner.search_read": 1, "res.partner.category.web_save_multi": 1}
    assert not any(outcome.existed for outcome in outcomes)
    assert all(outcome.existed for outcome in sandbox_crm.create("person_tag", rows))
    assert stats() == {"res.partner.search_read": 1}
    assert sandbox_crm.count("person_tag") - before == 600


def test_pairs_are_read_counted_and_removed(crm: OdooDestination) -> None:
    crm.provision("person_company", [])
    made = ids(crm.create("person", people(2)))
    companies = ids(crm.create("company", [Create(f"c{n}", {"name": f"Acme {n}"}) for n in range(2)]))
    before = crm.count("person_company")
    rows = [
        Create(f"{c}:{p}", {"partner_id": made[p], "company_id": companies[c]})
        for c in companies
        for p in made
    ]
    outcomes = ids(crm.create("person_company", rows))
    first, *others = outcomes.values()
    assert first == f"{made['p0']}:{companies['c0']}"
    assert crm.read("person_company", [first, "1:999999"], ["partner_id", "company_id"]) == {
        first: {"partner_id": made["p0"], "company_id": companies["c0"]}
    }
    gone = crm.delete("person_company", {"k": first, "l": "1:999999"})
    assert [outcome.refusal for outcome in gone] == [None, None]
    assert sorted(crm.read("person_company", [first, *others], [])) == sorted(others)
    assert crm.count("person_company") == before + 3


def test_a_pair_with_a_contact_that_is_gone_is_named(crm: OdooDestination) -> None:
    made = ids(crm.create("person", people(3)))
    tag = ids(crm.create("tag", [Create("1", {"name": "VIP"})]))["1"]
    crm.delete("person", {"p1": made["p1"]})
    rows = [Create(key, {"partner_id": id_, "category_id": tag}) for key, id_ in made.items()]
    with pytest.raises(BatchRefused) as caught:
        crm.create("person_tag", rows)
    assert {n: refusal.code for n, refusal in caught.value.rows.items()} == {1: "contact_is_gone"}
    assert crm.read("person_tag", [f"{made['p0']}:{tag}"], []) == {}


def test_archived_people_can_be_tagged(crm: OdooDestination) -> None:
    person = ids(crm.create("person", [Create("p", {"name": "Gone", "active": False})]))["p"]
    tag = ids(crm.create("tag", [Create("1", {"name": "VIP"})]))["1"]
    row = [Create("k", {"partner_id": person, "category_id": tag})]
    assert not crm.create("person_tag", row)[0].existed
    assert crm.create("person_tag", row)[0].existed
    assert f"{person}:{tag}" in {found.id for page in crm.scan("person_tag", (), ours=True) for found in page}


def test_linking_a_person_to_a_company_keeps_the_persons_address(crm: OdooDestination) -> None:
    home = {"street": "Home 1", "city": "Bruges", "zip": "8000", "country_id": "BE"}
    work = {"street": "Main 9", "city": "Paris", "zip": "75001", "country_id": "FR"}
    company = ids(crm.create("company", [Create("c", {"name": "Acme", **work})]))["c"]
    person = ids(crm.create("person", [Create("p", {"name": "Ann", **home})]))["p"]
    crm.update("person", [Update("p", person, {"type": "other", "parent_id": company})])
    assert crm.read("person", [person], [*home, "parent_id"])[person] == {**home, "parent_id": company}
    crm.update("person", [Update("p", person, {"city": "Ghent"})])
    assert crm.read("company", [company], list(work))[company] == work


def test_events_keep_their_moment_and_go_with_their_person(crm: OdooDestination) -> None:
    crm.provision("event", EVENT_FIELDS)
    person = ids(crm.create("person", people(1)))["p0"]
    rows = events(person, 3)
    rows[1].values["x_properties"] = {"amount": 12.5, "items": ["a", None]}
    made = ids(crm.create("event", rows))
    names = ["x_name", "x_type", "x_partner_id", "x_occurred_at", "x_properties"]
    found = crm.read("event", list(made.values()), names)
    assert found[made["e1"]] == rows[1].values
    assert found[made["e0"]] == {**rows[0].values, "x_properties": None}
    assert crm.count("event") == 3
    crm.delete("person", {"p0": person})
    assert crm.count("event") == 0


def test_events_are_adopted_and_released_too(crm: OdooDestination) -> None:
    crm.provision("event", EVENT_FIELDS)
    made = ids(crm.create("event", [Create("a b", {"x_name": "x"})]))
    crm.release("event", ["a b"])
    assert crm.find("event", ["a b"]) == {}
    assert made["a b"] in {found.id for page in crm.scan("event", ["x_name"], ours=False) for found in page}
    crm.adopt("event", {"c": made["a b"]})
    assert crm.find("event", ["c"]) == {"c": made["a b"]}


def test_events_before_their_model_is_there_are_none(sandbox_17: Odoo, workspace: str) -> None:
    with sandbox_17.destination(workspace) as crm:
        assert crm.describe("event") == {}
        assert crm.count("event") == 0


def test_deleting_goes_on_past_what_is_gone_and_past_what_refuses(odoo: Odoo, crm: OdooDestination) -> None:
    made = ids(crm.create("person", people(6)))
    crm.delete("person", {"p1": made["p1"]})
    user = odoo.raw("res.users", "read", ids=[2], fields=["partner_id"])[1][0]["partner_id"][0]
    outcomes = crm.delete("person", {**made, "admin": str(user)})
    assert Counter(outcome.refusal is None for outcome in outcomes) == {True: 6, False: 1}
    assert outcomes[-1].refusal is not None
    assert crm.read("person", list(made.values()), []) == {}
    assert crm.find("person", list(made)) == {}


def test_an_unknown_field_stops_the_run_and_says_what_to_do(sandbox_crm: OdooDestination) -> None:
    with pytest.raises(RunStopped, match=r"has no field x_cio_nothing.*provision"):
        sandbox_crm.create("person", [Create("p", {"name": "Ann", "x_cio_nothing": 1})])


def test_a_right_lost_in_the_middle_stops_the_run(sandbox: Odoo, workspace: str) -> None:
    clerk = sandbox.client(api_key="sandbox-limited")
    with OdooDestination(clerk, workspace) as crm:
        with sandbox.destination(workspace) as admin:
            admin.provision("event", EVENT_FIELDS)
        with pytest.raises(RunStopped, match="may not write x_cio_event"):
            crm.create("event", [Create("a", {"x_name": "x"})])


def test_a_whole_load_sends_nothing(odoo: Odoo, crm: OdooDestination) -> None:
    before = crm.outgoing()
    messages = odoo.raw("mail.message", "search_count", domain=[["model", "=", "res.partner"]])[1]
    crm.provision("event", EVENT_FIELDS)
    made = ids(crm.create("person", people(20)))
    crm.update("person", [Update(key, id_, {"user_id": "1", "city": "Ghent"}) for key, id_ in made.items()])
    tag = ids(crm.create("tag", [Create("1", {"name": "VIP"})]))["1"]
    crm.create("person_tag", [Create(key, {"partner_id": i, "category_id": tag}) for key, i in made.items()])
    crm.create("event", events(made["p0"], 5))
    crm.delete("person", {"p1": made["p1"]})
    assert crm.outgoing() == before
    assert odoo.raw("mail.message", "search_count", domain=[["model", "=", "res.partner"]])[1] == messages


def test_mail_that_an_automation_rule_sends_is_counted(sandbox: Odoo, sandbox_crm: OdooDestination) -> None:
    """Without this, the test above could not fail."""
    model = sandbox.raw("ir.model", "search", domain=[["model", "=", "res.partner"]])[1][0]
    rule = {"name": "Welcome", "model_id": model, "model_name": "res.partner", "trigger": "on_create"}
    rule_id = sandbox.id("base.automation", **rule)
    try:
        before = sandbox_crm.outgoing()
        sandbox_crm.create("person", people(3))
        after = sandbox_crm.outgoing()
    finally:
        sandbox.raw("base.automation", "unlink", ids=[rule_id])
    assert {name: after[name] - before[name] for name in after} == {
        "mail.mail": 3, "sms.sms": 0, "mail.notification": 3,
    }  # fmt: skip


def test_no_error_shows_a_key_or_a_value(sandbox: Odoo, sandbox_crm: OdooDestination) -> None:
    secret = "ann.secret@example.com"
    with pytest.raises(BatchRefused) as refused:
        sandbox_crm.update("person", [Update("p", "2", {"name": None, "email": secret})])
    with pytest.raises(BatchRefused) as loaded:
        sandbox_crm.create("person", [Create("p", {"email": secret, "type": "contact"})])
    sandbox.sandbox.faults({"kind": "status", "status": 400})  # type: ignore[union-attr]
    with pytest.raises(RunStopped) as stopped:
        sandbox_crm.create("person", [Create("p", {"name": secret})])
    for caught in (refused, loaded, stopped):
        assert secret not in str(caught.value)
        assert "sandbox-key" not in str(caught.value)
