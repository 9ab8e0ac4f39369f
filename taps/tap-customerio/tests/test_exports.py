"""The route through exports: the same records as by the App API, and one export for each that is needed."""

from __future__ import annotations

import json

import pytest

from tap_customerio import exports as exports_module
from tap_customerio.plan import RouteError
from tap_customerio.sizes import Sizes

NOW = 1_760_000_000  # the sandbox's time in tests
CONFIG = {"exports": True, "routes": {"default": "export"}}
DELIVERIES_LACK = {"deduplicate_id", "parent_action_id", "forgotten", "broadcast_id"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(exports_module, "_FIRST_WAIT", 0.01)


def read(sandbox, *streams, **config):
    return sandbox.read(*streams, "completeness", **CONFIG, **config)


def said(output, subject):
    return output.by("completeness", "subject")[subject]


def exported(sandbox):
    return [one for one in sandbox.get("/v1/exports")["exports"] if one["user_email"] == "owner@example.com"]


def as_text(value):
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def test_people_are_those_of_the_api(make_sandbox):
    sandbox = make_sandbox(60)
    by_api = sandbox.read("people").by("people", "cio_id")
    sandbox.stats()
    output = read(sandbox, "people")
    by_export = output.by("people", "cio_id")
    assert by_export.keys() == by_api.keys()
    for cio_id, person in by_api.items():
        found = by_export[cio_id]
        assert found["attributes"] == {n: as_text(value) for n, value in person["attributes"].items()}
        assert [found[n] for n in ("id", "email", "phone")] == [person[n] for n in ("id", "email", "phone")]
        assert found["unsubscribed"] is person["unsubscribed"] or found["unsubscribed"] is None
    line = said(output, "people")
    assert (line["route"], line["difference"]) == ("export", 0)
    assert "devices" in line["reason"]
    calls = sandbox.stats()["endpoints"]
    assert calls["POST /v1/exports/customers"] == 1
    assert "POST /v1/customers" not in calls
    assert len(exported(sandbox)) == 1


def test_deliveries_are_those_of_the_api_but_for_broadcasts(make_sandbox):
    sandbox = make_sandbox(60)
    output = sandbox.read("deliveries")
    by_api = {id: one for id, one in output.by("deliveries", "id").items() if not one["broadcast_id"]}
    by_export = read(sandbox, "deliveries", deliveries_start="2024-01-01").by("deliveries", "id")
    assert by_export.keys() == by_api.keys()
    for id, delivery in by_api.items():
        expected = {n: value for n, value in delivery.items() if n not in DELIVERIES_LACK}
        assert {n: value for n, value in by_export[id].items() if n not in DELIVERIES_LACK} == expected


def test_it_needs_a_switch(sandbox):
    with pytest.raises(RouteError, match="exports is not switched on"):
        sandbox.read("people", routes={"people": "export"})
    assert sandbox.read("people", "completeness").by("completeness", "subject")["people"]["route"] == "api"


def test_auto_asks_for_an_export_where_it_saves_time(sandbox, monkeypatch):
    def line(**config):
        return said(sandbox.read("people", "completeness", exports=True, **config), "people")

    assert line(requests_per_second=1)["route"] == "api"
    monkeypatch.setattr(Sizes, "count", lambda self, what: 1_000_000)
    assert line(requests_per_second=10)["route"] == "export"
    assert line(routes={"people": "api"})["route"] == "api"


def test_an_export_that_is_not_ready_is_waited_for(make_sandbox):
    sandbox = make_sandbox(export_looks=3)
    sandbox.stats()
    assert len(read(sandbox, "people").records["people"]) == 10
    assert sandbox.stats()["endpoints"]["GET /v1/exports/{id}"] == 4


@pytest.mark.parametrize("fault", [{"kind": "cut"}, {"kind": "status", "status": 403}, {"kind": "status"}])
def test_a_download_that_breaks_goes_on_by_another_link(make_sandbox, fault):
    sandbox = make_sandbox(300)
    sandbox.fault(**fault, path="/files/", count=2)
    sandbox.stats()
    output = read(sandbox, "people")
    assert len(output.by("people", "cio_id")) == 300
    assert said(output, "people")["status"] == "complete"
    assert sandbox.stats()["endpoints"]["GET /v1/exports/{id}/download"] == 3


def test_links_that_never_hold_end_the_stream_and_no_other(make_sandbox):
    sandbox = make_sandbox(export_link_seconds=0)
    output = read(sandbox, "people", "snippets", max_tries=2)
    assert said(output, "people")["status"] == "unreadable"
    assert "the link no longer holds" in said(output, "people")["reason"]
    assert "/files/" not in said(output, "people")["reason"]
    assert output.records["snippets"]


def test_a_failed_export_is_asked_for_anew_by_the_next_run(make_sandbox):
    sandbox = make_sandbox(export_fails=True)
    output = read(sandbox, "people")
    assert "failed" in said(output, "people")["reason"]
    sandbox.settings.export_fails = False
    again = read(sandbox, "people", state=output.states[-1])
    assert len(again.records["people"]) == 10
    assert len(exported(sandbox)) == 2


def test_an_interrupted_run_goes_on_with_the_same_exports(make_sandbox):
    since = {"deliveries_start": "2025-01-01"}
    other = make_sandbox(60)
    whole = read(other, "deliveries", **since)
    sandbox = make_sandbox(60)
    output = sandbox.output(stop_after=100)
    with pytest.raises(KeyboardInterrupt):
        sandbox.run(output, "deliveries", **CONFIG, **since)
    before = len(exported(sandbox))
    assert 1 < before < len(exported(other))
    rest = read(sandbox, "deliveries", state=output.states[-1], **since)
    assert len(exported(sandbox)) == len(exported(other))
    assert rest.by("deliveries", "id") == whole.by("deliveries", "id")
    assert rest.states[-1] == whole.states[-1]


def test_an_export_that_somebody_removed_is_asked_for_anew(sandbox):
    state = {"bookmarks": {"people": {"exports": {"people": {"id": 77, "asked_at": 1 << 33}}}}}
    output = read(sandbox, "people", state=state)
    assert len(output.records["people"]) == 40


def test_people_without_a_column_of_cio_ids_are_looked_up(sandbox, monkeypatch):
    from tap_customerio.sandbox import audience

    whole = audience.Audience.customer

    def customer(self, row):
        found = whole(self, row)
        return found | {"attributes": {n: v for n, v in found["attributes"].items() if n != "cio_id"}}

    monkeypatch.setattr(audience.Audience, "customer", customer)
    by_api = sandbox.read("people").by("people", "cio_id")
    by_export = read(sandbox, "people").by("people", "cio_id")
    assert by_export.keys() == by_api.keys()


def test_with_a_memory_file_only_changes_come(sandbox, tmp_path):
    memory = {"memory_file": str(tmp_path / "memory"), "full_scan_every_days": 0}
    first = read(sandbox, "people", **memory)
    assert len(first.records["people"]) == 40
    sandbox.writer.track.identify("user-000001", job_title="Astronaut")
    sandbox.writer.track.delete("user-000002")
    second = read(sandbox, "people", state=first.states[-1], **memory)
    assert len(second.records["people"]) == 2
    assert len(exported(sandbox)) == 2
