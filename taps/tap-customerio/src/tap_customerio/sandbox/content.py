"""App API: campaigns, newsletters and whatever else Track cannot write; loaded by `/_sandbox/config`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import ApiError, reply
from tap_customerio.sandbox.pages import cursor, limit, position
from tap_customerio.sandbox.settings import Settings
from tap_customerio.sandbox.store import JSON, Store

_ACTIONS_PER_PAGE = 10
# Path, kind of document, key of the list, key of a single one.
_KINDS = [
    ("campaigns", "campaigns", "campaigns", "campaign"),
    ("broadcasts", "broadcasts", "broadcasts", "broadcast"),
    ("transactional", "transactional", "messages", "message"),  # the vendor's key, though not deliveries
    ("collections", "collections", "collections", "collection"),
]
_LISTS = [
    ("snippets", "snippets", "snippets"),
    ("subscription_topics", "subscription_topics", "topics"),
    ("subscription_channels", "subscription_channels", "channels"),
    ("reporting_webhooks", "reporting_webhooks", "reporting_webhooks"),
    ("exports", "exports", "exports"),
]
# Path, kind of the children, kind of the parent, key of the list, key of a single one.
_CHILDREN = [
    ("broadcasts/{id}/actions", "broadcast_actions", "broadcasts", "actions", "action"),
    ("newsletters/{id}/contents", "newsletter_contents", "newsletters", "contents", "content"),
    ("transactional/{id}/contents", "transactional_contents", "transactional", "contents", "content"),
]
_STUDIO = ("emails", "components", "folders")
# What `/_sandbox/config` takes: lists, and lists by parent.
LISTS = {kind for _, kind, *_ in _KINDS + _LISTS} | {
    "object_types",
    "segments",
    "newsletters",
    "sender_identities",
    "workspaces",
    *(f"design_studio_{kind}" for kind in _STUDIO),
}
CHILDREN = {kind for _, kind, *_ in _CHILDREN} | {
    "campaign_actions",
    "broadcast_triggers",
    "broadcast_errors",
    "links",
    "newsletter_test_groups",
    "collection_content",
}

Handler = Callable[[Request], Any]


class Content:
    """Reads documents as they were loaded, in the shapes of the App API."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings

    def routes(self) -> list[Route]:
        """The routes."""
        routes = [
            Route("/v1/campaigns/{id}/actions", self.campaign_actions),
            Route("/v1/campaigns/{id}/actions/{child}", self._child("campaign_actions", "action")),
            Route(
                "/v1/broadcasts/{id}/triggers", self._children("broadcast_triggers", "broadcasts", "triggers")
            ),
            Route("/v1/campaigns/{id}/triggers", self.trigger, methods=["POST"]),
            Route("/v1/campaigns/{id}/triggers/{child}", self.trigger_status),
            Route("/v1/campaigns/{id}/triggers/{child}/errors", self.trigger_errors),
            Route("/v1/collections/{id}/content", self.collection_content),
            Route("/v1/newsletters", self._trailing("newsletters")),
            Route(
                "/v1/newsletters/{id}/test_groups",
                self._children("newsletter_test_groups", "newsletters", "test_groups"),
            ),
            Route("/v1/sender_identities", self._trailing("sender_identities")),
            Route("/v1/sender_identities/{id}", self._one("sender_identities", "sender_identity")),
            Route("/v1/reporting_webhooks/{id}", self._one("reporting_webhooks", "")),
            *(Route(f"/v1/design_studio/{kind}", self._numbered(kind)) for kind in _STUDIO),
            Route("/v1/design_studio/emails/{id}", self.studio_email),
            Route("/v1/newsletters/{id}", self._one("newsletters", "newsletter")),
            Route("/v1/workspaces", self.workspaces),
        ]
        for path, kind, key, single in _KINDS:
            routes += [Route(f"/v1/{path}", self._list(kind, key))]
            routes += [Route(f"/v1/{path}/{{id}}", self._one(kind, single))]
        routes += [Route(f"/v1/{path}", self._list(kind, key)) for path, kind, key in _LISTS]
        for path, kind, parent, key, single in _CHILDREN:
            routes += [Route(f"/v1/{path}", self._children(kind, parent, key))]
            routes += [Route(f"/v1/{path}/{{child}}", self._child(kind, single))]
        return routes

    async def campaign_actions(self, request: Request) -> Response:
        """Ten per page, no limit to ask for; ids are text here though numbers in the campaign."""
        actions = self._of("campaign_actions", "campaigns", request.path_params["id"])
        start = (position(request.query_params) or [0])[0]
        page = [action | {"id": str(action["id"])} for action in actions[start : start + _ACTIONS_PER_PAGE]]
        more = len(actions) > start + _ACTIONS_PER_PAGE
        return reply({"actions": page, "next": cursor(start + _ACTIONS_PER_PAGE) if more else ""})

    async def trigger(self, request: Request) -> Response:
        """A new run of a broadcast; nothing is sent."""
        broadcast = request.path_params["id"]
        runs = self._of("broadcast_triggers", "broadcasts", broadcast)
        now = self.settings.now
        run = {
            "id": len(runs) + 1,
            "broadcast_id": int(broadcast),
            "created_at": now,
            "processed_at": now,
        }
        self.store.put_document("broadcast_triggers", str(run["id"]), run, broadcast)
        return reply({"id": run["id"]})

    async def trigger_status(self, request: Request) -> Response:
        """One run, not wrapped; its id is text here."""
        run = self._run(request)
        errors = self.store.documents("broadcast_errors", f"{run['broadcast_id']}:{run['id']}")
        status = {"recipients_count": 10, "workflow_action_ids": [], "recipients_filter": {}}
        data = {"data_file_position": 0, "data_file_processed": True, "data_file_error_count": len(errors)}
        return reply(run | {"id": str(run["id"])} | status | data)

    async def trigger_errors(self, request: Request) -> Response:
        """What went wrong in one run; `next` is a number here, 0 at the end."""
        run = self._run(request)
        errors = self.store.documents("broadcast_errors", f"{run['broadcast_id']}:{run['id']}")
        text = request.query_params.get("start") or "0"
        if not text.isdecimal():
            raise ApiError(400, "invalid start")
        start, size = int(text), limit(request.query_params, 10, 100)
        page = [error["error"] for error in errors[start : start + size]]
        return reply({"errors": page, "next": start + size if errors[start + size :] else 0})

    def _run(self, request: Request) -> JSON:
        path = request.path_params
        run = self.store.document("broadcast_triggers", path["child"], path["id"])
        if run is None:
            raise ApiError(404, "not found")
        return run

    async def studio_email(self, request: Request) -> Response:
        """One email with its content."""
        email = self.store.document("design_studio_emails", request.path_params["id"])
        if email is None:
            raise ApiError(404, "not found")
        return reply({name: email.get(name) for name in ("content", "envelope", "transformers")})

    def _numbered(self, kind: str) -> Handler:
        """A list with numbered pages; it has no content."""

        async def listed(request: Request) -> Response:
            query = request.query_params
            page = query.get("page", "1")
            if not page.isdecimal() or int(page) < 1:
                raise ApiError(400, "invalid page")
            since = int(query.get("updated_after") or 0)
            size = limit(query, 1000, 10_000)
            known = [one for one in self.store.documents(f"design_studio_{kind}") if one["updated"] > since]
            hidden = {"content", "envelope", "transformers"}
            found = known[(int(page) - 1) * size : int(page) * size]
            return reply({kind: [{name: one[name] for name in one if name not in hidden} for one in found]})

        return listed

    async def collection_content(self, request: Request) -> Response:
        """The rows of a collection."""
        rows = self._of("collection_content", "collections", request.path_params["id"])
        return reply([row["row"] for row in rows])

    async def workspaces(self, request: Request) -> Response:
        """The workspaces of the account, with what the first one holds."""
        del request
        count = {
            table: (self.store.row(f"SELECT count(*) AS n FROM {table}") or {"n": 0})["n"]
            for table in ("people", "objects", "deliveries")
        }
        known = self.store.documents("workspaces") or [{"id": 1, "name": "Sandbox"}]
        sizes = {
            "messages_sent": count["deliveries"],
            "billable_messages_sent": count["deliveries"],
            "people": count["people"],
            "object_types": len(self.store.documents("object_types")),
            "objects": count["objects"],
        }
        return reply({"workspaces": [known[0] | sizes, *known[1:]]})

    def load(self, kind: str, documents: list[JSON], parent: str = "") -> None:
        """Add or replace documents of one kind."""
        for index, document in enumerate(documents):
            if kind == "collection_content":
                self.store.put_document(kind, str(index), {"row": document}, parent)
            elif kind == "broadcast_errors":
                self.store.put_document(kind, str(index), {"error": document}, parent)
            else:
                id = document["name"] if kind == "snippets" else document["id"]
                self.store.put_document(kind, str(id), document, parent)

    def _of(self, kind: str, parent_kind: str, parent: str) -> list[JSON]:
        if self.store.document(parent_kind, parent) is None:
            raise ApiError(404, "not found")
        return self.store.documents(kind, parent)

    def _list(self, kind: str, key: str) -> Handler:
        async def listed(request: Request) -> Response:
            del request
            documents = self.store.documents(kind)
            return reply({key: documents or (None if kind == "exports" else [])})

        return listed

    def _trailing(self, kind: str) -> Handler:
        """A list that keeps a cursor on its last full page; the page after it is empty."""

        async def listed(request: Request) -> Response:
            start, size = position(request.query_params) or [0], limit(request.query_params, 50, 100)
            documents = sorted(self.store.documents(kind), key=lambda document: int(document["id"]))
            if kind == "sender_identities":  # `hidden=true` was seen to list only hidden ones
                hidden = request.query_params.get("hidden") == "true"
                documents = [document for document in documents if document["hidden"] is hidden]
            page = [document for document in documents if document["id"] > start[0]][:size]
            return reply({kind: page, "next": cursor(page[-1]["id"]) if page else ""})

        return listed

    def _one(self, kind: str, key: str) -> Handler:
        async def one(request: Request) -> Response:
            document = self.store.document(kind, request.path_params["id"])
            if document is None:
                raise ApiError(404, "not found")
            return reply({key: document} if key else document)

        return one

    def _children(self, kind: str, parent: str, key: str) -> Handler:
        async def children(request: Request) -> Response:
            return reply({key: self._of(kind, parent, request.path_params["id"])})

        return children

    def _child(self, kind: str, key: str) -> Handler:
        async def child(request: Request) -> Response:
            path = request.path_params
            document = self.store.document(kind, path["child"], path["id"])
            if document is None:
                raise ApiError(404, "not found")
            return reply({key: document})

        return child
