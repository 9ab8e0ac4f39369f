"""What the App API's routes read out of a request."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request

from tap_customerio.sandbox.errors import ApiError
from tap_customerio.sandbox.people import People
from tap_customerio.sandbox.store import Row


def named(people: People, request: Request) -> Row:
    """The person that a path names. Raises ApiError 404."""
    id_type = request.query_params.get("id_type", "id")
    if id_type not in {"id", "email", "phone", "cio_id"}:
        raise ApiError(400, "invalid id_type")
    value = request.path_params["id"]
    if id_type == "cio_id":
        value = value.removeprefix("cio_")
    row = people.find({id_type: value})
    if row is None:
        raise ApiError(404, "not found")
    return row


async def json_body(request: Request) -> dict[str, Any]:
    """The body, a JSON object. Raises ApiError 400."""
    try:
        return msgspec.json.decode(await request.body(), type=dict[str, Any])
    except msgspec.MsgspecError:
        raise ApiError(400, "malformed body") from None
