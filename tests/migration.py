"""A project as the README describes it, in a folder of its own: what tests across packages work with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastjsonschema

from crmlift.sandbox.server import Server
from crmlift.singer.target import CrmTarget
from target_odoo.target import TargetOdoo
from target_salesforce.target import TargetSalesforce

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


@dataclass
class Result:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Crm:
    """What tests must know of a CRM to lift into it.

    `people` are the entities that people become. `by_itself` are those of which the CRM makes rows on its
    own, so that a run finds what its plan would create.
    """

    target: type[CrmTarget]
    people: tuple[str, ...]
    secret: str
    refusal: str
    by_itself: frozenset[str] = frozenset()

    @property
    def short(self) -> str:
        return self.target.name.removeprefix("target-")

    def settings(self, url: str) -> dict[str, str]:
        """The target's settings as environment variables."""
        settings = {"url": url, **self.target.sandbox_config}
        return {f"TARGET_{self.short}_{name}".upper(): value for name, value in settings.items()}

    def counted(self, counts: Mapping[str, Mapping[str, int]], result: str) -> int:
        """How many people had this result."""
        return sum(counts.get(entity, {}).get(result, 0) for entity in self.people)


CRMS = (
    Crm(TargetOdoo, ("person",), "api_key", "Odoo does not accept the API key"),
    Crm(
        TargetSalesforce,
        ("lead", "contact"),
        "client_secret",
        "Salesforce does not accept the login",
        by_itself=frozenset({"account_contact"}),
    ),
)


class Project:
    """A folder with `meltano.yml` and `.env`, and the commands run in it as a user runs them.

    The CRM is the one whose settings are among the secrets. `target` names its plugin, `bin` has commands.
    """

    def __init__(
        self, folder: Path, secrets: Mapping[str, str], target: str = "target-odoo", *, bin: Path = BIN
    ) -> None:
        self.folder = folder
        self.target = target
        self.bin = bin
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "meltano.yml", folder)
        self.write_env(secrets)

    def write_env(self, secrets: Mapping[str, str]) -> None:
        lines = [f"{name}={value}\n" for name, value in secrets.items()]
        (self.folder / ".env").write_text("".join(lines))

    def run(self, command: str, *arguments: str, ok: bool = True) -> Result:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TAP_", "TARGET_", "MELTANO_", "CRMLIFT_"))
        }
        environment["PATH"] = f"{self.bin}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            [self.bin / command, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        assert not ok or result.code == 0, (
            f"{command} {arguments} ended with {result.code}:\n{_tail(result.err)}\n{_tail(result.out)}"
        )
        return result

    def meltano_run(self, *arguments: str, ok: bool = True) -> Result:
        return self.run("meltano", "run", *arguments, "tap-customerio", self.target, ok=ok)

    def crmlift(self, *arguments: str, ok: bool = True) -> Result:
        """Run a command; what it prints as JSON is held against its published schema."""
        result = self.run("crmlift", *arguments, ok=ok)
        published = ROOT / "docs" / "schemas" / f"{arguments[0]}.json"
        if "--json" in arguments and result.out and published.exists():
            fastjsonschema.validate(json.loads(published.read_text()), result.json)
        return result

    def approve_default(self) -> None:
        self.crmlift("propose", "--workspace", "demo")
        self.crmlift("approve", "--by", "tester")

    def counts(self) -> dict[str, dict[str, int]]:
        """Counts per entity of the last run."""
        reconciliation = self.crmlift("reconcile", "--json").json
        assert reconciliation["in_step"], reconciliation
        return {entity["entity"]: entity["results"] for entity in reconciliation["entities"]}


def _tail(text: str) -> str:
    """The last lines of a log, without the frames that Meltano draws around its own tracebacks."""
    return "\n".join([line for line in text.splitlines() if not line.startswith(("│", "╭", "╰"))][-40:])


def fill(server: Server, *, people: int) -> None:
    """Load the bundled workspace into a Customer.io sandbox."""
    workspace(server, "load", people)


def change_people(server: Server, people: int) -> list[str]:
    """Change two attributes of some people; return their ids."""
    return workspace(server, "change", people).split()


def workspace(server: Server, command: str, people: int) -> str:
    arguments = ["-m", "tap_customerio.workspace", command, "--url", server.url, "--people", str(people)]
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def customerio_settings(server: Server) -> dict[str, str]:
    return {
        "TAP_CUSTOMERIO_APP_API_KEY": "sandbox-app-key",
        "TAP_CUSTOMERIO_API_URL": server.url,
        "TAP_CUSTOMERIO_REQUESTS_PER_SECOND": "900",
    }
