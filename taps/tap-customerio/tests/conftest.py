"""A sandbox over a real socket, and a way to run the tap against it in this process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import requests
from singer_sdk.singerlib import Message, RecordMessage, SchemaMessage, StateMessage

from tap_customerio.sandbox import Settings, create_app
from tap_customerio.sandbox.server import Server
from tap_customerio.sandbox.warehouse import write_file
from tap_customerio.tap import TapCustomerIO
from tap_customerio.workspace import Workspace, generate
from tap_customerio.workspace.load import Sandbox

NOW = 1_760_000_000  # the sandbox's time in tests
CONFIG = {
    "app_api_key": "sandbox-app-key",
    "service_account_token": "sandbox-service-account",
    "requests_per_second": 5000,
}


@dataclass
class Output:
    """What a tap wrote; also stands in for its message writer."""

    records: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    states: list[dict[str, Any]] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    stop_after: int | None = None  # records of any stream

    def write_message(self, message: Message) -> None:
        if self.stop_after is not None and sum(map(len, self.records.values())) >= self.stop_after:
            raise KeyboardInterrupt  # as a signal would
        if isinstance(message, RecordMessage):
            self.records[message.stream].append(message.record)
        elif isinstance(message, StateMessage):
            self.states.append(message.to_dict()["value"])
        elif isinstance(message, SchemaMessage):
            self.streams.append(message.stream)

    def by(self, stream: str, *keys: str) -> dict[Any, dict[str, Any]]:
        """The records of a stream by their key, which must be unique."""
        found = {tuple(record[key] for key in keys): record for record in self.records[stream]}
        assert len(found) == len(self.records[stream]), f"{stream}: a key came twice"
        return {key[0] if len(keys) == 1 else key: record for key, record in found.items()}


@dataclass
class Running:
    """A running sandbox with the workspace that was loaded into it."""

    url: str
    settings: Settings
    workspace: Workspace

    def fault(self, kind: str, **rest: Any) -> None:
        assert requests.post(f"{self.url}/_sandbox/faults", json={"kind": kind, **rest}).status_code == 200

    def stats(self) -> dict[str, Any]:
        """Counts since the last call."""
        found: dict[str, Any] = requests.delete(f"{self.url}/_sandbox/stats").json()
        return found

    def get(self, path: str, **query: Any) -> Any:
        key = self.ui_token if path.startswith("/ui/") else "sandbox-app-key"
        headers = {"Authorization": f"Bearer {key}"}
        return requests.get(self.url + path, params=query, headers=headers).json()

    @cached_property
    def ui_token(self) -> str:
        """An access token of a read-only session."""
        form = {"grant_type": "client_credentials", "scope": "read_only"}
        form["client_secret"] = "sandbox-service-account"
        token = requests.post(f"{self.url}/ui/v1/service_accounts/oauth/token", data=form).json()
        return str(token["access_token"])

    def post(self, path: str, body: Any, **query: Any) -> Any:
        headers = {"Authorization": "Bearer sandbox-app-key"}
        return requests.post(self.url + path, json=body, params=query, headers=headers).json()

    @property
    def writer(self) -> Sandbox:
        return Sandbox(self.url)

    def output(self, stop_after: int | None = None) -> Output:
        """Somewhere for a tap to write to; after so many records, the run is interrupted."""
        return Output(stop_after=stop_after)

    def read(self, *streams: str, state: dict[str, Any] | None = None, **config: Any) -> Output:
        """Run the tap for these streams (all, if none is named) and return what it wrote."""
        output = Output()
        self.run(output, *streams, state=state, **config)
        return output

    def run(
        self,
        output: Output,
        *streams: str,
        state: dict[str, Any] | None = None,
        method: str | None = None,
        **config: Any,
    ) -> TapCustomerIO:
        tap = TapCustomerIO(
            config={**CONFIG, "api_url": self.url, "ui_api_url": f"{self.url}/ui", **config},
            state=state,
            message_writer=output,
        )
        for stream in tap.streams.values():
            stream.selected = not streams or stream.name in streams
            stream.forced_replication_method = method
        tap.sync_all()
        return tap


@pytest.fixture(scope="session")
def write_warehouse() -> Callable[[Sandbox, Path], None]:
    """Writes files of the workspace, and of one person who was suppressed before."""

    def write(sandbox: Sandbox, folder: Path) -> None:
        sandbox.write_warehouse(folder)
        row = {"internal_customer_id": "a1b2ffffffff", "deleted": True, "suppressed": True, "updated_at": NOW}
        write_file(folder / "people_v5_1_0.parquet", "people", [row], 5)

    return write


def running(people: int, **settings: Any) -> Iterator[Running]:
    chosen = Settings(**{"clock": NOW, "rate_limit": False, **settings})
    with Server(create_app(chosen)) as server:
        workspace = generate(people, now=NOW)
        Sandbox(server.url).load(workspace)
        yield Running(server.url, chosen, workspace)


@pytest.fixture(scope="session")
def shared() -> Iterator[Running]:
    """A sandbox that no test may change."""
    yield from running(200)


@pytest.fixture(scope="session")
def everything(
    shared: Running,
    tmp_path_factory: pytest.TempPathFactory,
    write_warehouse: Callable[[Sandbox, Path], None],
) -> Output:
    """One full read of the shared sandbox: by the App API, and from files what only they tell."""
    folder = tmp_path_factory.mktemp("warehouse")
    write_warehouse(shared.writer, folder)
    return shared.read(archived_messages_sample=3, warehouse_path=str(folder), routes={"default": "api"})


@pytest.fixture(scope="session")
def many_people() -> Iterator[Running]:
    """People and deliveries for several pages, which no test may change; nothing else."""
    chosen = Settings(clock=NOW, rate_limit=False)
    with Server(create_app(chosen)) as server:
        workspace = generate(2300, now=NOW)
        workspace.objects.clear()
        workspace.events.clear()
        Sandbox(server.url).load(workspace)
        yield Running(server.url, chosen, workspace)


@pytest.fixture
def sandbox() -> Iterator[Running]:
    """A small sandbox of the test's own."""
    yield from running(40)


@pytest.fixture
def make_sandbox() -> Iterator[Callable[..., Running]]:
    """Sandboxes of the test's own, with settings."""
    started: list[Iterator[Running]] = []

    def make(people: int = 10, **settings: Any) -> Running:
        started.append(running(people, **settings))
        return next(started[-1])

    yield make
    for one in started:
        next(one, None)
