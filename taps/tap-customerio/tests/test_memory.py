"""What changed and what vanished, found by comparing with what earlier runs have read."""

from __future__ import annotations

import sqlite3
import stat
import time

import pytest

from tap_customerio.errors import Unavailable
from tap_customerio.memory import Memory
from tap_customerio.workspace.load import change

STREAMS = ("people", "relationships", "segment_memberships")
DAY = 86_400


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a folder" / "memory.db"


@pytest.fixture
def read(sandbox, file):
    """A run with a memory file; whole reads are always due unless told otherwise."""

    def run(*streams, state=None, **config):
        config = {"memory_file": str(file), "full_scan_every_days": 0, **config}
        return sandbox.read(*(streams or STREAMS), state=state, **config)

    return run


def sizes(output):
    return {stream: len(output.records[stream]) for stream in STREAMS}


def gone(output, stream):
    return [record for record in output.records[stream] if record.get("_sdc_deleted_at")]


def test_a_first_run_sends_everything_and_a_second_nothing(sandbox, read):
    first = read()
    assert sizes(first) == sizes(sandbox.read(*STREAMS))
    second = read("completeness", *STREAMS, state=first.states[-1])
    assert sizes(second) == dict.fromkeys(STREAMS, 0)
    said = second.by("completeness", "subject")
    for stream in STREAMS:
        assert (said[stream]["unchanged"], said[stream]["status"]) == (sizes(first)[stream], "complete")
    assert (said["people"]["difference"], said["segment_memberships"]["difference"]) == (0, 0)


def test_ten_changed_people_are_all_that_is_sent(sandbox, read):
    first = read()
    changed = change(sandbox.writer, 10)
    second = read(state=first.states[-1])
    assert sorted(record["id"] for record in second.records["people"]) == sorted(changed)
    assert not second.records["relationships"]


def test_what_vanished_comes_as_tombstones_with_its_keys(sandbox, read):
    first = read()
    (member,) = [r for r in first.records["people"] if r["id"] == sandbox.workspace.members[14][0]]
    of_member = {
        stream: {
            tuple(record[key] for key in keys)
            for record in first.records[stream]
            if record["cio_id"] == member["cio_id"]
        }
        for stream, keys in (
            ("relationships", ("object_type_id", "cio_object_id", "cio_id")),
            ("segment_memberships", ("segment_id", "cio_id")),
        )
    }
    sandbox.writer.track.delete(member["id"])
    second = read(state=first.states[-1])
    assert [record["cio_id"] for record in gone(second, "people")] == [member["cio_id"]]
    assert len(second.records["people"]) == 1
    for stream, keys in of_member.items():
        records = [
            {k: v for k, v in record.items() if k != "_sdc_deleted_at"} for record in gone(second, stream)
        ]
        assert {tuple(record.values()) for record in records} == keys
    assert (14, member["cio_id"]) in of_member["segment_memberships"]
    third = read(state=second.states[-1])
    assert sizes(third) == dict.fromkeys(STREAMS, 0)


def test_who_comes_back_is_sent_again(sandbox, read):
    first = read("segment_memberships")
    id = sandbox.workspace.members[14][0]
    sandbox.writer._post("/api/v1/segments/14/remove_customers", {"ids": [id]})
    second = read("segment_memberships", state=first.states[-1])
    assert [record["segment_id"] for record in gone(second, "segment_memberships")] == [14]
    sandbox.writer.add_members(14, [id])
    third = read("segment_memberships", state=second.states[-1])
    assert [(r["segment_id"], r["person_id"]) for r in third.records["segment_memberships"]] == [(14, id)]


def test_a_run_whose_state_was_lost_does_not_count(sandbox, read):
    first = read("people")
    changed = change(sandbox.writer, 5)
    lost = read("people", state=first.states[-1])
    assert len(lost.records["people"]) == 5
    again = read("people", state=first.states[-1])
    assert sorted(record["id"] for record in again.records["people"]) == sorted(changed)
    assert not read("people", state=again.states[-1]).records["people"]


def test_what_vanished_is_told_although_the_state_was_lost(sandbox, read):
    """As with a full refresh: whoever left before it would be in the CRM for good."""
    first = read()
    leaver = first.records["people"][3]["cio_id"]
    sandbox.writer.track.delete(leaver if "@" in leaver else first.records["people"][3]["id"])
    second = read()
    assert sizes(second)["people"] == sizes(first)["people"]
    assert [record["cio_id"] for record in gone(second, "people")] == [leaver]


