"""What a hand-off calls exact, held against a loaded CRM: each segment's rule picks exactly its people."""

from __future__ import annotations

import ast
import csv
import datetime
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import deeds
from migration import Project, customerio_settings

from crmlift.sandbox.server import Server

_LISTED = {1, 2, 3, 10, 11, 12, 13, 14, 15}
EXACT = {"odoo": _LISTED | {segment.id for segment in deeds.SEGMENTS}, "salesforce": _LISTED}
"""Segments of the bundled workspace and of `deeds` that a CRM picks exactly, by the default mappings.

Those of the unsubscribed are not among them: the CRM has what the consent hook says, more than one attribute.
No query of Salesforce takes tasks inside another.
"""


def with_journeys(server: Server) -> dict[str, str]:
    """Settings of the tap with which it also reads what only the user interface shows."""
    token = {"TAP_CUSTOMERIO_SERVICE_ACCOUNT_TOKEN": "sandbox-service-account"}
    return {**customerio_settings(server), **token, "TAP_CUSTOMERIO_UI_API_URL": f"{server.url}/ui"}


class People:
    """Whom a loaded CRM finds, by Customer.io's ids."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def everybody(self) -> set[str]:
        raise NotImplementedError

    def of(self, advice: Path, segment: str) -> set[str]:
        """Those that the advice on a segment picks."""
        raise NotImplementedError


class InOdoo(People):
    def everybody(self) -> set[str]:
        return self._search([("is_company", "=", False), ("x_cio_id", "!=", False)])

    def of(self, advice: Path, segment: str) -> set[str]:
        job = advice / "odoo" / f"segment-{segment}.schedule.xml"
        if job.exists():
            return self._counted(code_of(job))
        return self._search(ast.literal_eval((advice / "odoo" / f"segment-{segment}.domain.txt").read_text()))

    def _search(self, domain: list[Any]) -> set[str]:
        rows = self.client.call("res.partner", "search_read", domain=domain, fields=["x_cio_id"])
        return {row["x_cio_id"] for row in rows}

    def _counted(self, code: str) -> set[str]:
        """Those whom a scheduled action would tag: its code run here, over the API."""
        before_the_tag = code.partition("tag = env")[0]
        found: dict[str, Any] = {"env": _Models(self.client), "datetime": datetime}
        exec(before_the_tag, found)
        return self._search([("id", "in", sorted(found["people"]))])


def code_of(job: Path) -> str:
    """The code of a scheduled action's data file."""
    return str(ET.parse(job).findtext("record/field[@name='code']"))


class _Models:
    """What the code of a server action may ask Odoo's models for, over the API."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __getitem__(self, model: str) -> _Model:
        return _Model(self.client, model)


class _Model:
    def __init__(self, client: Any, model: str) -> None:
        self.client = client
        self.model = model

    def search(self, domain: list[Any]) -> _Rows:
        events = ["x_partner_id", "x_properties"] if self.model == "x_cio_event" else ["id"]
        found = self.client.call(self.model, "search_read", domain=domain, fields=events)
        return _Rows(_row(values) for values in found)

    def _read_group(self, domain: list[Any], by: list[str], sums: list[str]) -> list[tuple[Any, int]]:
        assert (by, sums) == (["x_partner_id"], ["__count"])
        counts = Counter(row.x_partner_id.id for row in self.search(domain))
        return [(SimpleNamespace(id=id), count) for id, count in counts.items()]


class _Rows(list[Any]):
    @property
    def ids(self) -> list[int]:
        return [row.id for row in self]


def _row(values: dict[str, Any]) -> SimpleNamespace:
    partner = values.get("x_partner_id") or [False]
    return SimpleNamespace(**values | {"x_partner_id": SimpleNamespace(id=partner[0])})


class InSalesforce(People):
    def everybody(self) -> set[str]:
        return self._query("SELECT cio_id__c FROM Lead") | self._query("SELECT cio_id__c FROM Contact")

    def of(self, advice: Path, segment: str) -> set[str]:
        files = [advice / "salesforce" / f"segment-{segment}.{kind}.soql" for kind in ("lead", "contact")]
        return {who for file in files for who in self._query(file.read_text())}

    def _query(self, soql: str) -> set[str]:
        return {row["cio_id__c"] for page in self.client.query(soql) for row in page if row["cio_id__c"]}


def prove(project: Project, crm: str, loaded: People, *, merging: bool) -> None:
    """Write the hand-off of a loaded project, and let the CRM evaluate what it calls exact."""
    index = project.crmlift("handoff", "--target", crm, "--show-people", "--json").json
    assert index["mapping_approved"]
    folder = project.folder / ".crmlift" / "handoff"
    segments = [entry for entry in index["items"] if entry["kind"] == "segment"]
    # Customer.io does not say who is in an archived one, so there is nothing to hold it against.
    known = [entry for entry in segments if entry["state"] != "archived"]
    exact = {entry["id"] for entry in known if list(entry["exactness"].values()) == ["exact"]}
    assert sorted(exact, key=int) == [str(id) for id in sorted(EXACT[crm])]

    owners = merged_into(loaded.everybody(), people(folder, "1"))
    several = {who for group in owners.values() if len(group) > 1 for who in group}
    assert merging or not several
    sizes = {}
    for id in sorted(exact, key=int):
        found, held = loaded.of(folder / "advice", id), set(people(folder, id))
        assert found - several == held - several, f"segment {id}"
        # A merged record has the values of the first of its people, the tags of all, and their events in sum.
        if int(id) in _LISTED:
            assert all(owners[who] & held for who in found & several), f"segment {id}"
        sizes[id] = len(held)
    assert sizes["15"] == 0, "one of them has nobody in it"
    assert sum(size > 0 for size in sizes.values()) == len(sizes) - 1
    check_loaded(folder, merging=merging)


def check_loaded(folder: Path, *, merging: bool) -> None:
    """Every membership that was held was loaded; people who were merged have one between them."""
    item = json.loads((folder / "items" / "became-crm.json").read_text())
    (segments,) = [table["rows"] for table in item["tables"] if table["title"] == "Segments"]
    for id, _, became, held, loaded, _ in segments:
        if loaded:
            assert became.startswith(("tag “", "campaign “"))
            assert int(loaded.replace(",", "")) <= int(held.replace(",", "")), f"segment {id}"
            assert merging or loaded == held, f"segment {id}"
    assert {row[0] for row in segments if not row[4]} == {"16"}, "the archived one became nothing"


def people(folder: Path, segment: str) -> dict[str, str]:
    """Addresses by cio_id of a segment's people, as the hand-off lists them."""
    path = folder / "people" / f"segment-{segment}.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {row["cio_id"]: row["email"] for row in csv.DictReader(file)}


def merged_into(loaded: set[str], everybody: dict[str, str]) -> dict[str, set[str]]:
    """People by the record that they are in: those with one address may be in one."""
    by_email: dict[str, set[str]] = {}
    for who, email in everybody.items():
        by_email.setdefault(email.casefold(), set()).add(who)
    found: dict[str, set[str]] = {who: {who} for who in loaded}
    for group in by_email.values():
        if len(group & loaded) < len(group):
            for who in group:
                found[who] = group
    return found
