"""App API: activities and deliveries, both newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import ApiError, reply
from tap_customerio.sandbox.pages import cursor, limit, position
from tap_customerio.sandbox.parsing import named
from tap_customerio.sandbox.people import People
from tap_customerio.sandbox.store import JSON, Row, dump, parse

_DAY = 86_400
_HALF_YEAR = 182 * _DAY
_METRICS = {
    "attempted", "sent", "delivered", "opened", "clicked", "converted", "bounced", "spammed", "unsubscribed",
    "dropped", "failed", "undeliverable",
}  # fmt: skip
_PARENTS = ("campaign_id", "action_id", "newsletter_id", "broadcast_id", "transactional_message_id")


class History:
    """Reads what happened."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.store = people.store
        self.settings = people.settings

    def routes(self) -> list[Route]:
        """The routes."""
        lists = {"campaigns": "campaign_id", "newsletters": "newsletter_id", "broadcasts": "broadcast_id"}
        lists["transactional"] = "transactional_message_id"
        return [
            Route("/v1/activities", self.activities),
            Route("/v1/customers/{id}/activities", self.activities_of),
            Route("/v1/messages", self.messages),
            Route("/v1/messages/{id}", self.message),
            Route("/v1/messages/{id}/archived_message", self.archived_message),
            Route("/v1/customers/{id}/messages", self.messages_of),
            *(
                Route(f"/v1/{kind}/{{id:int}}/messages", self._sent_by(field))
                for kind, field in lists.items()
            ),
        ]

    async def activities(self, request: Request) -> Response:
        """Activities of everybody; older ones than the horizon are gone."""
        customer = request.query_params.get("customer_id")
        if customer is None:
            return self._activities(request.query_params, None)
        # Only here a cio_id carries the prefix `cio_`.
        key = "cio_id" if customer.startswith("cio_") else request.query_params.get("id_type", "id")
        if key not in {"id", "email", "cio_id"}:
            raise ApiError(400, "invalid id_type")
        row = self.people.find({key: customer.removeprefix("cio_")})
        return self._activities(request.query_params, row["cio_id"] if row else "")

    async def activities_of(self, request: Request) -> Response:
        """Activities of one person."""
        return self._activities(request.query_params, named(self.people, request)["cio_id"])

    def _activities(self, query: Mapping[str, str], cio_id: str | None) -> Response:
        tests, values = ["timestamp >= ?"], [self.settings.now - self.settings.activity_days * _DAY]
        found: list[object] = list(values)
        for name, value in (("type", query.get("type")), ("name", query.get("name")), ("cio_id", cio_id)):
            if value is not None:
                tests.append(f"a.{name} = ?")
                found.append(value)
        if query.get("deleted") != "true":
            tests.append("a.deleted = 0")
        if start := position(query, 2):
            tests.append("(a.timestamp, a.n) < (?, ?)")
            found.extend(start)
        size = limit(query, 10, 100)
        rows = self.store.rows(
            "SELECT a.*, p.id AS person, p.email FROM activities a LEFT JOIN people p ON p.cio_id = a.cio_id"
            f" WHERE {' AND '.join(tests)} ORDER BY a.timestamp DESC, a.n DESC LIMIT ?",
            (*found, size + 1),
        )
        following = cursor(rows[size - 1]["timestamp"], rows[size - 1]["n"]) if rows[size:] else ""
        return reply({"activities": [_activity(row) for row in rows[:size]], "next": following})

    async def messages(self, request: Request) -> Response:
        """Deliveries of everybody."""
        return self._messages(request.query_params, {})

    async def messages_of(self, request: Request) -> Response:
        """Deliveries to one person."""
        return self._messages(request.query_params, {"cio_id": named(self.people, request)["cio_id"]})

    def _sent_by(self, field: str) -> Callable[[Request], object]:
        async def sent(request: Request) -> Response:
            return self._messages(request.query_params, {field: request.path_params["id"]}, 2 * _HALF_YEAR)

        return sent

    async def message(self, request: Request) -> Response:
        """One delivery."""
        rows = self.store.rows(_MESSAGES + " WHERE d.id = ?", (request.path_params["id"],))
        if not rows:
            raise ApiError(404, "not found")
        return reply({"message": _message(rows[0])})

    async def archived_message(self, request: Request) -> Response:
        """The body of one delivery; a forgotten one has none."""
        rows = self.store.rows(_MESSAGES + " WHERE d.id = ?", (request.path_params["id"],))
        if not rows:
            raise ApiError(404, "not found")
        message = _message(rows[0])
        forgotten = bool(message.get("forgotten"))
        archived = {
            "id": message["id"],
            "body": "" if forgotten else f"<p>{message.get('subject') or 'Hello'}</p>",
            "from": "News <news@example.com>",
            "reply_to": "",
            "recipient": message.get("recipient") or "",
            "subject": message.get("subject") or "",
            "bcc": "",
            "fake_bcc": False,
            "preheader_text": "",
            "url": "",
            "request_method": "",
            "headers": [],
            "forgotten": forgotten,
        }
        return reply({"archived_message": archived})

    def _messages(
        self, query: Mapping[str, str], fixed: Mapping[str, object], longest: int = _HALF_YEAR
    ) -> Response:
        # Both bounds are inclusive; without them it is the latest half year; a longer range is cut.
        end = _moment(query, "end_ts") or self.settings.now
        start = max(_moment(query, "start_ts") or end - _HALF_YEAR, end - longest)
        tests, values = ["d.created BETWEEN ? AND ?"], [start, end]
        asked = {name: query[name] for name in (*_PARENTS, "type") if name in query}
        found: list[object] = list(values)
        for name, value in {**asked, **fixed}.items():
            tests.append(f"d.{name} = ?")
            found.append(value)
        if (metric := query.get("metric")) is not None:
            if metric not in _METRICS:
                raise ApiError(400, "invalid metric")
            tests.append("json_extract(d.metrics, ?) IS NOT NULL")
            found.append(f"$.{metric}")
        if since := position(query, 2):
            tests.append("(d.created, d.n) < (?, ?)")
            found.extend(since)
        size = limit(query, 50, 1000)
        rows = self.store.rows(
            f"{_MESSAGES} WHERE {' AND '.join(tests)} ORDER BY d.created DESC, d.n DESC LIMIT ?",
            (*found, size + 1),
        )
        following = cursor(rows[size - 1]["created"], rows[size - 1]["n"]) if rows[size:] else ""
        return reply({"messages": [_message(row) for row in rows[:size]], "next": following})

    def all_messages(self) -> Iterator[JSON]:
        """Every delivery, as it was loaded."""
        return map(_message, self.store.rows(f"{_MESSAGES} ORDER BY d.created, d.n"))

    def load(self, deliveries: list[JSON]) -> None:
        """Add or replace deliveries; `customer` holds an identifier of the person."""
        rows = []
        for delivery in deliveries:
            row = self.people.find(delivery["customer"]) if delivery.get("customer") else None
            body = {key: value for key, value in delivery.items() if key not in {"customer", "metrics"}}
            key = [delivery["id"], delivery["created"], delivery["type"], row["cio_id"] if row else None]
            parents = [delivery.get(name) for name in _PARENTS]
            rows.append([*key, *parents, dump(delivery.get("metrics") or {}), dump(body)])
        marks = ", ".join("?" * 11)
        self.store.write_all(
            f"INSERT INTO deliveries (id, created, type, cio_id, {', '.join(_PARENTS)}, metrics, body)"
            f" VALUES ({marks}) ON CONFLICT (id)"
            " DO UPDATE SET metrics = excluded.metrics, body = excluded.body",
            rows,
        )

    def add_metrics(self, metrics: Mapping[str, JSON]) -> None:
        """Add metrics to deliveries that are there already: `{delivery id: {metric: unix seconds}}`."""
        self.store.write_all(
            "UPDATE deliveries SET metrics = json_patch(metrics, ?) WHERE id = ?",
            [(dump(values), id) for id, values in metrics.items()],
        )


_MESSAGES = "SELECT d.*, p.id AS person, p.email FROM deliveries d LEFT JOIN people p ON p.cio_id = d.cio_id"


def _identifiers(row: Row) -> JSON | None:
    return {"cio_id": row["cio_id"], "email": row["email"], "id": row["person"]} if row["cio_id"] else None


def _activity(row: Row) -> JSON:
    kept = {name: row[name] for name in ("id", "type", "timestamp", "name", "url") if row[name] is not None}
    who = {"customer_id": row["person"] or "", "customer_identifiers": _identifiers(row)}
    return kept | who | {"data": parse(row["data"])}


def _message(row: Row) -> JSON:
    who = {"customer_id": row["person"], "customer_identifiers": _identifiers(row)}
    return parse(row["body"]) | who | {"metrics": parse(row["metrics"])}  # type: ignore[no-any-return]


def _moment(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name)
    if value is not None and not value.isdecimal():
        raise ApiError(400, f"invalid {name}")
    return None if value is None else int(value)
