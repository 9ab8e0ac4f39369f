"""The route through data-warehouse files: the same records as by the App API, and honest about the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from singer_sdk.exceptions import ConfigValidationError

from tap_customerio.sandbox.warehouse import write_file
from tap_customerio.warehouse import reader

NOW = 1_760_000_000  # the sandbox's time in tests
ROUTES = {"default": "warehouse"}
PEOPLE_LACK = {"devices"}
DELIVERIES_LACK = {"deduplicate_id", "parent_action_id", "forgotten", "metrics"}
API_METRICS = ("human_", "prefetch_")


@pytest.fixture
def files(tmp_path):
    return tmp_path / "bucket"


def read(sandbox, files, *streams, state=None, **config):
    config = {"warehouse_path": str(files), "routes": ROUTES} | config
    return sandbox.read(*streams, "completeness", state=state, **config)


def said(output, subject):
    return output.by("completeness", "subject")[subject]


def without(record, names):
    return {name: value for name, value in record.items() if name not in names}


def as_text(attributes):
    return {
        n: v if isinstance(v, str) else json.dumps(v, separators=(",", ":"), ensure_ascii=False)
        for n, v in attributes.items()
    }


@pytest.mark.parametrize("generation", [4, 5])
def test_people_are_those_of_the_api(make_sandbox, files, generation):
    sandbox = make_sandbox(60, attribute_values="strings")
    sandbox.writer.write_warehouse(files, generation)
    by_api = sandbox.read("people").by("people", "cio_id")
    sandbox.stats()
    output = read(sandbox, files, "people")
    by_file = output.by("people", "cio_id")
    assert by_file.keys() == by_api.keys()
    for cio_id, person in by_api.items():
        expected = person | {"attributes": as_text(person["attributes"])}
        found = by_file[cio_id]
        known = person["timestamps"].keys() - {"id", "email"}
        expected["timestamps"] = {name: person["timestamps"][name] for name in known}
        if found["unsubscribed"] is None:  # the API says false of those who never chose
            assert expected.pop("unsubscribed") is False
            del found["unsubscribed"]
        assert without(found, PEOPLE_LACK) == without(expected, PEOPLE_LACK)
    line = said(output, "people")
    assert (line["route"], line["calls_made"], line["read"]) == ("warehouse", 0, 60)
    assert "devices" in line["reason"]
    assert sandbox.stats()["endpoints"].keys() == {"GET /v1/workspaces"}


@pytest.mark.parametrize("generation", [4, 5])
def test_deliveries_are_those_of_the_api(make_sandbox, files, generation):
    sandbox = make_sandbox(60)
    sandbox.writer.write_warehouse(files, generation)
    by_api = sandbox.read("deliveries").by("deliveries", "id")
    output = read(sandbox, files, "deliveries")
    by_file = output.by("deliveries", "id")
    assert by_file.keys() == by_api.keys()
    for id, delivery in by_api.items():
        lack = DELIVERIES_LACK | ({"recipient", "subject"} if delivery["forgotten"] else set())
        assert without(by_file[id], lack) == {
            **without(delivery, lack),
            **{name: delivery[name] or None for name in {"recipient", "subject"} - lack},
        }
        metrics = {n: at for n, at in delivery["metrics"].items() if not n.startswith(API_METRICS)}
        assert by_file[id]["metrics"] == metrics
    assert output.states[-1]["bookmarks"]["deliveries"]["replication_key_value"] == max(
        delivery["created"] for delivery in by_api.values()
    )


def test_a_second_run_sends_what_new_files_tell(sandbox, files):
    sandbox.writer.write_warehouse(files)
    first = read(sandbox, files, "people", "deliveries")
    state = first.states[-1]
    quiet = read(sandbox, files, "people", "deliveries", state=state)
    assert not quiet.records["people"]
    assert not quiet.records["deliveries"]
    changed = first.records["people"][3]
    sandbox.writer.track.identify(changed["id"], job_title="Astronaut")
    gone, blocked = (person["id"] for person in first.records["people"][5:7])
    sandbox.writer.track.delete(gone)
    sandbox.writer.track.suppress(blocked)
    late = first.records["deliveries"][0]
    sandbox.writer.configure({"delivery_metrics": {late["id"]: {"converted": NOW}}})
    sandbox.writer.write_warehouse(files)
    output = read(sandbox, files, "people", "deliveries", "suppressed_profiles", state=quiet.states[-1])
    people = output.by("people", "cio_id")
    ids = {person["id"]: person["cio_id"] for person in first.records["people"] if person["id"]}
    assert people.keys() == {changed["cio_id"], ids[gone], ids[blocked]}
    assert people[changed["cio_id"]]["attributes"] == changed["attributes"] | {"job_title": "Astronaut"}
    assert people[ids[gone]].keys() == {"cio_id", "_sdc_deleted_at"}
    suppressed = output.by("suppressed_profiles", "cio_id")
    assert suppressed.keys() == {ids[blocked]}
    assert late["id"] in output.by("deliveries", "id")
    assert output.by("deliveries", "id")[late["id"]]["metrics"] == late["metrics"] | {"converted": NOW}
    assert "since the last run" in said(output, "people")["reason"]


@pytest.mark.parametrize("most", [1000, 0])
def test_a_second_run_takes_up_only_what_new_files_touch(sandbox, files, monkeypatch, most):
    monkeypatch.setattr(reader, "_MOST_TOUCHED", most)
    sandbox.writer.write_warehouse(files)
    first = read(sandbox, files, "people")
    sandbox.writer.track.identify("user-000001", job_title="Astronaut")
    sandbox.writer.write_warehouse(files)
    cut = []
    add = reader.Spill.add
    monkeypatch.setattr(
        reader.Spill, "add", lambda self, batch: (cut.append(batch.num_rows), add(self, batch))
    )
    (person,) = read(sandbox, files, "people", state=first.states[-1]).records["people"]
    known = {record["id"]: record for record in first.records["people"]}["user-000001"]
    assert person["attributes"] == known["attributes"] | {"job_title": "Astronaut"}
    assert (sum(cut) < 100) is bool(most)


def test_a_file_that_comes_late_makes_no_other_file_of_its_number_new(sandbox, files):
    files.mkdir()
    people = [{"internal_customer_id": id, "deleted": False, "suppressed": False} for id in ("a", "b")]
    write_file(files / "people_v5_1_1.parquet", "people", people, 5)
    first = read(sandbox, files, "people")
    assert first.by("people", "cio_id").keys() == {"a", "b"}
    row = {"internal_customer_id": "b", "attribute_name": "plan", "attribute_value": "pro", "timestamp": NOW}
    write_file(files / "attributes_v5_1_1.parquet", "attributes", [row], 5)
    (late,) = read(sandbox, files, "people", state=first.states[-1]).records["people"]
    assert (late["cio_id"], late["attributes"]["plan"]) == ("b", "pro")


def test_an_attribute_that_was_removed_is_gone(sandbox, files):
    sandbox.writer.write_warehouse(files)
    first = read(sandbox, files, "people")
    person = next(one for one in first.records["people"] if one["id"] and "city" in one["attributes"])
    sandbox.writer.track.identify(person["id"], city="")
    sandbox.writer.write_warehouse(files)
    (found,) = read(sandbox, files, "people", state=first.states[-1]).records["people"]
    assert "city" not in found["attributes"]


def test_of_files_of_both_generations_the_later_one_is_right(sandbox, files):
    sandbox.writer.write_warehouse(files, 4)
    sandbox.writer.track.identify("user-000001", job_title="Later")
    sandbox.writer.write_warehouse(files, 5)
    found = read(sandbox, files, "people").by("people", "id")["user-000001"]
    assert found["attributes"]["job_title"] == "Later"


@pytest.mark.parametrize(("stream", "key"), [("people", "cio_id"), ("deliveries", "id")])
def test_an_interrupted_run_goes_on_at_the_part_where_it_stopped(sandbox, files, monkeypatch, stream, key):
    monkeypatch.setattr(reader, "_ROWS_PER_PART", 200)
    sandbox.writer.write_warehouse(files)
    whole = read(sandbox, files, stream).by(stream, key)
    output = sandbox.output(stop_after=len(whole) // 2)
    with pytest.raises(KeyboardInterrupt):
        sandbox.run(output, stream, warehouse_path=str(files), routes=ROUTES)
    underway = output.states[-1]["bookmarks"][stream]["warehouse"]["underway"]
    assert 0 < underway["done"] < underway["parts"]
    sandbox.writer.track.identify("new", email="new@example.com")
    sandbox.writer.write_warehouse(files)  # a file more does not disturb it
    rest = read(sandbox, files, stream, state=output.states[-1])
    before, after = output.by(stream, key), rest.by(stream, key)
    assert before | after == whole
    assert len(before.keys() & after.keys()) < len(whole) / underway["parts"] * 3  # the part under way
    new = read(sandbox, files, stream, state=rest.states[-1])
    assert len(new.records[stream]) == (stream == "people")


def test_consent_is_made_of_the_people_of_the_files(sandbox, files):
    sandbox.writer.write_warehouse(files)
    by_api = sandbox.read("consent", "people", "subscription_preferences")
    sandbox.stats()
    by_file = read(sandbox, files, "consent", "people", "subscription_preferences")
    assert "POST /v1/customers" not in sandbox.stats()["endpoints"]
    choices = by_api.by("subscription_preferences", "cio_id", "kind", "name")
    assert by_file.by("subscription_preferences", "cio_id", "kind", "name") == choices
    assert by_file.by("consent", "cio_id").keys() == by_api.by("consent", "cio_id").keys()
    again = read(sandbox, files, "consent", "people", state=by_file.states[-1])
    assert again.by("consent", "cio_id") == by_file.by("consent", "cio_id")
    assert not again.records["people"]


def test_a_half_written_file_is_named_and_read_by_the_next_run(sandbox, files):
    sandbox.writer.write_warehouse(files)
    deliveries = next(files.glob("deliveries_*"))
    content = deliveries.read_bytes()
    deliveries.write_bytes(content[: len(content) // 2])
    output = read(sandbox, files, "people", "deliveries")
    line = said(output, "deliveries")
    assert not output.records["deliveries"]
    assert line["status"] == "partial"
    assert deliveries.name in line["reason"]
    assert "the next run tries it again" in line["reason"]
    assert len(output.records["people"]) == 40
    deliveries.write_bytes(content)
    again = read(sandbox, files, "people", "deliveries", state=output.states[-1])
    assert len(again.records["deliveries"]) == 240
    assert not again.records["people"]


def test_a_file_without_its_key_column_is_named(sandbox, files):
    sandbox.writer.write_warehouse(files)
    pq.write_table(pa.table({"customer_id": ["a"]}), files / "people_v5_1_99.parquet")
    output = read(sandbox, files, "people")
    assert len(output.records["people"]) == 40
    assert "people_v5_1_99.parquet has no column internal_customer_id" in said(output, "people")["reason"]


def test_files_that_are_not_read_are_named(sandbox, files):
    sandbox.writer.write_warehouse(files)
    (files / "notes.txt").write_text("hello")
    pq.write_table(pa.table({"a": [1]}), files / "events_v5_1_1.parquet")
    output = read(sandbox, files, "people")
    assert "notes.txt" in said(output, "warehouse_files")["reason"]
    assert said(output, "warehouse_files")["details"] == {"events": 1}


def test_streams_that_only_files_tell(sandbox, files):
    sandbox.writer.write_warehouse(files)
    streams = ("subjects", "outputs", "delivery_contents", "delivery_metrics", "attribute_changes")
    output = read(sandbox, files, *streams, "people", "deliveries")
    deliveries = output.by("deliveries", "id")
    of_campaigns = {id for id, one in deliveries.items() if one["campaign_id"]}
    assert len(output.by("subjects", "subject_name")) == len(of_campaigns)
    steps = output.by("outputs", "output_id").values()
    assert {step["delivery_id"] for step in steps if step["delivery_id"]} == of_campaigns
    assert {step["subject_name"] for step in steps} == output.by("subjects", "subject_name").keys()
    assert all("<p>" in one["body"] for one in output.records["delivery_contents"])
    happened = sum(len(one["metrics"]) - 1 for one in deliveries.values())
    assert len(output.records["delivery_metrics"]) == happened
    changes = output.by("attribute_changes", "cio_id", "name", "timestamp")
    assert len(changes) == sum(len(one["timestamps"]) for one in output.records["people"])
    again = read(sandbox, files, *streams, state=output.states[-1])
    assert not any(again.records[stream] for stream in streams)


def test_without_files_such_streams_say_what_they_need(sandbox):
    output = sandbox.read("subjects", "completeness")
    assert said(output, "subjects")["status"] == "not_available"
    assert said(output, "subjects")["reason"] == "warehouse_path is not set"


def test_secrets_in_webhooks_are_left_out(sandbox, files):
    files.mkdir()
    address = "https://hooks.example.org/x?token=secret-word"
    row = {"delivery_id": "d", "url": address, "headers": '{"X-Key": "secret-word"}'}
    write_file(files / "delivery_content_v5_1_1.parquet", "delivery_content", [row], 5)
    output = read(sandbox, files, "delivery_contents", routes={})
    assert len(output.records["delivery_contents"]) == 1
    assert "secret-word" not in json.dumps(output.records["delivery_contents"])


def test_a_bucket_is_read_through_its_address(sandbox, tmp_path):
    import fsspec

    sandbox.writer.write_warehouse(tmp_path)
    bucket = fsspec.filesystem("memory")
    for file in tmp_path.iterdir():
        bucket.pipe(f"/exports/{file.name}", file.read_bytes())
    assert len(read(sandbox, "memory://exports", "people").records["people"]) == 40


@pytest.mark.parametrize(
    ("path", "why"),
    [("/no/such/folder", "does not exist"), ("nonsense://x", "cannot be listed: ValueError")],
)
def test_a_path_that_cannot_be_listed_ends_the_run(sandbox, path, why):
    with pytest.raises(ConfigValidationError, match=why):
        read(sandbox, path, "people", routes={})


def test_files_of_several_workspaces_need_a_number(sandbox, files):
    sandbox.writer.write_warehouse(files)
    row = {"workspace_id": 2, "internal_customer_id": "other", "deleted": False, "suppressed": False}
    write_file(files / "people_v5_2_1.parquet", "people", [row], 5)
    with pytest.raises(ConfigValidationError, match="workspace_id"):
        read(sandbox, files, "people")
    assert len(read(sandbox, files, "people", workspace_id=1).records["people"]) == 40


def test_auto_prefers_files_where_they_cost_less(sandbox, files):
    sandbox.writer.write_warehouse(files)
    Path(next(files.glob("deliveries_*"))).unlink()
    output = read(sandbox, files, "people", "deliveries", routes={}, requests_per_second=10)
    assert said(output, "people")["route"] == "warehouse"
    assert said(output, "deliveries")["route"] == "api"
    assert len(output.records["deliveries"]) == 240


def test_without_the_extra_the_tap_starts():
    block = "import sys; sys.modules['pyarrow'] = None; "
    script = block + "from tap_customerio.tap import TapCustomerIO; TapCustomerIO.cli()"
    subprocess.run([sys.executable, "-c", script, "--about"], check=True, stdout=subprocess.DEVNULL)


def test_a_missing_extra_is_named(sandbox, files, monkeypatch):
    monkeypatch.setattr("tap_customerio.routes.warehouse.find_spec", lambda name: None)
    with pytest.raises(ConfigValidationError, match=r'pip install "tap-customerio\[warehouse\]"'):
        read(sandbox, files, "people", routes={})
    output = read(sandbox, files, "snippets")  # which has no such route
    assert said(output, "snippets")["route"] == "api"
