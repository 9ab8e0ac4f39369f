"""The wire: who may call, in which version, and what each path is handed to.

Settings come from the environment:

- `SALESFORCE_SANDBOX_DB`: path of the SQLite file, `:memory:` if left out
- `SALESFORCE_SANDBOX_NOW`: a fixed clock, RFC 3339
- `SALESFORCE_SANDBOX_CERTIFICATE`: public key (PEM) that JWTs must be signed for; without it any will do
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from crmlift.sandbox.faults import Harness
from target_salesforce.sandbox import data
from target_salesforce.sandbox.api import Api
from target_salesforce.sandbox.bulk import Bulk
from target_salesforce.sandbox.calls import Answer, Call
from target_salesforce.sandbox.convert import convert
from target_salesforce.sandbox.deploy import Deploys, refresh_grants
from target_salesforce.sandbox.errors import ApiError, RowError
from target_salesforce.sandbox.oauth import App, OAuth, OAuthError
from target_salesforce.sandbox.options import Options
from target_salesforce.sandbox.org import Org
from target_salesforce.sandbox.soap import Soap, SoapFault

OLDEST, NEWEST = 31, 68
_RELEASES = ("Spring", "Summer", "Winter")
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


class Sandbox:
    """One sandbox: its org and its routes."""

    def __init__(self, env: dict[str, str]) -> None:
        now = env.get("SALESFORCE_SANDBOX_NOW")
        fixed = datetime.fromisoformat(now).astimezone(UTC) if now else None
        self.org = Org(env.get("SALESFORCE_SANDBOX_DB", ":memory:"), fixed)
        with self.org.store.transaction():
            data.fill(self.org)
        self.deploys = Deploys(self.org)
        refresh_grants(self.org)
        self.soap = Soap(self.org)
        self.api = Api(self.org)
        self.bulk = Bulk(self.org, self.api.records, self.api.queries)
        app = App(
            "sandbox-client",
            "sandbox-secret",
            "sandbox-refresh",
            env.get("SALESFORCE_SANDBOX_CERTIFICATE", ""),
        )
        self.oauth = OAuth(self.org, app)

    def app(self) -> Harness:
        """Return the ASGI app."""
        routes = [
            Route("/services/oauth2/token", self.token, methods=["POST"]),
            Route("/services/oauth2/userinfo", self.user_info, methods=["GET", "POST"]),
            Route("/id/{org}/{user}", self.identity),
            Route("/services/data", self.versions),
            Route("/services/data/", self.versions),
            Route("/services/Soap/m/{version}", self.metadata, methods=["POST"]),
            Route("/services/Soap/m/{version}/{org}", self.metadata, methods=["POST"]),
            Route("/services/data/{version}", self.data, methods=_METHODS),
            Route("/services/data/{version}/{rest:path}", self.data, methods=_METHODS),
            Route("/_sandbox/org", self.switch, methods=["GET", "POST"]),
            Route("/_sandbox/seed", self.seed, methods=["POST"]),
            Route("/_sandbox/person", self.person, methods=["POST"]),
            Route("/_sandbox/convert", self.convert, methods=["POST"]),
        ]
        return Harness(_one_slash(Starlette(routes=routes)), self.org.stats, self.org.faults)

    # -- before the API ----------------------------------------------------------------------------

    async def token(self, request: Request) -> Response:
        """Answer a login."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        try:
            return JSONResponse(
                self.oauth.token(form, request.headers.get("Authorization", ""), _origin(request))
            )
        except OAuthError as error:
            return JSONResponse(error.body, 400)

    async def user_info(self, request: Request) -> Response:
        """Say who is logged in."""
        if not self.oauth.allows(request.headers.get("Authorization", "")):
            return _error(_no_session())
        return JSONResponse(self.oauth.user_info(_origin(request)))

    async def identity(self, request: Request) -> Response:
        """Answer the address that a login names as `id`."""
        if not self.oauth.allows(request.headers.get("Authorization", "")):
            return _error(_no_session())
        return JSONResponse(self.oauth.identity(_origin(request)))

    async def versions(self, _request: Request) -> Response:
        """List the versions; needs no login."""
        return JSONResponse([
            {"label": f"{_RELEASES[(n - 31) % 3]} '{14 + (n - 31 + 2) // 3}",
             "url": f"/services/data/v{n}.0", "version": f"{n}.0"}
            for n in range(OLDEST, NEWEST + 1)
        ])  # fmt: skip

    async def metadata(self, request: Request) -> Response:
        """Answer a call of the Metadata API over SOAP."""
        try:
            session, answer = self.soap.answer(await request.body())
            if not self.oauth.allows(f"Bearer {session}"):
                raise SoapFault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader")
            return Response(answer, media_type="text/xml")
        except SoapFault as fault:
            return Response(fault.envelope(), 500, media_type="text/xml")

    # -- the API -----------------------------------------------------------------------------------

    async def data(self, request: Request) -> Response:
        """Answer a call of the API."""
        try:
            self._admit(request)
            response = await self._route(request)
        except ApiError as error:
            response = _error(error)
        except RowError as error:
            response = _error(error.as_call())
        used, most = self.org.used_calls, self.org.switches.api_calls
        response.headers["Sforce-Limit-Info"] = (
            f"api-usage={used}/{most}; per-app-api-usage={used}/{most}(appName=crmlift)"
        )
        return response

    def _admit(self, request: Request) -> None:
        found = re.fullmatch(r"v(\d+)\.0", request.path_params["version"])
        if not found or int(found[1]) > NEWEST:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        if int(found[1]) < OLDEST:
            raise ApiError(410, "UNSUPPORTED_API_VERSION", "The requested API version is no longer supported")
        if not self.oauth.allows(request.headers.get("Authorization", "")):
            raise _no_session()
        if self.org.used_calls >= self.org.switches.api_calls:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.org.used_calls += 1

    async def _route(self, request: Request) -> Response:
        path = "/" + request.path_params.get("rest", "")
        path = path.rstrip("/")
        for pattern, handler in (
            (r"/jobs/ingest(?:/(\w+))?(?:/(\w+))?", self._ingest),
            (r"/jobs/query(?:/(\w+))?(?:/(\w+))?", self._query_job),
            (r"/metadata/deployRequest(?:/(\w+))?()", self._deploy),
        ):
            if found := re.fullmatch(pattern, path, re.IGNORECASE):
                handle: Callable[[Request, str | None, str | None], Awaitable[Response]] = handler
                return await handle(request, found[1], found[2])
        raw = await request.body()
        body = _json(raw) if raw and request.method in ("POST", "PATCH") else None
        call = Call(
            request.method,
            path,
            dict(request.query_params),
            dict(request.headers),
            body,
            request.path_params["version"],
        )
        answer: Answer = self.api.handle(call)
        if path.lower().endswith("/permissionsetassignment") and request.method == "POST":
            refresh_grants(self.org)
        return (
            Response(status_code=answer.status)
            if answer.body is None
            else JSONResponse(answer.body, answer.status)
        )

    async def _ingest(self, request: Request, job: str | None, part: str | None) -> Response:
        version = request.path_params["version"]
        match (request.method, job, (part or "").lower()):
            case ("POST", None, ""):
                return JSONResponse(self.bulk.create(_json(await request.body()), version, Options()))
            case ("GET", None, ""):
                locator = request.query_params.get("queryLocator", "0")
                return JSONResponse(self.bulk.listed(version, int(locator)))
            case ("PUT", str(job), "batches"):
                self.bulk.upload(job, await request.body())
                return Response(status_code=201)
            case ("PATCH", str(job), ""):
                about, work = self.bulk.close(job, _json(await request.body())["state"])

                async def run() -> None:
                    self.bulk.run(about["id"])

                return JSONResponse(about, background=BackgroundTask(run) if work else None)
            case ("GET", str(job), ""):
                return JSONResponse(self.bulk.info(job))
            case ("DELETE", str(job), ""):
                self.bulk.drop(job)
                return Response(status_code=204)
            case ("GET", str(job), "successfulresults" | "failedresults" | "unprocessedrecords"):
                names = {
                    name.lower(): name
                    for name in ("successfulResults", "failedResults", "unprocessedrecords")
                }
                path = self.bulk.result(job, names[(part or "").lower()])
                response = FileResponse(path)
                # Bare, as real orgs send it: a client that trusts it reads Latin-1.
                response.headers["Content-Type"] = "text/csv"
                return response
        raise ApiError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed.")

    async def _query_job(self, request: Request, job: str | None, part: str | None) -> Response:
        match (request.method, job, (part or "").lower()):
            case ("POST", None, ""):
                return JSONResponse(
                    self.bulk.query(_json(await request.body()), request.path_params["version"])
                )
            case ("GET", str(job), ""):
                return JSONResponse(self.bulk.info(job))
            case ("DELETE", str(job), ""):
                self.bulk.drop(job)
                return Response(status_code=204)
            case ("GET", str(job), "results"):
                start = request.query_params.get("locator", "0")
                most = int(request.query_params.get("maxRecords", "10000"))
                text, following, number = self.bulk.query_page(
                    job, int(start) if start.isdigit() else 0, most
                )
                headers = {
                    "Sforce-Locator": following,
                    "Sforce-NumberOfRecords": str(number),
                    "Content-Type": "text/csv",
                }
                return Response(text.encode(), headers=headers)
        raise ApiError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed.")

    async def _deploy(self, request: Request, deploy: str | None, _part: str | None) -> Response:
        if request.method == "GET" and deploy:
            return JSONResponse(self.deploys.status(deploy))
        form = await request.form()
        archive = form.get("file")
        if archive is None or isinstance(archive, str):
            raise ApiError(400, "INVALID_MULTIPART_REQUEST", "The zip file is missing")
        options = _json(str(form.get("json", "{}")).encode())
        content = await archive.read()
        with self.org.store.transaction():
            made = self.deploys.start(content, options.get("deployOptions", {}))
        self.org.stats.count("deploy")
        return JSONResponse(made, 201)

    # -- the sandbox's own -------------------------------------------------------------------------

    async def switch(self, request: Request) -> Response:
        """Set switches of the org; see `Switches`."""
        settings = await request.json() if request.method == "POST" else {}
        with self.org.store.transaction():
            switches = self.org.switch(settings)
            data.show_switches(self.org)
        return JSONResponse(switches)

    async def seed(self, request: Request) -> Response:
        """Create records as somebody else did before us: `{object: [row, ...]}`; return their ids."""
        wanted: dict[str, list[dict[str, Any]]] = await request.json()
        with self._as_somebody_else():
            made = {
                name: [self.api.records.insert(name, row, Options(False, True)).id for row in rows]
                for name, rows in wanted.items()
            }
        return JSONResponse(made)

    async def convert(self, request: Request) -> Response:
        """Convert a lead, as a user does: `{lead: id, contact: id}`, the contact by choice; return its id."""
        wanted = await request.json()
        with self._as_somebody_else():
            contact = convert(self.api.records, wanted["lead"], wanted.get("contact", ""))
        return JSONResponse({"contact": contact})

    async def person(self, request: Request) -> Response:
        """Make an account one of a person: `{account: id}`."""
        wanted = await request.json()
        with self._as_somebody_else():
            found = self.org.store.one(wanted["account"]) or {}
            self.org.store.put("Account", [found | {"IsPersonAccount": True}])
        return JSONResponse({})

    @contextmanager
    def _as_somebody_else(self) -> Iterator[None]:
        org = self.org
        with org.store.transaction():
            user, org.user_id = org.user_id, org.store.by_value("User", "LastName", "Sales", exact=True)[0]
            try:
                yield
            finally:
                org.user_id = user


def create_app() -> Harness:
    """Return a sandbox with its settings from the environment."""
    return Sandbox(dict(os.environ)).app()


def _one_slash(app: ASGIApp) -> ASGIApp:
    """Take `//services/data` too: Salesforce's own CLI keeps the slash of `--instance-url`."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": "/" + scope["path"].lstrip("/")}
        await app(scope, receive, send)

    return call


def _no_session() -> ApiError:
    return ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def _error(error: ApiError) -> JSONResponse:
    return JSONResponse(error.body(), error.status)


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise ApiError(400, "JSON_PARSER_ERROR", "Unexpected character") from None