def test_pipelines_that_share_a_file_miss_nothing(sandbox, read):
    """One target per file is cheaper: each that comes after the other reads everything as new."""

    def shoe_size(output):
        return output.by("people", "id")["user-000003"]["attributes"]["shoe_size"]

    one, other = read(), read()
    for size in (41, 42):
        sandbox.writer.track.identify(id="user-000003", shoe_size=size)
        one = read(state=one.states[-1])
        assert shoe_size(one) == size
    sandbox.writer.track.identify(id="user-000003", shoe_size=43)
    other = read(state=other.states[-1])
    one = read(state=one.states[-1])
    assert (shoe_size(other), shoe_size(one)) == (43, 43)


def test_a_run_that_broke_off_does_not_count(sandbox, read):
    first = read("people")
    changed = change(sandbox.writer, 5)
    sandbox.fault("status", status=503, count=5, path="/v1/activities")
    with pytest.raises(Unavailable):
        read("people", state=first.states[-1], max_tries=1)
    sandbox.writer.configure({})
    again = read("people", state=first.states[-1], max_tries=9)
    assert sorted(record["id"] for record in again.records["people"]) == sorted(changed)


def test_without_its_file_everything_is_sent_again_and_nothing_is_called_gone(sandbox, read, file):
    first = read()
    file.unlink()
    second = read(state=first.states[-1])
    assert sizes(second) == sizes(first)
    assert not any(gone(second, stream) for stream in STREAMS)


def test_what_could_not_be_read_is_not_called_gone(sandbox, read):
    first = read()
    sandbox.fault("status", status=404, count=1, path="/v1/segments/12/membership")
    second = read("segment_memberships", "completeness", state=first.states[-1])
    assert not second.records["segment_memberships"]
    assert "no removals are told" in second.by("completeness", "subject")["segment_memberships"]["reason"]
    sandbox.settings.forbidden = "/v1/objects,/v1/customers"
    third = read("people", "relationships", state=second.states[-1])
    assert not third.records["people"] + third.records["relationships"]
    sandbox.settings.forbidden = ""
    fourth = read(state=third.states[-1])
    assert sizes(fourth) == dict.fromkeys(STREAMS, 0)


def test_between_whole_reads_only_touched_people_are_read(sandbox, read):
    sandbox.settings.clock = int(time.time())
    first = read("people")
    changed = change(sandbox.writer, 3)
    sandbox.writer.track.delete("user-000009")
    sandbox.writer.track.identify("someone-new", first_name="Ada")
    sandbox.stats()
    second = read("people", "completeness", state=first.states[-1], full_scan_every_days=7)
    endpoints = sandbox.stats()["endpoints"]
    assert "POST /v1/customers" not in endpoints
    sent = {record["id"] for record in second.records["people"] if record.get("id")}
    assert sent == {*changed, "someone-new"}
    assert len(gone(second, "people")) == 1
    said = second.by("completeness", "subject")["people"]
    assert said["difference"] is None
    assert "only what activities show" in said["reason"]
    third = read("people", state=second.states[-1])
    assert not third.records["people"]


def test_a_whole_read_is_due_after_the_set_days(sandbox, read):
    first = read("people")
    state = first.states[-1]
    state["bookmarks"]["people"]["compared"]["scanned_at"] -= 8 * DAY
    sandbox.stats()
    read("people", state=state, full_scan_every_days=7)
    assert sandbox.stats()["endpoints"]["POST /v1/customers"] == 1


def test_the_file_holds_no_values_and_is_its_owners_only(sandbox, read, file):
    read()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = sqlite3.connect(file).execute("SELECT * FROM rows").fetchall()
    emails = [person.email for person in sandbox.workspace.people if person.email]
    assert rows
    assert not any(email in repr(rows) for email in emails)


def test_the_state_stays_small(read):
    state = read().states[-1]
    assert set(state["bookmarks"]["people"]["compared"]) == {
        "file",
        "generation",
        "mark",
        "read_at",
        "scanned_at",
    }


def test_many_that_vanish_are_told_once_each(file):
    memory = Memory(file)
    people = [{"cio_id": str(n)} for n in range(2500)]
    scan = memory.scan("people", ["cio_id"], {})
    assert all(map(scan.is_new, people))
    scan = memory.scan("people", ["cio_id"], scan.finish())
    assert not scan.is_new(people[7])
    told = [record["cio_id"] for record in scan.vanished()]
    assert sorted(told, key=int) == [one["cio_id"] for one in people if one is not people[7]]
    scan = memory.scan("people", ["cio_id"], scan.finish())
    assert not scan.is_new(people[7])
    assert list(scan.vanished()) == []


def test_hourly_runs_do_not_make_the_file_grow(file):
    memory, state, pages = Memory(file), {}, []
    for _ in range(300):
        scan = memory.scan("people", ["cio_id"], state)
        scan.is_new({"cio_id": "a1", "id": "user-1"})
        state = scan.finish()
        pages.append(memory.db.execute("SELECT count(*) FROM marks").fetchone()[0])
    assert pages[-1] == pages[150] <= 101
