"""Error bodies in the vendor's forms."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response


class ApiError(Exception):
    """An error of the App API; `status` is an HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class TrackError(Exception):
    """An operation that the Track API refuses, with the field that is at fault."""

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(message)
        self.body = {"reason": reason, "field": field, "message": message}


def reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def app_error(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """The App API's envelope; `status` in it is text, the detail ends in a reference."""
    error: dict[str, Any] = {"detail": f"{detail} (reference {secrets.token_hex(3)})", "status": str(status)}
    return reply({"errors": [error]}, status, headers)


def unauthorized(track: bool = False) -> Response:
    """The 401 body that both hosts were seen to send for any bad key."""
    realm = 'Basic realm="Customer.io edge event collection"'
    headers = {"WWW-Authenticate": realm} if track else None
    return reply({"meta": {"error": "Unauthorized request"}}, 401, headers)


async def no_route(request: Request, error: Exception) -> Response:
    """Unknown paths and wrong methods get a page, not JSON."""
    del request, error
    return HTMLResponse(
        "<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>", 404
    )


async def app_error_handler(request: Request, error: Exception) -> Response:
    """Answer an ApiError."""
    del request
    assert isinstance(error, ApiError)
    return app_error(error.status, error.detail)
