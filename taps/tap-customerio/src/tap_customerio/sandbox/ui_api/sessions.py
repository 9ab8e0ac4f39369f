"""Sessions of the UI API: a service-account token is traded in for an access token."""

from __future__ import annotations

import secrets
import time
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tap_customerio.sandbox.errors import ApiError, reply
from tap_customerio.sandbox.settings import Settings
from tap_customerio.sandbox.store import Store, dump

ACCOUNT = 9001


async def page(request: Request, error: Exception) -> Response:
    """An unknown path gets the page of the user interface, and 200."""
    del request, error
    return HTMLResponse("<!DOCTYPE html><html><head><title>Customer.io</title></head><body></body></html>")


class Sessions:
    """Hands out access tokens, and says which workspaces they reach."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._tokens: dict[str, tuple[float, str]] = {}

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v1/service_accounts/oauth/token", self.exchange, methods=["POST"]),
            Route("/v1/accounts/current", self.account),
            Route("/v1/accounts/{account}/environments", self.environments),
        ]

    def scope(self, token: str) -> str | None:
        """The scope of an access token; None if there is none, or it has ended."""
        until, scope = self._tokens.get(token, (0.0, ""))
        return scope if time.time() < until else None

    async def exchange(self, request: Request) -> Response:
        """RFC 6749, section 4.4, form-encoded; the secret comes in the form, without a client id."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return reply({"error": "invalid_request"}, 400)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if form.get("grant_type") != "client_credentials":
            return reply({"error": "unsupported_grant_type"}, 400)
        if form.get("client_secret") != self.settings.service_account_token:
            return reply({"error": "invalid_client"}, 401)
        wanted = form.get("scope", "").split()
        scope = " ".join(one for one in wanted if one != "read_only" or self.settings.grant_read_only)
        until = time.time() + self.settings.token_seconds
        token = _jwt(until)
        self._tokens[token] = (until, scope)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.settings.token_seconds}
        return reply(answer | ({"scope": scope} if scope else {}))

    async def account(self, request: Request) -> Response:
        """The account of the token; names of its keys beyond `id` and `data_center` are inferred."""
        del request
        ids = [one["id"] for one in self._environments()]
        account = {"id": ACCOUNT, "name": "Acorn", "data_center": self.settings.region}
        return reply({"account": account | {"environment_ids": ids}})

    async def environments(self, request: Request) -> Response:
        """Its workspaces; their envelope is inferred."""
        if request.path_params["account"] != str(ACCOUNT):
            raise ApiError(404, "not found")
        return reply({"environments": self._environments()})

    def _environments(self) -> list[dict[str, object]]:
        known = self.store.documents("workspaces") or [{"id": 1, "name": "Sandbox"}]
        return [{"id": one["id"], "name": one["name"]} for one in known]


def _jwt(until: float) -> str:
    """A token in the form of a JWT; nobody checks its signature."""
    parts = ({"alg": "none"}, {"exp": int(until)})
    head = [urlsafe_b64encode(dump(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*head, secrets.token_urlsafe(16)])
