"""Salesforce's own command line, `sf`, as a witness of the sandbox: it logs in, reads what we wrote, writes.

It deploys over REST here, which it offers beside SOAP.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from handoff_fields import MAPPING
from test_deploy import drafts

from crmlift.destination import Field, FieldType
from crmlift.mapping.schema_changes import apply
from target_salesforce.metadata import field_xml, object_xml, package, permission_set_xml
from target_salesforce.package import PACKAGE

if TYPE_CHECKING:
    from conftest import Org
    from target_salesforce.destination import SalesforceDestination

USER = "integration@sandbox.example.com"


@dataclass(frozen=True)
class Cli:
    """`sf` with a home of its own, so that nobody's logins are read or changed."""

    program: tuple[str, ...]
    home: Path

    def __call__(self, *arguments: str, ok: bool = True, **environment: str) -> Any:
        env = {
            **os.environ,
            "HOME": str(self.home),
            "SF_DISABLE_TELEMETRY": "true",
            "SF_AUTOUPDATE_DISABLE": "true",
            "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
            "SF_ORG_METADATA_REST_DEPLOY": "true",
            "SF_TARGET_ORG": USER,
            **environment,
        }
        done = subprocess.run(
            [*self.program, *arguments, "--json"],
            cwd=self.home,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode == 0) is ok, done.stdout[-2000:] + done.stderr[-2000:]
        said = json.loads(done.stdout[done.stdout.index("{") :])
        return said["result"] if ok else said


@pytest.fixture(scope="module")
def cli(sf_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    modules = sf_folder / "node_modules"
    program = (
        str(modules / "node" / "bin" / "node"),
        str(modules / "@salesforce" / "cli" / "bin" / "run.js"),
    )
    return Cli(program, tmp_path_factory.mktemp("sf"))


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path_factory.mktemp("key") / "server.key"
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(*pem))
    return path


@pytest.fixture(scope="module")
def logged_in(running: Org, cli: Cli, key_file: Path) -> dict[str, Any]:
    app = ("--client-id", "sandbox-client", "--jwt-key-file", str(key_file))
    said: dict[str, Any] = cli("org", "login", "jwt", "--username", USER, "--instance-url", running.url, *app)
    return said


@pytest.fixture
def sf(cli: Cli, logged_in: dict[str, Any], org: Org) -> Cli:
    """`sf`, logged in by JWT bearer."""
    return cli


def rows(csv_text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text)))


def test_it_logs_in_by_jwt_and_knows_the_org(logged_in: dict[str, Any]) -> None:
    assert logged_in["username"] == USER
    assert logged_in["orgId"].startswith("00D")
    assert (logged_in["instanceApiVersion"], logged_in["orgEdition"]) == ("68.0", "Developer Edition")


def test_it_takes_a_token_and_asks_with_a_doubled_slash(org: Org, cli: Cli, tmp_path: Path) -> None:
    with_token = Cli(cli.program, tmp_path)
    login = ("org", "login", "access-token", "--no-prompt", "--instance-url", org.url)
    assert with_token(*login, SF_ACCESS_TOKEN=org.token())["username"] == USER
    found = with_token("data", "query", "--query", "SELECT Username FROM User WHERE LastName = 'Integration'")
    assert [row["Username"] for row in found["records"]] == [USER]
    assert any(path.startswith("//services/data") for path in org.server.stats()["requests"])


def test_it_reads_what_the_target_wrote(sf: Cli, loaded: SalesforceDestination) -> None:
    key = f"cio_key__c = '{loaded.workspace}:contact:p'"
    found = sf("data", "query", "--query", f"SELECT Name, Account.Name FROM Contact WHERE {key}")
    assert (found["totalSize"], found["done"]) == (1, True)
    assert found["records"][0]["Account"]["Name"] == "Acme & Söhne"
    task = f"SELECT Subject, Who.Type FROM Task WHERE cio_key__c = '{loaded.workspace}:event:e'"
    (row,) = sf("data", "query", "--query", task)["records"]
    assert (row["Subject"], row["Who"]["Type"]) == ("Bought “it”", "Contact")
    # Other tests' contacts bear the name, too.
    where = f"LastName=Ångström cio_key__c={loaded.workspace}:contact:p"
    one = sf("data", "get", "record", "--sobject", "Contact", "--where", where)
    assert one["cio_key__c"].endswith(":contact:p")
    names = {field["name"] for field in sf("sobject", "describe", "--sobject", "Contact")["fields"]}
    assert {"LastName", "cio_key__c"} <= names


def test_it_writes_single_records(org: Org, sf: Cli) -> None:
    made = sf("data", "create", "record", "--sobject", "Lead", "--values", "LastName='Ärger O' Company=Acme")
    assert made == {"id": made["id"], "success": True, "errors": []}
    of = ("--sobject", "Lead", "--record-id", made["id"])
    sf("data", "update", "record", *of, "--values", "Title=Chief")
    assert org.query(f"SELECT LastName, Title FROM Lead WHERE Id = '{made['id']}'")[0]["Title"] == "Chief"
    sf("data", "delete", "record", *of)
    assert org.query(f"SELECT Id FROM Lead WHERE Id = '{made['id']}'") == []


