"""What becomes of rows: dates, locks, unprocessed rows, lost answers, archives, cascades."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from crmlift.destination import Create, Field, FieldType, Update
from crmlift.errors import RunStopped
from target_salesforce.destination import SalesforceDestination

if TYPE_CHECKING:
    from conftest import Org

LONG_AGO = datetime(2019, 5, 4, 3, 2, 1, tzinfo=UTC)
SENT = [Field("cio_sent_at__c", FieldType.DATETIME)]
CREATED = [Field("cio_created_at__c", FieldType.DATETIME)]


def lead(key: str, **more: Any) -> Create:
    return Create(key, {"LastName": key.title(), "Company": "Acme", **more})


def contact(key: str, **more: Any) -> Create:
    return Create(key, {"LastName": key.title(), **more})


def ids(outcomes: list[Any]) -> list[str]:
    assert [outcome.refusal for outcome in outcomes] == [None] * len(outcomes)
    return [outcome.id for outcome in outcomes]


@pytest.fixture(params=["calls", "jobs"])
def either(request: pytest.FixtureRequest) -> SalesforceDestination:
    """The same org by calls, and by Bulk jobs."""
    return request.getfixturevalue("crm" if request.param == "calls" else "bulk_crm")  # type: ignore[no-any-return]


def test_rows_are_written_read_changed_and_cleared(either: SalesforceDestination) -> None:
    values = {"Title": "Łódź, “Head”\nof R&D", "Email": "a@example.com", "NumberOfEmployees": 7}
    made = ids(either.create("lead", [lead("one", **values), lead("two")]))
    assert either.find("lead", ["two", "one", "none"]) == {"one": made[0], "two": made[1]}
    assert either.read("lead", made[:1], list(values)) == {made[0]: values}
    changes = [
        Update("one", made[0], {"Title": None, "NumberOfEmployees": 9}),
        Update("two", made[1], {"Title": "x"}),
    ]
    assert ids(either.update("lead", changes)) == made
    found = either.read("lead", made, ["Title", "NumberOfEmployees", "Email"])
    assert found[made[0]] == {"Title": None, "NumberOfEmployees": 9, "Email": "a@example.com"}
    assert found[made[1]] == {"Title": "x", "NumberOfEmployees": None, "Email": None}
    assert either.count("lead") == 2
    assert ids(either.delete("lead", {"one": made[0], "two": made[1]})) == made
    assert ids(either.delete("lead", {"one": made[0]})) == made[:1]
    assert either.count("lead") == 0


def test_a_row_that_is_sent_again_is_found_and_left_as_it_is(either: SalesforceDestination) -> None:
    (first,) = ids(either.create("contact", [contact("one", Title="first")]))
    again, new = either.create("contact", [contact("one", Title="second"), contact("two")])
    assert (again.id, again.existed, new.existed) == (first, True, False)
    assert either.read("contact", [first], ["Title"])[first]["Title"] == "first"


def test_keys_differ_by_case_and_may_hold_blanks_and_wildcards(crm: SalesforceDestination) -> None:
    wild = ["aB", "ab", "a b ", "a_b%", "a'b\\", "é:1"]
    made = ids(crm.create("contact", [contact(key, LastName="x") for key in wild]))
    assert crm.find("contact", wild) == dict(zip(wild, made, strict=True))
    (page,) = crm.scan("contact", (), ours=True)
    assert {found.key for found in page} == set(wild)


def test_refused_rows_say_why_and_stop_no_other(either: SalesforceDestination) -> None:
    bad = [
        contact("mail", Email="not an address"),
        contact("good"),
        Create("nameless", {"FirstName": "Only"}),
        contact("old", Birthdate=date(1066, 10, 14)),
    ]
    outcomes = {outcome.key: outcome for outcome in either.create("contact", bad)}
    assert outcomes["good"].id
    refusals = {key: outcome.refusal for key, outcome in outcomes.items() if outcome.refusal}
    assert {key: (refusal.code, refusal.field) for key, refusal in refusals.items()} == {
        "mail": ("INVALID_EMAIL_ADDRESS", "Email"),
        "nameless": ("REQUIRED_FIELD_MISSING", "LastName"),
        "old": ("year_out_of_range", "Birthdate"),
    }


def test_records_keep_their_creation_date_where_the_user_may_set_it(
    org: Org, crm: SalesforceDestination, workspace: str
) -> None:
    crm.provision("lead", CREATED)
    (plain,) = ids(crm.create("lead", [lead("plain", cio_created_at__c=LONG_AGO)]))
    org.switch(audit_fields=True)
    with org.destination(workspace, bulk_from=1) as by_job, org.destination(workspace) as by_call:
        assert any("original creation date" in f.text for f in by_call.preflight(["lead"]))
        (called,) = ids(by_call.create("lead", [lead("called", cio_created_at__c=LONG_AGO)]))
        (job,) = ids(by_job.create("lead", [lead("job", cio_created_at__c=LONG_AGO)]))
        # Insert only: a change of the same row must not carry the date.
        assert ids(by_call.update("lead", [Update("called", called, {"cio_created_at__c": LONG_AGO})]))
        read = by_call.read("lead", [plain, called, job], ["CreatedDate"])
    assert [read[id_]["CreatedDate"] == LONG_AGO for id_ in (plain, called, job)] == [False, True, True]


@pytest.mark.parametrize("locks", [1, 7])
def test_locked_rows_are_sent_again(org: Org, either: SalesforceDestination, locks: int) -> None:
    ids(either.create("contact", [contact("before")]))
    org.switch(locks=locks)
    assert len(ids(either.create("contact", [contact(f"c{n}") for n in range(10)]))) == 10


def test_rows_that_stay_locked_are_refused_at_last(org: Org, crm: SalesforceDestination) -> None:
    ids(crm.create("contact", [contact("before")]))
    org.switch(locks=1000)
    (outcome,) = crm.create("contact", [contact("never")])
    assert outcome.refusal
    assert outcome.refusal.code == "UNABLE_TO_LOCK_ROW"


def test_few_rows_that_a_job_left_unprocessed_are_sent_again(
    org: Org, bulk_crm: SalesforceDestination, workspace: str
) -> None:
    ids(bulk_crm.create("contact", [contact("before")]))
    org.switch(job_rows=4)
    with org.destination(workspace, bulk_from=7) as crm:
        made = ids(crm.create("contact", [contact(f"c{n}") for n in range(10)]))
    assert len(set(made)) == 10
    assert bulk_crm.count("contact") == 11
    stats = org.server.stats()["calls"]
    assert stats["Contact.create"] == 1


def test_many_rows_that_a_job_left_go_in_further_jobs(
    org: Org, bulk_crm: SalesforceDestination, workspace: str
) -> None:
    ids(bulk_crm.create("contact", [contact("before")]))
    org.switch(job_rows=4)
    with org.destination(workspace, bulk_from=3) as crm:
        made = ids(crm.create("contact", [contact(f"c{n}") for n in range(12)]))
    assert len(set(made)) == 12
    calls = org.server.stats()["calls"]
    assert (calls["Contact.job"], calls.get("Contact.create", 0)) == (1 + 3, 0)


def test_a_job_that_somebody_aborts_stops_the_run_and_the_next_finds_what_was_written(
    org: Org, bulk_crm: SalesforceDestination
) -> None:
    ids(bulk_crm.create("contact", [contact("before")]))
    org.switch(abort_jobs=1)
    rows = [contact(f"c{n}") for n in range(5)]
    with pytest.raises(RunStopped, match="Somebody aborted job 750"):
        bulk_crm.create("contact", rows)
    again = bulk_crm.create("contact", rows)
    assert (len(set(ids(again))), all(outcome.existed for outcome in again)) == (5, True)


def test_a_session_that_ends_in_the_middle_of_a_job_is_renewed(
    org: Org, bulk_crm: SalesforceDestination
) -> None:
    ids(bulk_crm.create("contact", [contact("before")]))
    org.switch(session_calls=2, job_polls=5)
    assert len(set(ids(bulk_crm.create("contact", [contact(f"c{n}") for n in range(5)])))) == 5
    org.switch(session_calls=0)
    assert bulk_crm.count("contact") == 6


def test_a_used_up_quota_stops_the_run_and_a_later_one_goes_on(
    org: Org, bulk_crm: SalesforceDestination, workspace: str
) -> None:
    ids(bulk_crm.create("contact", [contact("before")]))
    rows = [contact(f"c{n}") for n in range(1_000)]
    with org.destination(workspace) as by_call:
        ids(by_call.create("contact", [contact("warm")]))
        used = org.raw("GET", "/limits")[1]["DailyApiRequests"]
        org.switch(api_calls=used["Max"] - used["Remaining"] + 3)
        with pytest.raises(RunStopped, match="used up"):
            by_call.create("contact", rows)
        org.switch(api_calls=1_000_000)
        assert by_call.count("contact") == 2 + 600
        assert len(set(ids(by_call.create("contact", rows)))) == 1_000
        assert by_call.count("contact") == 2 + 1_000
    org.switch(bulk_batches=0)
    with pytest.raises(RunStopped, match="EXCEEDEDQUOTA"):
        bulk_crm.create("contact", [contact("one more")])


def test_what_a_job_refuses_is_read_over_line_breaks(org: Org, bulk_crm: SalesforceDestination) -> None:
    bulk_crm.provision("contact", [Field("note__c", FieldType.TEXT)])
    message = 'Say why:\n"no", or\r\nnothing'
    org.switch(validation_rules=[{"object": "Contact", "field": "Title", "value": "Bad", "message": message}])
    notes = ["two\nlines", "a lone\rreturn", 'a "quote",\r\nand all', "plain"]
    rows = [
        contact(f"{title}{n}", Title=title, note__c=note)
        for title in ("Bad", "Good")
        for n, note in enumerate(notes)
    ]
    outcomes = {outcome.key: outcome for outcome in bulk_crm.create("contact", rows)}
    refused = [outcomes[f"Bad{n}"].refusal for n in range(len(notes))]
    assert {(one.code, one.detail, one.field) for one in refused if one} == {
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", message, "Title")
    }
    made = [str(outcomes[f"Good{n}"].id) for n in range(len(notes))]
    read = bulk_crm.read("contact", made, ["note__c"])
    assert [read[id_]["note__c"] for id_ in made] == notes


def test_jobs_of_a_broken_off_run_are_waited_for_beyond_the_first_page(
    org: Org, bulk_crm: SalesforceDestination
) -> None:
    ids(bulk_crm.create("contact", [contact("before")]))
    org.switch(jobs_per_page=1, job_polls=2)
    job = org.raw("POST", "/jobs/ingest", json={"object": "Contact", "operation": "insert"})[1]["id"]
    org.raw("PUT", f"/jobs/ingest/{job}/batches", data="LastName\nLeft behind\n")
    org.raw("PATCH", f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    bulk_crm.find("contact", ["before"])
    asked = org.server.stats()["requests"]
    assert asked[f"/services/data/v66.0/jobs/ingest/{job}"] >= 3


@pytest.mark.parametrize("after", [True, False], ids=["after-the-work", "before-the-work"])
@pytest.mark.parametrize("match", ["/jobs/ingest", "/batches", "/successfulResults", "/composite/sobjects"])
def test_a_lost_answer_loses_and_doubles_nothing(
    org: Org, either: SalesforceDestination, match: str, after: bool
) -> None:
    ids(either.create("contact", [contact("before")]))
    org.server.faults({"kind": "cut", "match": match, "after": after, "times": 1})
    outcomes = either.create("contact", [contact(f"c{n}") for n in range(5)])
    org.server.faults()
    assert len(set(ids(outcomes))) == 5
    assert not any(outcome.existed for outcome in outcomes)
    assert either.count("contact") == 6


def test_a_job_that_takes_its_time_is_waited_for(org: Org, bulk_crm: SalesforceDestination) -> None:
    ids(bulk_crm.create("contact", [contact("before")]))
    org.switch(job_polls=3)
    assert len(ids(bulk_crm.create("contact", [contact("slow")]))) == 1


def test_old_tasks_are_archived_and_seen_all_the_same(org: Org, crm: SalesforceDestination) -> None:
    crm.provision("event", SENT)
    (who,) = ids(crm.create("contact", [contact("who")]))
    tasks = [
        Create(f"e{n}", {"Subject": "Bought", "WhoId": who, "ActivityDate": day, "cio_sent_at__c": LONG_AGO})
        for n, day in enumerate([LONG_AGO.date(), datetime.now(UTC).date()])
    ]
    old, new = ids(crm.create("event", tasks))
    visible = [row["Id"] for row in org.query(f"SELECT Id FROM Task WHERE Id IN ('{old}', '{new}')")]
    assert visible == [new]
    assert crm.count("event") == 2
    assert crm.find("event", ["e0", "e1"]) == {"e0": old, "e1": new}
    read = crm.read("event", [old, new], ["Subject", "WhoId", "ActivityDate", "cio_sent_at__c", "Status"])
    assert read[old] == {
        "Subject": "Bought", "WhoId": who, "ActivityDate": LONG_AGO.date(), "cio_sent_at__c": LONG_AGO,
        "Status": "Completed",
    }  # fmt: skip
    (page,) = crm.scan("event", ["Subject"], ours=True)
    assert {found.key for found in page} == {"e0", "e1"}


def test_who_was_loaded_as_a_lead_is_not_doubled_as_a_contact(org: Org, workspace: str) -> None:
    with org.destination(workspace) as first:
        ids(first.create("lead", [lead("one")]))
    with org.destination(workspace) as later:
        one, two = later.create("contact", [contact("one"), contact("two")])
    assert one.refusal
    assert (one.refusal.code, "convert it" in one.refusal.detail) == ("exists_as_other", True)
    assert two.id


def test_a_converted_lead_is_refused_and_not_adopted(org: Org, crm: SalesforceDestination) -> None:
    ids(crm.create("lead", [lead("first")]))
    (made,) = ids(crm.create("lead", [lead("done", IsConverted=True)]))
    (outcome,) = crm.update("lead", [Update("done", made, {"Title": "x"})])
    assert outcome.refusal
    assert outcome.refusal.code == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert made not in {found.id for page in crm.scan("lead", (), ours=False) for found in page}


@pytest.mark.parametrize("into", ["a new contact", "a contact of theirs", "a contact of ours"])
def test_a_lead_that_a_user_converted_lives_on_in_its_contact(
    org: Org, either: SalesforceDestination, workspace: str, into: str
) -> None:
    either.provision("event", SENT)
    mine = ids(either.create("lead", [lead("l", Title="Old", Street="Old street 1"), lead("open")]))
    (ours,) = ids(either.create("contact", [contact("c")]))
    theirs = org.server.post("/_sandbox/seed", {"Contact": [{"LastName": "Theirs"}]})["Contact"][0]
    (campaign,) = ids(either.create("campaign", [Create("segment-1", {"Name": "S", "IsActive": False})]))
    (task,) = ids(either.create("event", [Create("before", {"Subject": "Before", "WhoId": mine[0]})]))
    wanted = {"a new contact": "", "a contact of theirs": theirs, "a contact of ours": ours}[into]
    answer = org.server.post("/_sandbox/convert", {"lead": mine[0], "contact": wanted})
    person = answer["contact"]

    with org.destination(workspace, bulk_from=either.sender._bulk_from) as later:
        values = {"Title": "New", "Street": "New street 2", "Company": "Gone", "HasOptedOutOfEmail": True}
        done = later.update(
            "lead", [Update("l", mine[0], values), Update("open", mine[1], {"Title": "Open"})]
        )
        assert ids(done) == mine
        (row,) = org.query(
            f"SELECT Title, MailingStreet, HasOptedOutOfEmail FROM Contact WHERE Id = '{person}'"
        )
        assert (row["Title"], row["MailingStreet"], row["HasOptedOutOfEmail"]) == (
            "New",
            "New street 2",
            True,
        )
        read = later.read("lead", mine, [*values])
        assert read[mine[0]] == values | {"Company": "Acme"}
        assert read[mine[1]]["Title"] == "Open"

        (after,) = ids(later.create("event", [Create("after", {"Subject": "After", "WhoId": mine[0]})]))
        held = {row["Id"]: row["WhoId"] for row in org.query("SELECT Id, WhoId FROM Task")}
        assert (held[task], held[after]) == (person, person)
        # A contact of ours stands for a person of its own: what is read there is that person's.
        seen = person if into == "a contact of ours" else mine[0]
        events = later.read("event", [task, after], ["WhoId"])
        assert [events[id_]["WhoId"] for id_ in (task, after)] == [seen, seen]

        pair = {"CampaignId": campaign, "LeadOrContactId": mine[0]}
        (joined,) = ids(later.create("campaign_member", [Create("1:l", pair)]))
        again = later.create("campaign_member", [Create("1:l", pair)])
        assert (ids(again), again[0].existed) == ([joined], True)
        assert later.read("campaign_member", [joined], ["LeadOrContactId"])[joined]["LeadOrContactId"] == seen


def test_a_record_with_others_below_it_is_kept(org: Org, crm: SalesforceDestination) -> None:
    crm.provision("account", ())
    ours, busy = ids(crm.create("account", [Create("a", {"Name": "A"}), Create("b", {"Name": "B"})]))
    seeded = {"LastName": "Theirs", "AccountId": busy}
    org.server.post("/_sandbox/seed", {"Contact": [seeded, seeded]})
    free, kept = sorted(crm.delete("account", {"a": ours, "b": busy}), key=lambda outcome: outcome.key)
    assert free.id == ours
    assert kept.refusal
    assert (kept.refusal.code, "2 records" in kept.refusal.detail) == ("has_children", True)


def test_pairs_are_kept_once_and_taken_back(either: SalesforceDestination) -> None:
    crm = either
    (person,) = ids(crm.create("contact", [contact("c")]))
    (prospect,) = ids(crm.create("lead", [lead("l")]))
    (campaign,) = ids(crm.create("campaign", [Create("segment-1", {"Name": "S", "IsActive": False})]))
    pairs = [
        Create(f"1:{who}", {"CampaignId": campaign, "LeadOrContactId": who})
        for who in (person, prospect, person)
    ]
    made = crm.create("campaign_member", pairs)
    assert [outcome.existed for outcome in made] == [False, False, False]
    assert made[0].id == made[2].id
    again = crm.create("campaign_member", pairs[:1])
    assert (again[0].id, again[0].existed) == (made[0].id, True)
    assert crm.count("campaign_member") == 2
    read = crm.read("campaign_member", ids(made[:2]), ["CampaignId", "LeadOrContactId"])
    assert {row["LeadOrContactId"] for row in read.values()} == {person, prospect}
    assert ids(crm.delete("campaign_member", {"1": ids(made)[0]}))
    assert crm.count("campaign_member") == 1


def test_the_account_of_a_contact_is_one_of_its_accounts_already(either: SalesforceDestination) -> None:
    crm = either
    first, second = ids(crm.create("account", [Create("a", {"Name": "A"}), Create("b", {"Name": "B"})]))
    (person,) = ids(crm.create("contact", [contact("c", AccountId=first)]))
    rows = [Create(f"1:{a}", {"AccountId": a, "ContactId": person}) for a in (first, second)]
    assert [outcome.existed for outcome in crm.create("account_contact", rows)] == [True, False]
    assert crm.count("account_contact") == 2


def test_the_relation_to_a_contacts_own_account_is_ended_and_taken_up_again(
    either: SalesforceDestination,
) -> None:
    """Salesforce deletes no direct relation: people who leave a company would be refused with every run."""
    crm = either
    first, second = ids(crm.create("account", [Create("a", {"Name": "A"}), Create("b", {"Name": "B"})]))
    (person,) = ids(crm.create("contact", [contact("c", AccountId=first)]))
    rows = [Create(f"1:{a}", {"AccountId": a, "ContactId": person}) for a in (first, second)]
    own, other = ids(crm.create("account_contact", rows))
    gone = crm.delete("account_contact", {"own": own, "other": other})
    assert [(outcome.key, outcome.refusal) for outcome in gone] == [("own", None), ("other", None)]
    assert crm.read("account_contact", [own, other], ["IsActive"]) == {own: {"IsActive": False}}
    (back,) = crm.create("account_contact", rows[:1])
    assert (back.id, back.existed) == (own, True)
    assert crm.read("account_contact", [own], ["IsActive"]) == {own: {"IsActive": True}}


def test_a_pair_may_say_more_than_who_belongs_to_whom(org: Org, either: SalesforceDestination) -> None:
    fields = [Field("cio_role__c", FieldType.TEXT), Field("cio_since__c", FieldType.DATETIME)]
    either.provision("account_contact", fields)
    first, second, theirs = ids(either.create("account", [Create(n, {"Name": n}) for n in ("a", "b", "c")]))
    (person,) = ids(either.create("contact", [contact("c", AccountId=first)]))
    row = {"AccountId": theirs, "ContactId": person, "cio_role__c": "Set by sales"}
    org.server.post("/_sandbox/seed", {"AccountContactRelation": [row]})
    said = {"ContactId": person, "cio_role__c": "buyer", "cio_since__c": LONG_AGO}
    rows = [Create(f"1:{account}", {"AccountId": account, **said}) for account in (first, second, theirs)]
    made = either.create("account_contact", rows)
    assert [outcome.existed for outcome in made] == [True, False, True]
    read = either.read("account_contact", ids(made), ["cio_role__c", "cio_since__c"])
    # What somebody else wrote stays; what is empty is filled.
    assert [read[id_]["cio_role__c"] for id_ in ids(made)] == ["buyer", "buyer", "Set by sales"]
    assert {read[id_]["cio_since__c"] for id_ in ids(made)} == {LONG_AGO}
    again = either.create("account_contact", [Create("1", {**rows[1].values, "cio_role__c": "user"})])
    assert either.read("account_contact", ids(again), ["cio_role__c"])[ids(again)[0]]["cio_role__c"] == "user"
    long = Create("1", {**rows[1].values, "cio_since__c": datetime(1066, 10, 14, tzinfo=UTC)})
    (refused,) = either.create("account_contact", [long])
    assert refused.refusal
    assert refused.refusal.code == "year_out_of_range"


@pytest.mark.parametrize(("rows", "calls"), [(200, 1), (201, 2), (1000, 5)])
def test_rows_go_two_hundred_a_call(org: Org, crm: SalesforceDestination, rows: int, calls: int) -> None:
    ids(crm.create("contact", [contact("before")]))
    org.server.stats(reset=True)
    made = ids(crm.create("contact", [contact(f"c{n}") for n in range(rows)]))
    ids(crm.update("contact", [Update(str(n), id_, {"Title": "x"}) for n, id_ in enumerate(made)]))
    ids(crm.delete("contact", {str(n): id_ for n, id_ in enumerate(made)}))
    done = org.server.stats()["calls"]
    assert (done["Contact.create"], done["Contact.update"], done["delete"]) == (calls, calls, calls)


def test_many_rows_go_in_a_job_of_five_calls(org: Org, workspace: str) -> None:
    with org.destination(workspace, bulk_from=50) as crm:
        ids(crm.create("contact", [contact("before")]))
        org.server.stats(reset=True)
        ids(crm.create("contact", [contact(f"c{n}") for n in range(50)]))
        requests = org.server.stats()["requests"]
    assert sum(number for path, number in requests.items() if "/jobs/ingest" in path) == 5


def test_templates_are_inactive_and_found_by_their_key(org: Org, crm: SalesforceDestination) -> None:
    values = {"Name": "Receipt", "Subject": "Hello {{customer.name}}", "HtmlValue": "<p>Hi</p>"}
    (made,) = ids(crm.create("email_template", [Create("4-7-default", values)]))
    assert crm.find("email_template", ["4-7-default"]) == {"4-7-default": made}
    (row,) = org.query(f"SELECT IsActive, Folder.Name FROM EmailTemplate WHERE Id = '{made}'")
    assert (row["IsActive"], row["Folder"]["Name"]) == (False, "Customer.io")
    again = crm.create("email_template", [Create("4-7-default", values)])
    assert (again[0].id, again[0].existed) == (made, True)
    assert crm.count("email_template") == 1


def test_an_object_of_its_own_is_made_with_its_links(crm: SalesforceDestination) -> None:
    assert set(crm.describe("project__c")) == {"Name"}
    fields = [
        Field("budget__c", FieldType.NUMBER, label="Budget"),
        Field("account__c", FieldType.LINK, label="Account", links_to="account"),
    ]
    crm.provision("project__c", fields)
    (account,) = ids(crm.create("account", [Create("a", {"Name": "A"})]))
    row = {"Name": "Tower", "budget__c": 12.5, "account__c": account}
    (made,) = ids(crm.create("project__c", [Create("p1", row)]))
    assert crm.read("project__c", [made], list(row)) == {made: row}
    assert crm.entities["project__c"].depends_on == ("account", "contact", "lead")


def test_a_full_org_stops_the_run(org: Org, either: SalesforceDestination) -> None:
    ids(either.create("contact", [contact("before")]))
    org.switch(storage_mb=0)
    with pytest.raises(RunStopped, match="STORAGE_LIMIT_EXCEEDED"):
        either.create("contact", [contact("one too many")])


@pytest.mark.parametrize(("action", "code"), [("Alert", None), ("Block", "DUPLICATES_DETECTED")])
def test_duplicate_rules_that_alert_are_overridden(
    org: Org, either: SalesforceDestination, action: str, code: str | None
) -> None:
    one, other = ids(
        either.create("contact", [contact("one", Email="same@example.com"), contact("other", Title="CTO")])
    )
    org.switch(duplicate_rules=[{"name": "Standard", "object": "Contact", "action": action}])
    two, fine = either.create("contact", [contact("two", Email="Same@example.com"), contact("fine")])
    (changed,) = either.update("contact", [Update("other", other, {"Email": "same@example.com"})])
    assert [found.refusal.code if found.refusal else None for found in (two, changed)] == [code, code]
    assert one
    assert fine.id


def test_leads_stay_with_us_although_an_assignment_rule_waits(
    org: Org, either: SalesforceDestination
) -> None:
    ids(either.create("lead", [lead("before")]))
    other = org.query("SELECT Id FROM User WHERE LastName = 'Sales'")[0]["Id"]
    org.switch(assignment_rules=[{"name": "Round robin", "object": "Lead", "owner": other}])
    before = either.outgoing()
    (made,) = ids(either.create("lead", [lead("mine")]))
    assert either.read("lead", [made], ["OwnerId"])[made]["OwnerId"] != other
    assert either.outgoing() == before
    loud = org.raw("POST", "/sobjects/Lead", json={"LastName": "Loud", "Company": "X"})[1]["id"]
    assert either.read("lead", [loud], ["OwnerId"])[loud]["OwnerId"] == other


def test_addresses_fit_the_picklists_of_the_org(org: Org, crm: SalesforceDestination, workspace: str) -> None:
    plain = crm.expected("contact", {"MailingCountry": "DE", "MailingState": "Bremen"})
    assert plain == {"MailingCountry": "Germany", "MailingState": "Bremen"}
    ids(crm.create("contact", [contact("before")]))
    org.switch(address_picklists=True)
    with org.destination(workspace) as strict:
        for given, label in (("DE", "Germany"), ("germany", "Germany"), ("Atlantis", None)):
            assert strict.expected("contact", {"MailingCountry": given}) == {"MailingCountry": label}
        places = [
            # A code of several countries, a name in any case, a state that the picklist has not, no country.
            ("US", "wa", "United States", "Washington"), ("AU", "WA", "Australia", "Western Australia"),
            ("CA", "ontario", "Canada", "Ontario"), ("DE", "Bremen", "Germany", None),
            (None, "WA", None, None),
        ]  # fmt: skip
        for n, (country, state, *held) in enumerate(places):
            values = dict(strict.expected("contact", {"MailingCountry": country, "MailingState": state}))
            assert values == dict(zip(("MailingCountry", "MailingState"), held, strict=True))
            (made,) = ids(strict.create("contact", [contact(f"placed{n}", **values)]))
            assert strict.read("contact", [made], [*values])[made] == values
            if held[1]:
                # A change may name the state alone.
                change = {"MailingState": held[1]}
                assert ids(strict.update("contact", [Update(f"placed{n}", made, change)]))
                assert strict.read("contact", [made], [*values])[made] == values


def test_owners_and_record_types_are_named_as_people_know_them(
    org: Org, workspace: str, bulk_crm: SalesforceDestination
) -> None:
    ids(bulk_crm.create("contact", [contact("before")]))
    org.switch(record_types={"Lead": ["Partner", "Direct"]})
    (sales,) = org.query("SELECT Id, Username FROM User WHERE LastName = 'Sales'")
    (queue,) = org.server.post(
        "/_sandbox/seed", {"Group": [{"Name": "New", "DeveloperName": "New_leads", "Type": "Queue"}]}
    )["Group"]
    with org.destination(workspace) as crm:
        names = {"OwnerId": sales["Username"].upper(), "RecordTypeId": "direct"}
        values = dict(crm.expected("lead", names))
        assert values["OwnerId"] == sales["Id"]
        assert str(values["RecordTypeId"]).startswith("012")
        (made,) = ids(crm.create("lead", [lead("owned", **values)]))
        assert crm.read("lead", [made], [*values])[made] == values
        assert crm.expected("lead", {"OwnerId": "New_leads"}) == {"OwnerId": queue}
        # Queues own leads only; an id stays, and who is not there leaves the default.
        assert crm.expected("contact", {"OwnerId": "New_leads"}) == {"OwnerId": None}
        assert crm.expected("contact", {"OwnerId": sales["Id"]}) == {"OwnerId": sales["Id"]}
        assert crm.expected("lead", {"RecordTypeId": "nothing"}) == {"RecordTypeId": None}
        assert "bears the name" in crm.changes("lead")["OwnerId"]


def test_an_address_that_is_too_long_is_not_cut_into_anothers(either: SalesforceDestination) -> None:
    far = "x" * 70 + "@example.com"
    (person,) = either.create("contact", [contact("far", Email=far)])
    assert person.refusal
    assert (person.refusal.code, person.refusal.field) == ("text_too_long", "Email")
    fits = either.expected(
        "lead", {"Phone": "+1 555 0100 " * 5, "Website": "https://example.com/" + "x" * 300}
    )
    assert fits == {"Phone": None, "Website": None}
    short = {"Phone": "+1 555 0100", "Website": "https://example.com/", "Email": "x" * 68 + "@example.com"}
    assert either.expected("lead", short) == short
