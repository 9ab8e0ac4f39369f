"""The sandbox to test against. Every test takes a workspace of its own, so that none sees another's rows."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from filelock import FileLock
from requests.adapters import HTTPAdapter

from crmlift.destination import Create, Field, FieldType
from crmlift.sandbox.server import Server, serve
from target_salesforce.client import Login, SalesforceClient
from target_salesforce.destination import SalesforceDestination

FACTORY = "target_salesforce.sandbox:create_app"
SWITCHED_OFF = {
    "audit_fields": False,
    "address_picklists": False,
    "person_accounts": False,
    "currencies": [],
    "record_types": {},
    "contacts_to_many_accounts": True,
    "duplicate_rules": [],
    "validation_rules": [],
    "flows": [],
    "triggers": [],
    "workflow_rules": [],
    "assignment_rules": [],
    "locks": 0,
    "job_rows": 0,
    "job_polls": 0,
    "jobs_per_page": 1_000,
    "abort_jobs": 0,
    "session_calls": 0,
    "api_calls": 1_000_000,
    "bulk_batches": 15_000,
    "storage_mb": 10_240,
    "marketing_user": True,
}
_numbers = itertools.count()
HERE = Path(__file__).parent
CACHE = HERE.parents[2] / ".cache"


@dataclass(frozen=True)
class Org:
    """A sandbox and the way in."""

    server: Server

    @property
    def url(self) -> str:
        return self.server.url

    def client(self, login: Login | None = None, **options: Any) -> SalesforceClient:
        login = login or Login("sandbox-client", client_secret="sandbox-secret")
        return SalesforceClient(self.url, login, **{"backoff_s": 0.001, **options})

    def destination(self, workspace: str, **options: Any) -> SalesforceDestination:
        return SalesforceDestination(self.client(), workspace, **options)

    def switch(self, **settings: Any) -> None:
        """Set what an administrator may have set."""
        self.server.post("/_sandbox/org", settings)

    def token(self) -> str:
        form = {"grant_type": "client_credentials", "client_id": "sandbox-client"}
        form["client_secret"] = "sandbox-secret"
        answer = requests.post(f"{self.url}/services/oauth2/token", data=form, timeout=60)
        return str(answer.json()["access_token"])

    def raw(self, verb: str, path: str, **request: Any) -> tuple[int, Any]:
        """Call the API as a stranger would, without any of the client's care."""
        headers = {"Authorization": f"Bearer {self.token()}", **request.pop("headers", {})}
        answer = requests.request(
            verb, f"{self.url}/services/data/v66.0{path}", headers=headers, timeout=60, **request
        )
        try:
            return answer.status_code, answer.json()
        except requests.exceptions.JSONDecodeError:
            return answer.status_code, answer.text

    def query(self, soql: str, resource: str = "query") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.raw("GET", f"/{resource}", params={"q": soql})[1]["records"]
        return found


@pytest.fixture(scope="session")
def running() -> Iterator[Org]:
    with serve(FACTORY) as server:
        yield Org(server)


@pytest.fixture
def own_org() -> Iterator[Org]:
    """A sandbox for one test, which changes its schema for good."""
    with serve(FACTORY) as server:
        yield Org(server)


@pytest.fixture
def org(running: Org) -> Iterator[Org]:
    """The sandbox, with no fault in force, no switch set and no call counted."""
    running.server.faults()
    running.switch(**SWITCHED_OFF)
    running.server.stats(reset=True)
    yield running
    running.server.faults()
    running.switch(**SWITCHED_OFF)


@pytest.fixture
def workspace() -> str:
    return f"test_{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def crm(org: Org, workspace: str) -> Iterator[SalesforceDestination]:
    with org.destination(workspace) as destination:
        yield destination


@pytest.fixture
def bulk_crm(org: Org, workspace: str) -> Iterator[SalesforceDestination]:
    """A destination that makes a job of every batch."""
    with org.destination(workspace, bulk_from=1) as destination:
        yield destination


@pytest.fixture
def loaded(crm: SalesforceDestination) -> SalesforceDestination:
    """A contact with an account and an event of ours."""
    crm.provision("event", [Field("cio_sent_at__c", FieldType.DATETIME)])
    (account,) = crm.create("account", [Create("a", {"Name": "Acme & Söhne"})])
    values = {"LastName": "Ångström", "Email": "a@example.com", "AccountId": account.id}
    (person,) = crm.create("contact", [Create("p", values)])
    crm.create("event", [Create("e", {"Subject": "Bought “it”", "WhoId": person.id})])
    return crm


@pytest.fixture(scope="session")
def sf_folder() -> Path:
    """Where Salesforce's own command line is installed, with a Node that it runs on: some 500 MB."""
    return installed("sf", then=[["npm", "rebuild", "node"]], large=True)


@pytest.fixture
def node() -> Callable[..., Any]:
    """Run one of the scripts of `js/`; it prints JSON."""
    return _node


@pytest.fixture
def simple_session(org: Org) -> requests.Session:
    """A session for simple-salesforce, which speaks https only."""
    return _session(org.url)


class ToSandbox(HTTPAdapter):
    """Sends what is meant for any host of Salesforce to the sandbox."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *more: Any, **options: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        request.url = f"{self._url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().send(request, *more, **options)


def _session(url: str) -> requests.Session:
    made = requests.Session()
    made.mount("https://", ToSandbox(url))
    return made


def _node(script: str, text: str = "", **environment: str) -> Any:
    """Run one of the scripts of `js/` and return the JSON that it prints."""
    env = {**os.environ, "NODE_PATH": str(installed("js") / "node_modules"), **environment}
    done = subprocess.run(
        ["node", str(HERE / "js" / script)], input=text, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def installed(name: str, *, then: Sequence[Sequence[str]] = (), large: bool = False) -> Path:
    """Install what `<name>/package.json` lists, once; return the folder with its `node_modules`.

    Skips the test where npm is missing, or where it is `large` and nobody asked for it.
    """
    folder = CACHE / f"salesforce-{name}"
    stamp = folder / "installed.json"
    wanted = (HERE / name / "package.json").read_text()
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    if large and not stamp.exists() and not os.environ.get("FOREIGN_CLIENTS"):
        pytest.skip(f"{name} is not installed; with FOREIGN_CLIENTS=1 in the environment it will be")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not stamp.exists() or stamp.read_text() != wanted:
            (folder / "package.json").write_text(wanted)
            install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
            for command in (install, *then):
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
                assert done.returncode == 0, done.stderr[-2000:]
            stamp.write_text(wanted)
    return folder
