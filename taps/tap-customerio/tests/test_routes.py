"""Which way a stream is read, and what a run says beforehand about its cost."""

from __future__ import annotations

import pytest

from tap_customerio import client, ui_api
from tap_customerio.plan import RouteError
from tap_customerio.routes import API, Cost, Route
from tap_customerio.streams import STREAMS
from tap_customerio.streams.people import People
from tap_customerio.streams.setup import Snippets
from tap_customerio.tap import TapCustomerIO


class Other(Route):
    """A route whose price and readiness a test sets."""

    def __init__(self, cost=None, missing=""):
        self._cost, self._missing = cost, missing

    name = "warehouse"
    lacks = "devices"

    def missing(self, tap):
        return self._missing

    def cost(self, stream, sizes):
        return self._cost

    def read(self, stream):
        yield {"cio_id": "one", "attributes": {}}


def routes(monkeypatch, *offered):
    monkeypatch.setattr(People, "routes", offered)


def people(sandbox, **config):
    output = sandbox.read("people", "completeness", **config)
    return output, output.by("completeness", "subject")["people"]


def test_auto_takes_the_cheapest_and_says_so(sandbox, monkeypatch, caplog):
    routes(monkeypatch, API, Other(Cost(calls=0, seconds=0)))
    with caplog.at_level("INFO"):
        output, said = people(sandbox)
    assert output.by("people", "cio_id").keys() == {"one"}
    assert (said["route"], said["calls_estimated"], said["calls_made"]) == ("warehouse", 0, 0)
    assert "devices" in said["reason"]
    told = [line for line in caplog.messages if line.startswith("route of people")]
    assert told == ["route of people: warehouse, cheapest (warehouse: 0 calls, 0 s, api: 2 calls, 0 s)"]


def test_auto_counts_the_time_that_a_route_takes(sandbox, monkeypatch):
    routes(monkeypatch, API, Other(Cost(calls=0, seconds=3600)))
    assert people(sandbox)[1]["route"] == "api"


def test_auto_passes_over_a_route_that_is_not_set_up(sandbox, monkeypatch):
    routes(monkeypatch, API, Other(Cost(), missing="warehouse_path is not set"))
    assert people(sandbox)[1]["route"] == "api"


def test_a_route_can_be_asked_for_by_stream_or_for_all(sandbox, monkeypatch):
    routes(monkeypatch, API, Other(Cost(seconds=3600)))
    assert people(sandbox, routes={"people": "warehouse"})[1]["route"] == "warehouse"
    said = sandbox.read("people", "snippets", "completeness", routes={"default": "warehouse"})
    found = said.by("completeness", "subject")
    assert found["people"]["route"] == "warehouse"
    assert found["snippets"]["route"] == "api"  # it has no other


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"peeple": "api"}, "there is no stream 'peeple'"),
        ({"snippets": "warehouse"}, "snippets has no route 'warehouse', only api"),
        ({"people": "warehouse"}, "people cannot be read by warehouse: warehouse_path is not set"),
    ],
)
def test_a_route_that_cannot_be_is_refused_before_anything_is_read(sandbox, monkeypatch, asked, why):
    routes(monkeypatch, API, Other(missing="warehouse_path is not set"))
    sandbox.stats()
    with pytest.raises(RouteError, match=why):
        sandbox.read("people", "snippets", routes=asked)
    assert sandbox.stats()["endpoints"].keys() <= {"GET /v1/workspaces"}


def test_a_stream_without_a_usable_route_says_what_it_would_need(sandbox, monkeypatch, caplog):
    monkeypatch.setattr(Snippets, "routes", (Other(missing="warehouse_path is not set"),))
    with caplog.at_level("INFO"):
        output = sandbox.read("snippets", "subjects", "completeness")
    assert "no route, warehouse_path is not set: snippets, subjects" in caplog.messages
    said = output.by("completeness", "subject")["snippets"]
    assert (said["status"], said["reason"]) == ("not_available", "warehouse_path is not set")
    assert not output.records["snippets"]


def test_the_estimate_is_logged_once_and_costs_one_call(sandbox, caplog):
    sandbox.stats()
    with caplog.at_level("INFO"):
        output = sandbox.read("people", "objects", "snippets", "completeness", requests_per_second=100)
    told = [line for line in caplog.messages if line.startswith("estimate")]
    calls = sandbox.stats()["endpoints"]
    said = output.by("completeness", "subject")
    objects = len(sandbox.workspace.objects)
    shares = f"objects {objects + 4} in 0 s, people 2 in 0 s, snippets 1 in 0 s"
    assert told == [f"estimate: about {objects + 7} calls ({shares}), 0 s at 100 a second"]
    assert said["objects"]["calls_made"] == said["objects"]["calls_estimated"] + 1  # the types
    assert said["people"]["calls_made"] == said["people"]["calls_estimated"] + 1  # deletions
    assert calls["GET /v1/workspaces"] == 2  # before, and once more to check the counts


def test_a_list_that_the_estimate_counts_is_not_asked_for_again(sandbox):
    sandbox.stats()
    sandbox.read("campaigns", "campaign_actions")
    assert sandbox.stats()["endpoints"]["GET /v1/campaigns"] == 1


def test_an_estimate_that_is_refused_stops_nothing(sandbox):
    sandbox.fault("status", status=403, path="/v1/workspaces", count=100)
    output, said = people(sandbox)
    assert len(output.records["people"]) == 40
    assert said["calls_estimated"] is None


def test_discovery_asks_for_nothing(sandbox):
    sandbox.stats()
    tap = TapCustomerIO(config={"app_api_key": "sandbox-app-key", "api_url": sandbox.url})
    assert tap.catalog_dict["streams"]
    assert sandbox.stats()["endpoints"] == {}


def test_settings_name_the_regions_and_routes_that_there_are():
    settings = TapCustomerIO.config_jsonschema["properties"]
    assert set(settings["region"]["enum"]) == client.HOSTS.keys() == ui_api.HOSTS.keys()
    there = {route.name for stream in STREAMS for route in stream.routes}
    assert set(settings["routes"]["additionalProperties"]["enum"]) == there | {"auto"}
