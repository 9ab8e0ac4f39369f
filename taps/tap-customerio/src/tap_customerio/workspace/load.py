"""Loads a workspace into a sandbox: through the Track API, with the vendor's own client."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from customerio import CustomerIO
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tap_customerio.workspace.model import JSON, Event, Object, Person, Workspace
from tap_customerio.workspace.people import person_id

_BATCH_BYTES = 480_000  # the API takes 500 kB
_SEGMENT_IDS = 1000
_TIMEOUT = 120
# A server may close a connection just when it is used again. All writes here can be repeated.
_RETRIES = Retry(total=3, allowed_methods=None, backoff_factor=0.05)


class _PlainHttp(HTTPAdapter):
    """The vendor's client speaks https only; a sandbox on this machine has no certificate."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = (request.url or "").replace("https://", "http://", 1)
        return super().send(request, *args, **kwargs)


class Sandbox:
    """A running sandbox to write into. Refuses anything that is not one."""

    def __init__(self, url: str, site_id: str = "sandbox-site", track_key: str = "sandbox-track-key") -> None:
        self.url = url.rstrip("/")
        self._key = (site_id, track_key)
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(max_retries=_RETRIES))
        address = urlsplit(self.url)
        self.track = CustomerIO(
            site_id, track_key, host=address.hostname, port=address.port, timeout=_TIMEOUT
        )
        if address.scheme == "http":
            self.track.http.mount("https://", _PlainHttp(max_retries=_RETRIES))
        answer = self._session.get(f"{self.url}/_sandbox/config", timeout=_TIMEOUT)
        if answer.status_code != 200 or "now" not in answer.text:
            raise ValueError(f"{self.url} is no sandbox")
        self.now: int = answer.json()["now"]

    def load(self, workspace: Workspace) -> None:
        """Write the whole workspace. Raises ValueError where the sandbox refuses a part of it."""
        config = dict(workspace.config)
        deliveries = config.pop("deliveries")
        self.configure(config)  # object types must be there before objects
        self.batch(_identify(person) for person in workspace.people)
        for person in workspace.people:
            self._add_devices(person)
        self.batch(_object(thing) for thing in workspace.objects)
        self.batch(_event(event) for event in workspace.events)
        for segment, ids in workspace.members.items():
            self.add_members(segment, ids)
        self.configure({"deliveries": deliveries})

    def write_warehouse(self, folder: Path, generation: int = 5) -> list[str]:
        """Have the sandbox write what changed since the last time as data-warehouse files; their names."""
        body = {"path": str(folder.absolute()), "generation": generation}
        names: list[str] = self._post("/_sandbox/warehouse", body).json()["files"]
        return names

    def batch(self, operations: Iterable[JSON]) -> None:
        """Write operations of Track v2 in batches as large as may be."""
        for part in _packed(operations):
            answer = self.track.batch(part)
            if answer.status_code == 207:  # the client takes it for success
                raise ValueError(f"refused: {answer.json()['errors'][:3]}")

    def configure(self, config: Mapping[str, Any]) -> None:
        """Load what Track cannot write."""
        self._post("/_sandbox/config", config)

    def add_members(self, segment: int, ids: list[str]) -> None:
        """Put people into a manual segment; the vendor's client has no call for it."""
        for start in range(0, len(ids), _SEGMENT_IDS):
            path = f"/api/v1/segments/{segment}/add_customers"
            self._post(path, {"ids": ids[start : start + _SEGMENT_IDS]})

    def _add_devices(self, person: Person) -> None:
        for device in person.devices:
            who = person.identifiers.get("id") or person.identifiers["email"]
            rest = {key: value for key, value in device.items() if key not in {"token", "platform"}}
            self.track.add_device(who, device["token"], device["platform"], **rest)

    def _post(self, path: str, body: Mapping[str, Any]) -> requests.Response:
        answer = self._session.post(self.url + path, json=body, auth=self._key, timeout=_TIMEOUT)
        if answer.status_code != 200:
            raise ValueError(f"{path}: HTTP {answer.status_code}: {answer.text[:200]}")
        return answer


def change(sandbox: Sandbox, count: int, seed: int = 1) -> list[str]:
    """Change two attributes of that many people of the bundled workspace; their ids."""
    ids = islice((id for number in itertools.count(1) if (id := person_id(number))), count)
    changed = list(ids)
    for id in changed:
        sandbox.track.identify(id, job_title=f"Director {seed} of {id}", lead_score=1000 + seed)
    return changed


def _packed(operations: Iterable[JSON]) -> Iterator[list[JSON]]:
    part: list[JSON] = []
    size = 0
    for operation in operations:
        length = len(json.dumps(operation)) + 2
        if part and size + length > _BATCH_BYTES:
            yield part
            part, size = [], 0
        part.append(operation)
        size += length
    if part:
        yield part


def _identify(person: Person) -> JSON:
    return {
        "type": "person",
        "action": "identify",
        "identifiers": person.identifiers,
        "attributes": person.attributes,
    }


def _object(thing: Object) -> JSON:
    return {
        "type": "object",
        "action": "identify",
        "identifiers": {"object_type_id": thing.type_id, "object_id": thing.object_id},
        "attributes": thing.attributes,
        "cio_relationships": [
            {"identifiers": who, "relationship_attributes": attributes} for who, attributes in thing.links
        ],
    }


def _event(event: Event) -> JSON:
    return {
        "type": "person",
        "action": event.kind,
        "id": event.id,
        "identifiers": event.identifiers,
        "name": event.name,
        "timestamp": event.timestamp,
        "attributes": event.attributes,
    }
