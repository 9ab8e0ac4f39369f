"""A server that speaks Cardfile's wire format, for tests, rehearsals and the demo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crmlift.sandbox.faults import Fault, Harness, Stats, refused

TABLES = {
    "company": {"name": "text"},
    "person": {name: "text" for name in ("name", "email", "phone", "title")} | {"company": "link"},
    "tag": {"name": "text"},
    "tagging": {"person": "link", "tag": "link"},
    "note": {"title": "text", "body": "json", "at": "datetime", "person": "link"},
}
LONGEST = 500
Answer = Callable[[str, Any, Request], Any]


class Sandbox:
    """One account, in memory."""

    def __init__(self) -> None:
        own = {"id": "integer", "external_id": "text", "hidden": "boolean"}
        self.fields = {table: own | fields for table, fields in TABLES.items()}
        self.cards: dict[str, dict[int, dict[str, Any]]] = {table: {} for table in TABLES}
        self.stats, self.faults = Stats(), list[Fault]()
        self.mails = self.last = 0

    def app(self) -> Harness:
        """Return the ASGI app; the harness adds faults and counters."""
        routes = [
            Route("/v1/account", self._route(self.account)),
            Route("/v1/{table}/fields", self._route(self.field_types), methods=["GET", "POST"]),
            Route("/v1/{table}/query", self._route(self.query), methods=["POST"]),
            Route("/v1/{table}", self._route(self.put), methods=["PUT"]),
            Route("/v1/{table}", self._route(self.delete), methods=["DELETE"]),
        ]
        return Harness(Starlette(routes=routes), self.stats, self.faults)

    def _route(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("Authorization") != "Bearer sandbox-key":
                return JSONResponse({"error": "unauthorized"}, 401)
            body = await request.json() if await request.body() else None
            self.stats.count(answer.__name__, len(body) if isinstance(body, list) else 0)
            return JSONResponse(answer(request.path_params.get("table", ""), body, request))

        return endpoint

    def account(self, _table: str, _body: Any, _request: Request) -> Any:
        """Say what the key may do, and what was sent."""
        return {"rights": ["read", "write"], "mails_sent": self.mails}

    def field_types(self, table: str, body: Any, _request: Request) -> Any:
        """Return the types by name, after adding what is posted."""
        self.fields[table] = {**(body or {}), **self.fields[table]}
        return self.fields[table]

    def query(self, table: str, body: Any, _request: Request) -> Any:
        """Return cards in the order of their ids."""
        cards = (card for card in self.cards[table].values() if card["id"] > body["after"])
        where = {name: set(values) for name, values in body["where"].items()}
        return [card for card in cards if all(card.get(name) in where[name] for name in where)][
            : body["limit"]
        ]

    def put(self, table: str, body: Any, request: Request) -> Any:
        """Write cards by a unique field; each is taken or refused for itself."""
        quiet = request.query_params.get("notify") == "no"
        by = request.query_params["by"]
        known = {card[by]: card for card in self.cards[table].values()}
        return [self._put(table, card, known.get(card[by]), quiet=quiet) for card in body]

    def _put(self, table: str, given: dict[str, Any], card: dict[str, Any] | None, *, quiet: bool) -> Any:
        unknown = given.keys() - self.fields[table].keys()
        if unknown or refused(self.faults, given):
            return {"error": "unknown_field" if unknown else "refused", "message": f"{sorted(unknown)}"}
        if card is None and "id" in given:
            return {"error": "not_found", "message": "there is no such card"}
        created = card is None
        if card is None:
            self.last += 1
            card = self.cards[table][self.last] = {"id": self.last, "external_id": None}
            self.mails += table == "person" and not quiet
        for name, value in given.items():
            text = self.fields[table][name] == "text" and isinstance(value, str)
            card[name] = value[:LONGEST] or None if text else value
        return {"id": card["id"], "created": created}

    def delete(self, table: str, body: Any, _request: Request) -> Any:
        """Delete cards, and pass over those that are gone."""
        return {"deleted": sum(self.cards[table].pop(crm_id, None) is not None for crm_id in body)}


def create_app() -> Harness:
    """Return a fresh account."""
    return Sandbox().app()
