"""App API: subscription preferences, opt-outs, and what the email provider suppresses."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import ApiError, reply
from tap_customerio.sandbox.pages import cursor, limit, position
from tap_customerio.sandbox.parsing import named
from tap_customerio.sandbox.people import People, identifiers
from tap_customerio.sandbox.store import JSON, Row, parse

_KINDS = {"bounces", "blocks", "spam_reports", "invalid_emails"}


class Consent:
    """What people chose, and addresses that get no mail."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.store = people.store

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v1/customers/{id}/subscription_preferences", self.preferences),
            Route("/v1/customers/{id}/optouts", self.optouts_of),
            Route("/v1/optouts", self.optouts),
            Route("/v1/esp/suppression/{kind}", self.suppressed),
            Route("/v1/esp/domains/{domain}/suppression/{kind}", self.suppressed_of_domain),
            Route("/v1/esp/search_suppression/{email}", self.search),
        ]

    async def preferences(self, request: Request) -> Response:
        """The topics of one person, as the subscription center shows them."""
        row = named(self.people, request)
        attributes = parse(row["attributes"])
        chosen = json.loads(attributes.get("cio_subscription_preferences") or "{}").get("topics") or {}
        topics = [
            {
                "id": topic["id"],
                "name": topic["name"],
                "description": topic["description"],
                "subscribed": chosen.get(topic["identifier"], topic["subscribed_by_default"]),
            }
            for topic in self.store.documents("subscription_topics")
        ]
        who = {"id": row["id"] or "", "identifiers": identifiers(row)}
        left = {"unsubscribed": str(attributes.get("unsubscribed")).lower() == "true"}
        header = {"title": "Preferences", "subtitle": ""}
        return reply({"customer": {**who, **left, "header": header, "topics": topics}})

    async def optouts_of(self, request: Request) -> Response:
        """The opt-outs of one person."""
        row = named(self.people, request)
        mine = [found for one, found in self._optouts() if one["cio_id"] == row["cio_id"]]
        return reply({"optouts": [optout for found in mine for optout in found["optouts"]]})

    async def optouts(self, request: Request) -> Response:
        """The opt-outs of everybody, 100 people a page unless more are asked for."""
        query = request.query_params
        start, size = (position(query) or [0])[0], limit(query, 100, 1000)
        everybody = self._optouts()
        page = [
            {"cio_id": row["cio_id"], "customer_id": row["id"] or "", "optouts": found["optouts"]}
            for row, found in everybody[start : start + size]
        ]
        return reply({"optouts": page, "next": cursor(start + size) if everybody[start + size :] else ""})

    async def suppressed(self, request: Request) -> Response:
        """One kind, by offset and in the order of addresses; null past the end, and no category."""
        query = request.query_params
        domain = query.get("domain")
        found = [one for one in self._suppressed(request) if domain in (None, one["domain"])]
        offset = query.get("offset", "0")
        if not offset.isdecimal():
            raise ApiError(400, "invalid offset")
        page = found[int(offset) : int(offset) + limit(query, 100, 1000)]
        if not page:
            return reply({"suppressions": None})
        return reply({"category": request.path_params["kind"], "suppressions": list(map(_shown, page))})

    async def suppressed_of_domain(self, request: Request) -> Response:
        """One kind of one domain, by cursor; an unknown domain has none and is no error."""
        query = request.query_params
        domain = request.path_params["domain"]
        found = [one for one in self._suppressed(request) if one["domain"] == domain]
        start, size = (position(query) or [0])[0], limit(query, 100, 1000)
        page = found[start : start + size]
        following = cursor(start + size) if found[start + size :] else ""
        category = {"category": request.path_params["kind"]} if page else {}
        return reply(category | {"suppressions": list(map(_shown, page)) or None, "next": following})

    async def search(self, request: Request) -> Response:
        """Whether one address is suppressed."""
        email = request.path_params["email"]
        for kind in sorted(_KINDS):
            known = self.store.documents("esp_suppressions", kind)
            if found := [one for one in known if one["email"] == email]:
                return reply({"category": kind, "suppressions": list(map(_shown, found))})
        return reply({"suppressions": None})

    def load_optouts(self, people: list[JSON]) -> None:
        """Set opt-outs: `{"customer": identifiers, "optouts": [{channel, from}]}`."""
        for person in people:
            key = json.dumps(person["customer"], sort_keys=True)
            self.store.put_document("optouts", key, person)

    def load_suppressions(self, kinds: Mapping[str, list[JSON]]) -> None:
        """Suppress addresses: `{kind: [{domain, email, created, reason, status}]}`."""
        for kind, addresses in kinds.items():
            if kind not in _KINDS:
                raise ValueError(f"no such kind of suppression: {kind}")
            for one in addresses:
                self.store.put_document("esp_suppressions", f"{one['domain']} {one['email']}", one, kind)

    def _optouts(self) -> list[tuple[Row, JSON]]:
        known = self.store.documents("optouts")
        found = ((self.people.find(person["customer"]), person) for person in known)
        return sorted(((row, one) for row, one in found if row is not None), key=lambda pair: pair[0]["n"])

    def _suppressed(self, request: Request) -> list[JSON]:
        kind = request.path_params["kind"]
        if kind not in _KINDS:
            raise ApiError(400, "invalid suppression type")
        return sorted(self.store.documents("esp_suppressions", kind), key=lambda one: str(one["email"]))


def _shown(one: JSON) -> JSON:
    return {name: one[name] for name in ("email", "created", "reason", "status")}
