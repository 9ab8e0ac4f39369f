"""Journeys, segments and the rest of the UI API, as they were loaded by `/_sandbox/config`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import ApiError, reply
from tap_customerio.sandbox.store import JSON, Store

Handler = Callable[[Request], Any]

_CAMPAIGNS_PER_PAGE = 20
# Path, kind of document, key of the list, key of a single one (or none), name of the page size (or none).
_LISTS = [
    ("templates", "ui_templates", "templates", "template", "page_size"),
    ("layouts", "ui_layouts", "layouts", "layout", ""),
    ("tags", "ui_tags", "tags", "tag", ""),
    ("domains", "ui_domains", "domains", "", ""),
    ("imports", "ui_imports", "imports", "", ""),
    ("audit_logs", "ui_audit_logs", "audit_logs", "", "size"),
]
_OF_CAMPAIGNS = ("notes", "versions")
_SUPPRESSIONS = ("bounced", "manual", "unsubscribed", "complained")
# What `/_sandbox/config` takes under `ui_api`: kind of document by name.
KINDS = {kind.removeprefix("ui_"): kind for _, kind, *_ in _LISTS} | {
    name: f"ui_{name}"
    for name in (
        "journeys", "notes", "versions", "subjects", "segments", "usage", "suppressions", "attributes",
        "event_names",
    )
}  # fmt: skip


class Documents:
    """Reads documents; the number of the workspace is checked, and then all are one."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def routes(self) -> list[Route]:
        """The routes."""
        routes: list[tuple[str, Handler]] = [
            ("campaigns", self.campaigns),
            ("campaigns/{id}", self.campaign),
            *((f"campaigns/{{id}}/{kind}", self._of_campaign(kind)) for kind in _OF_CAMPAIGNS),
            ("subjects", self.subjects),
            ("segments", self.segments),
            ("segments/{id}", self.segment),
            ("segments/{id}/usage", self.usage),
            ("suppression/{kind}", self.suppression),
            ("customers_suppression_count", self.suppression_count),
            ("attributes", self.attributes),
            ("attributes/{id}", self.attribute),
            ("event_names", self.event_names),
        ]
        for path, kind, key, single, size in _LISTS:
            routes.append((path, self._list(kind, key, size, short=bool(single and size))))
            if single:
                routes.append((f"{path}/{{id}}", self._one(kind, single)))
        return [Route(f"/v1/environments/{{env}}/{path}", self._in_workspace(to)) for path, to in routes]

    async def campaigns(self, request: Request) -> Response:
        """Twenty a page, the first is page 0; without their actions and edges."""
        found = [
            {name: value for name, value in one["campaign"].items() if name not in {"edges", "actions"}}
            for one in self.store.documents("ui_journeys")
        ]
        return reply({"campaigns": _page(found, request.query_params, "size", _CAMPAIGNS_PER_PAGE)})

    async def campaign(self, request: Request) -> Response:
        """The whole graph: actions stand beside the campaign, the list inside of it is empty."""
        found = self._found("ui_journeys", request.path_params["id"])
        return reply(found | {"campaign": found["campaign"] | {"actions": []}})

    async def subjects(self, request: Request) -> Response:
        """People on their way through a campaign; page size inferred."""
        found = self.store.documents("ui_subjects", request.query_params.get("campaign_id", ""))
        return reply({"subjects": _page(found, request.query_params, "size", 50)})

    async def segments(self, request: Request) -> Response:
        """The whole list, without conditions; in pages with `size`, and only then archived ones."""
        query = request.query_params
        paged = query.get("size", "").isdecimal() and int(query["size"]) > 0
        archived = paged and query.get("archived") == "true"
        known = [one for one in self.store.documents("ui_segments") if one.get("archived", False) is archived]
        found = [{name: one[name] for name in one if name != "conditions"} for one in known]
        return reply({"segments": _page(found, query, "size", 0) if paged else found})

    async def segment(self, request: Request) -> Response:
        """One, with its conditions."""
        return reply({"segment": self._found("ui_segments", request.path_params["id"])})

    async def usage(self, request: Request) -> Response:
        """An object of lists, one for each kind of user."""
        id = request.path_params["id"]
        self._found("ui_segments", id)
        kinds: dict[str, list[int]] = {"campaigns": [], "newsletters": [], "segments": []}
        return reply(kinds | (self.store.document("ui_usage", id) or {}))

    async def suppression(self, request: Request) -> Response:
        """Rows of one kind; their form is inferred."""
        kind = request.path_params["kind"]
        if kind not in _SUPPRESSIONS:
            raise ApiError(404, "not found")
        found = self.store.documents("ui_suppressions", kind)
        return reply({"suppressions": _page(found, request.query_params, "size", 50)})

    async def suppression_count(self, request: Request) -> Response:
        """How many there are of all kinds."""
        del request
        return reply({"count": sum(len(self.store.documents("ui_suppressions", k)) for k in _SUPPRESSIONS)})

    async def attributes(self, request: Request) -> Response:
        """Fifty a page unless told; the total is always said to be 0."""
        keys = ("id", "name")
        found = [{name: one[name] for name in keys} for one in self.store.documents("ui_attributes")]
        page = _page(found, request.query_params, "size", 50)
        return reply({"attributes": page, "meta": {"pagination": {"total": 0}}})

    async def attribute(self, request: Request) -> Response:
        """One, with what uses it."""
        return reply({"attribute": self._found("ui_attributes", request.path_params["id"])})

    async def event_names(self, request: Request) -> Response:
        """All names; their form is inferred."""
        del request
        return reply({"event_names": [one["name"] for one in self.store.documents("ui_event_names")]})

    def load(self, name: str, value: Any) -> None:
        """Add or replace documents: a list, or lists by parent. Raises KeyError, ValueError."""
        kind = KINDS[name]
        if name == "usage":
            for id, used in value.items():
                self.store.put_document(kind, str(id), used)
            return
        for parent, documents in value.items() if isinstance(value, dict) else [("", value)]:
            for index, one in enumerate(documents):
                id = one["campaign"]["id"] if name == "journeys" else one.get("id", one.get("name", index))
                self.store.put_document(kind, str(id), one, str(parent))

    def _in_workspace(self, to: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            known = self.store.documents("workspaces") or [{"id": 1}]
            if request.path_params["env"] not in {str(one["id"]) for one in known}:
                raise ApiError(404, "not found")
            response: Response = await to(request)
            return response

        return answer

    def _of_campaign(self, kind: str) -> Handler:
        async def listed(request: Request) -> Response:
            id = request.path_params["id"]
            self._found("ui_journeys", id)
            return reply({kind: self.store.documents(f"ui_{kind}", id)})

        return listed

    def _list(self, kind: str, key: str, size: str, short: bool) -> Handler:
        async def listed(request: Request) -> Response:
            found = self.store.documents(kind)
            if short:  # contents come one by one
                found = [{name: one[name] for name in one if name != "body"} for one in found]
            return reply({key: _page(found, request.query_params, size, 50) if size else found})

        return listed

    def _one(self, kind: str, key: str) -> Handler:
        async def one(request: Request) -> Response:
            return reply({key: self._found(kind, request.path_params["id"])})

        return one

    def _found(self, kind: str, id: str) -> JSON:
        found = self.store.document(kind, id)
        if found is None:
            raise ApiError(404, "not found")
        return found


def _page(found: list[JSON], query: Mapping[str, str], name: str, size: int) -> list[JSON]:
    """A numbered page, from 0; without a number, the first."""
    number, wanted = query.get("page", "0"), query.get(name, "")
    if not number.isdecimal():
        raise ApiError(400, "invalid page")
    # Of campaigns, no other size than theirs is known to be obeyed.
    size = int(wanted) if wanted.isdecimal() and int(wanted) and size != _CAMPAIGNS_PER_PAGE else size
    return found[int(number) * size : (int(number) + 1) * size]
