"""What an org tells about itself: resources, limits, counts, describes; and its answers to queries."""

from __future__ import annotations

import re

from target_salesforce.sandbox.calls import Answer, Call, Route, named
from target_salesforce.sandbox.errors import ApiError, no_such_type
from target_salesforce.sandbox.org import Org
from target_salesforce.sandbox.query import PAGE, Queries
from target_salesforce.sandbox.soql import parse

_RESOURCES = ("composite", "jobs", "limits", "metadata", "query", "queryAll", "sobjects", "tooling")

_TOOLING = ("ValidationRule", "WorkflowRule")
"""Kinds of setup that only the Tooling API knows."""


class About:
    """The resources that only read."""

    def __init__(self, org: Org, queries: Queries) -> None:
        self.org, self.queries = org, queries

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            ("GET", r"", self._resources),
            ("GET", r"/limits", self._limits),
            ("GET", r"/limits/recordCount", self._record_count),
            ("GET", r"(/tooling)?/query(All)?", self._query),
            ("GET", r"(?:/tooling)?/query(?:All)?/(\w+)-(\d+)", self._page),
            ("GET", r"/sobjects", self._global_describe),
            ("GET", r"/sobjects/(\w+)/describe", self._describe),
        ]

    def _resources(self, call: Call) -> Answer:
        return Answer(200, {name: f"/services/data/{call.version}/{name}" for name in _RESOURCES})

    def _limits(self, _call: Call) -> Answer:
        switches = self.org.switches
        storage = max(0, switches.storage_mb - self.org.used_kb // 1024)
        mails = self.org.store.db.execute(
            "SELECT COUNT(*) FROM record WHERE object = 'EmailMessage'"
        ).fetchone()[0]
        limits = {
            "DailyApiRequests": (switches.api_calls, switches.api_calls - self.org.used_calls),
            "DailyBulkApiBatches": (switches.bulk_batches, switches.bulk_batches - self.org.used_batches),
            "DailyBulkV2QueryFileStorageMB": (976_562, 976_562),
            "DailyBulkV2QueryJobs": (10_000, 10_000),
            "DailyWorkflowEmails": (5_000, 5_000 - mails),
            "DataStorageMB": (switches.storage_mb, storage),
            "FileStorageMB": (20, 20),
            "SingleEmail": (5_000, 5_000),
        }
        return Answer(
            200, {name: {"Max": most, "Remaining": max(0, left)} for name, (most, left) in limits.items()}
        )

    def _record_count(self, call: Call) -> Answer:
        names = [name for name in call.query.get("sObjects", "").split(",") if name] or list(self.org.objects)
        sql = "SELECT COUNT(*) FROM record WHERE object = ? AND deleted = 0"
        counts = [(self.org.store.db.execute(sql, (name,)).fetchone()[0], name) for name in names]
        return Answer(
            200, {"sObjects": [{"count": number, "name": name} for number, name in counts if number]}
        )

    def _global_describe(self, _call: Call) -> Answer:
        seen = [
            one.flags()
            for one in self.org.objects.values()
            if not one.hidden or f"object:{one.name}" in self.org.grants
        ]
        return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": seen})

    def _describe(self, _call: Call, name: str) -> Answer:
        made = named(self.org, name)
        children = [
            {"cascadeDelete": one.cascade, "childSObject": child.name, "deprecatedAndHidden": False,
             "field": one.name, "junctionIdListNames": [], "junctionReferenceTo": [],
             "relationshipName": child.plural.replace(" ", ""), "restrictedDelete": False}
            for child in self.org.objects.values()
            for one in child.fields.values()
            if made.name in one.refers_to and (not child.hidden or f"object:{child.name}" in self.org.grants)
        ]  # fmt: skip
        fields = [
            one.describe(audit=self.org.switches.audit_fields)
            for one in made.fields.values()
            if self.org.sees(made.name, one)
        ]
        more = {
            "actionOverrides": [], "childRelationships": children, "compactLayoutable": True,
            "defaultImplementation": None, "extendedBy": None, "extendsInterfaces": None, "fields": fields,
            "implementedBy": None, "implementsInterfaces": None, "listviewable": None,
            "lookupLayoutable": None, "namedLayoutInfos": [], "networkScopeFieldName": None,
            "recordTypeInfos": self.org.record_types(made.name),
            "searchLayoutable": True, "sobjectDescribeOption": "FULL", "supportedScopes": [],
        }  # fmt: skip
        return Answer(200, made.flags() | more)

    def _query(self, call: Call, tooling: str | None, everything: str | None) -> Answer:
        if "q" not in call.query:
            raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
        if not tooling and (of := parse(call.query["q"]).of) in _TOOLING:
            raise no_such_type(of, call.query["q"])
        options = call.headers.get("sforce-query-options", "")
        size = re.search(r"batchSize=(\d+)", options)
        page = max(200, min(PAGE, int(size[1]))) if size else PAGE
        found = self.queries.start(call.query["q"], call.version, everything=bool(everything), page=page)
        if call.query.get("columns") == "true":
            found = found | {"columnMetadata": []}
        self.org.stats.count("query")
        return Answer(200, found)

    def _page(self, call: Call, locator: str, offset: str) -> Answer:
        self.org.stats.count("query")
        return Answer(200, self.queries.page(locator, int(offset), call.version))