def test_it_loads_by_bulk_jobs_and_fetches_what_became_of_the_rows(
    sf: Cli, loaded: SalesforceDestination
) -> None:
    key = f"{loaded.workspace}:sf"
    (sf.home / "new.csv").write_text(f"LastName,cio_key__c\nBüro,{key}\n{'x' * 100},{key}2\n")
    load = ("--sobject", "Contact", "--wait", "1", "--line-ending", "LF", "--file", "new.csv")
    refused = sf("data", "import", "bulk", *load, ok=False)
    assert refused["data"]["state"] == "JobComplete"
    results = sf("data", "bulk", "results", "--job-id", refused["data"]["jobId"])
    assert (results["processedRecords"], results["successfulRecords"], results["failedRecords"]) == (2, 1, 1)
    (failed,) = rows((sf.home / results["failedFilePath"]).read_text())
    assert failed["sf__Error"].startswith("STRING_TOO_LONG:LastName: data value too large:")
    (done,) = rows((sf.home / results["successFilePath"]).read_text())
    assert (done["LastName"], done["sf__Created"]) == ("Büro", "true")

    (sf.home / "new.csv").write_text(f"LastName,cio_key__c\nBureau,{key}\n")
    upserted = sf("data", "upsert", "bulk", *load, "--external-id", "cio_key__c")
    (row,) = upserted["records"]["successfulResults"]
    assert (row["sf__Id"], row["sf__Created"]) == (done["sf__Id"], "false")
    soql = f"SELECT LastName FROM Contact WHERE cio_key__c LIKE '{key}%'"
    sf("data", "export", "bulk", "--query", soql, "--wait", "1", "--output-file", "out.csv")
    assert rows((sf.home / "out.csv").read_text()) == [{"LastName": "Bureau"}]


def test_it_deploys_the_metadata_that_the_target_sends(org: Org, sf: Cli, tmp_path: Path) -> None:
    def deploy(name: str, *fields: Field, ok: bool = True) -> Any:
        grants = [f"{of}.{field.name}" for of in ("Task", "Event") for field in fields]
        files = {
            "objects/Activity.object": object_xml(field_xml(field, "Nothing__c") for field in fields),
            "permissionsets/from_sf.permissionset": permission_set_xml(grants, []),
        }
        zipfile.ZipFile(io.BytesIO(package(files, "66.0"))).extractall(tmp_path / name)
        (sf.home / "sfdx-project.json").write_text('{"packageDirectories": [{"path": "."}]}')
        of = ("--metadata-dir", str(tmp_path / name), "--single-package", "--wait", "1")
        return sf("project", "deploy", "start", *of, ok=ok)

    done = deploy("good", Field("from_sf__c", FieldType.DATETIME, label="From sf"))
    assert (done["status"], done["numberComponentsDeployed"]) == ("Succeeded", 2)
    assert {file["fullName"] for file in done["files"]} == {"Activity", "from_sf"}
    assert [row["Name"] for row in org.query("SELECT Name FROM PermissionSet WHERE Name = 'from_sf'")]
    bad = deploy("bad", Field("nowhere__c", FieldType.LINK, label="Nowhere"), ok=False)
    assert bad["result"]["status"] == "Failed"
    assert "does not resolve to a valid sObject type" in json.dumps(bad["result"]["details"])


def test_it_deploys_the_drafts_of_the_hand_off_and_retrieves_them(
    org: Org, sf: Cli, crm: SalesforceDestination, tmp_path: Path
) -> None:
    apply(MAPPING, crm)
    with zipfile.ZipFile(io.BytesIO(drafts(5))) as archive:
        names = [name for name in archive.namelist() if name.startswith("flows/")]
        texts = {name: archive.read(name) for name in names}
    (sf.home / "sfdx-project.json").write_text('{"packageDirectories": [{"path": "."}]}')
    (tmp_path / PACKAGE).write_bytes(drafts(5))
    of = ("--metadata-dir", str(tmp_path / PACKAGE), "--single-package", "--wait", "1")
    done = sf("project", "deploy", "start", *of)
    assert (done["status"], done["numberComponentErrors"]) == ("Succeeded", 0)
    flows = {file["fullName"] for file in done["files"] if file["type"] == "Flow"}
    assert flows == {name[6:].removesuffix(".flow") for name in names}

    wanted = [part for name in sorted(flows) for part in ("--metadata", f"Flow:{name}")]
    into = ("--target-metadata-dir", str(tmp_path / "back"), "--single-package", "--unzip", "--wait", "1")
    sf("project", "retrieve", "start", *wanted, *into)
    found = {f"flows/{path.name}": path.read_bytes() for path in (tmp_path / "back").rglob("*.flow")}
    assert found == texts
    assert all(b"<status>Draft</status>" in text for text in found.values())


def test_it_shows_errors_in_their_words(sf: Cli) -> None:
    said = sf("data", "query", "--query", "SELECT Nothing FROM Lead", ok=False)
    assert said["name"] == "INVALID_FIELD"
    assert "No such column 'Nothing' on sobject of type Lead" in said["message"]
