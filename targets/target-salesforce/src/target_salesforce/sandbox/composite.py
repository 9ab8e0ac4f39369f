"""Calls within a call: `/composite`, whose parts refer to each other, and `/composite/batch`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from target_salesforce.sandbox.calls import Answer, Call, RolledBack, Route
from target_salesforce.sandbox.errors import ApiError, not_found
from target_salesforce.sandbox.org import Org


class Composite:
    """`handle` answers the calls within."""

    def __init__(self, org: Org, handle: Callable[[Call], Answer]) -> None:
        self.org, self.handle = org, handle

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [("POST", r"/composite", self._composite), ("POST", r"/composite/batch", self._batch)]

    def _composite(self, call: Call) -> Answer:
        asked = call.body["compositeRequest"]
        if len(asked) > 25:
            raise ApiError(400, "LIMIT_EXCEEDED", "The request cannot have more than 25 subrequests.")
        whole = bool(call.body.get("allOrNone"))
        answers: dict[str, Answer] = {}
        try:
            with self.org.store.transaction():
                for one in asked:
                    text = _with_references(json.dumps({"url": one["url"], "body": one.get("body")}), answers)
                    answers[one["referenceId"]] = found = self._inner(
                        call, one.get("method", "GET"), **json.loads(text)
                    )
                    if whole and found.status >= 400:
                        raise RolledBack
        except RolledBack:
            message = (
                "The transaction was rolled back since another operation in the same transaction failed."
            )
            undone = Answer(400, [{"errorCode": "PROCESSING_HALTED", "message": message}])
            answers = {one["referenceId"]: answers.get(one["referenceId"], undone) for one in asked}
            answers = {name: found if found.status >= 400 else undone for name, found in answers.items()}
        replies = [
            {"body": found.body, "httpHeaders": {}, "httpStatusCode": found.status, "referenceId": name}
            for name, found in answers.items()
        ]
        return Answer(200, {"compositeResponse": replies})

    def _batch(self, call: Call) -> Answer:
        asked = call.body["batchRequests"]
        if len(asked) > 25:
            raise ApiError(400, "LIMIT_EXCEEDED", "The request cannot have more than 25 subrequests.")
        found = [
            self._inner(
                call,
                one.get("method", "GET"),
                "/services/data/" + one["url"].lstrip("/").removeprefix("services/data/"),
                one.get("richInput"),
            )
            for one in asked
        ]
        self.org.used_calls += len(found)
        failed = any(one.status >= 400 for one in found)
        return Answer(
            200,
            {
                "hasErrors": failed,
                "results": [{"statusCode": one.status, "result": one.body} for one in found],
            },
        )

    def _inner(self, call: Call, verb: str, url: str, body: Any) -> Answer:
        parts = urlsplit(url)
        found = re.fullmatch(r"/services/data/(v\d+\.\d)(.*)", parts.path)
        if not found:
            return Answer(404, not_found().body())
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            return self.handle(Call(verb, found[2], query, call.headers, body, found[1]))
        except ApiError as error:
            return Answer(error.status, error.body())


def _with_references(text: str, answers: Mapping[str, Answer]) -> str:
    """Fill in `@{name.id}`."""

    def value(found: re.Match[str]) -> str:
        here: Any = answers[found[1]].body
        for part in re.findall(r"\w+", found[2]):
            here = here[int(part)] if part.isdigit() else here[part]
        return str(here)

    return re.sub(r"@\{(\w+)((?:\.\w+|\[\d+\])+)\}", value, text)
