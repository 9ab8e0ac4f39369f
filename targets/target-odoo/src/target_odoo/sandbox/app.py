"""The wire: JSON-2, XML-RPC and JSON-RPC over one set of models.

Settings come from the environment:

- `ODOO_SANDBOX_DB`: path of the SQLite file, `:memory:` if left out
- `ODOO_SANDBOX_DATABASE`: name of the database, `sandbox`
- `ODOO_SANDBOX_KEY`, `ODOO_SANDBOX_LIMITED_KEY`: API keys of `admin` and of `clerk` (contacts only)
- `ODOO_SANDBOX_VERSION`: major version to play, 19
- `ODOO_SANDBOX_LANGS`: installed languages, `en_US,de_DE`
- `ODOO_SANDBOX_NOW`: a fixed clock, RFC 3339
"""

from __future__ import annotations

import inspect
import json
import os
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from types import MethodType
from typing import Any, cast
from xmlrpc.client import Fault as XmlFault
from xmlrpc.client import dumps, loads

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

import target_odoo.sandbox.contacts
import target_odoo.sandbox.leads
import target_odoo.sandbox.letters
import target_odoo.sandbox.mailings
import target_odoo.sandbox.technical  # noqa: F401  (registers its models)
from crmlift.sandbox.faults import Fault, Harness, Stats
from target_odoo.sandbox import data
from target_odoo.sandbox.access import ADMIN, LIMITED
from target_odoo.sandbox.errors import OdooError, not_found, unauthorized, unprocessable
from target_odoo.sandbox.loading import load
from target_odoo.sandbox.models import models_of
from target_odoo.sandbox.orm import Database, Env, Model, root
from target_odoo.sandbox.registry import Registry
from target_odoo.sandbox.store import Store

_PASSWORD = "admin"  # the well-known password of a fresh Odoo database
_FAULT_CODES = {"odoo.exceptions.AccessDenied": 3, "odoo.exceptions.AccessError": 4}
_MAX_BODY = 128 * 2**20


class Sandbox:
    """One sandbox: its database, its users, its routes."""

    def __init__(self, env: dict[str, str]) -> None:
        self.database = env.get("ODOO_SANDBOX_DATABASE", "sandbox")
        self.keys = {
            env.get("ODOO_SANDBOX_KEY", "sandbox-key"): ADMIN,
            env.get("ODOO_SANDBOX_LIMITED_KEY", "sandbox-limited"): LIMITED,
        }
        major = int(env.get("ODOO_SANDBOX_VERSION", "19"))
        self.db = Database(
            store=Store(env.get("ODOO_SANDBOX_DB", ":memory:")),
            registry=Registry(models_of(major)),
            stats=Stats(),
            faults=[],
            major=major,
        )
        if now := env.get("ODOO_SANDBOX_NOW"):
            fixed = datetime.fromisoformat(now).astimezone(UTC)
            self.db.clock = lambda: fixed
        data.fill(self.db, env.get("ODOO_SANDBOX_LANGS", "en_US,de_DE").split(","))
        self.db.stats.calls.clear()

    def app(self) -> Harness:
        """Return the ASGI app."""
        routes = [
            Route("/web/health", _health),
            Route("/web/version", self.version),
            Route("/json/version", self.version),
            Route("/json/2/{model}/{method}", self.json2, methods=["POST"]),
            *(
                Route(f"{path}/{service}", self.xmlrpc, methods=["POST"])
                for path in ("/xmlrpc", "/xmlrpc/2")
                for service in ("common", "object")
            ),
            Route("/jsonrpc", self.jsonrpc, methods=["POST"]),
            Route("/_sandbox/seed", self.seed, methods=["POST"]),
        ]
        if self.db.major < 19:
            routes = [r for r in routes if not r.path.startswith(("/json/", "/web/version"))]
        faults: list[Fault] = self.db.faults
        return Harness(Starlette(routes=routes), self.db.stats, faults)

    # -- JSON-2 ------------------------------------------------------------------------------------

    async def version(self, _request: Request) -> Response:
        """Answer without a login."""
        return JSONResponse(self._version())

    def _version(self) -> dict[str, Any]:
        return {"version_info": [self.db.major, 0, 0, "final", 0, ""], "version": f"{self.db.major}.0"}

    async def json2(self, request: Request) -> Response:
        """Answer `POST /json/2/<model>/<method>`."""
        raw = await request.body()
        if request.headers.get("X-Odoo-Database", self.database) != self.database:
            return HTMLResponse("<!doctype html><title>404 Not Found</title>", 404)
        if request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            return HTMLResponse("<!doctype html><title>415 Unsupported Media Type</title>", 415)
        if len(raw) > _MAX_BODY:
            return HTMLResponse("<!doctype html><title>413 Request Entity Too Large</title>", 413)
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            return _error(OdooError("werkzeug.exceptions.BadRequest", "Invalid JSON data", 400))
        if not _encodable(body):
            return HTMLResponse("<!doctype html><title>500 Internal Server Error</title>", 500)
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        uid = self.keys.get(key) if scheme.lower() == "bearer" else None
        if uid is None:
            return _error(unauthorized(), {"WWW-Authenticate": "Bearer"})
        context, ids = body.pop("context", {}), body.pop("ids", None)
        path = request.path_params
        try:
            result = self.run(uid, path["model"], path["method"], ids, [], body, context)
        except OdooError as error:
            return _error(error)
        return JSONResponse(result)

    def run(
        self,
        uid: int,
        model: str,
        method: str,
        ids: Any,
        args: list[Any],
        kwargs: dict[str, Any],
        context: Any,
    ) -> Any:
        """Call one method in one transaction. `ids` None means that `args` may begin with them."""
        try:
            return self._run(uid, model, method, ids, args, kwargs, context)
        except OdooError:
            if model.startswith("ir.model"):
                data.restore(self.db)
            raise

    def _run(
        self,
        uid: int,
        model: str,
        method: str,
        ids: Any,
        args: list[Any],
        kwargs: dict[str, Any],
        context: Any,
    ) -> Any:
        with self.db.store.transaction():
            records = Env(self.db, uid, context or {})[model]
            function = self._function(records, model, method)
            if function.api == "record":  # type: ignore[attr-defined]
                given = ids if ids is not None else (args.pop(0) if args else [])
                records.ids = [given] if isinstance(given, int) else list(given)
            elif ids:
                raise unprocessable(f"cannot call {model}.{method} with ids")
            try:
                inspect.signature(function).bind(*args, **kwargs)
            except TypeError as error:
                raise unprocessable(str(error)) from None
            self.db.stats.count(f"{model}.{method}", _rows(records, args, kwargs))
            return function(*args, **kwargs)

    def _function(self, records: Model, model: str, method: str) -> Callable[..., Any]:
        function = MethodType(load, records) if method == "load" else getattr(records, method, None)
        since = {"web_save_multi": 19, "has_access": 18}.get(method, 0)
        if function is None or not hasattr(function, "api") or self.db.major < since:
            raise not_found(f"The method '{model}.{method}' does not exist")
        return cast("Callable[..., Any]", function)

    # -- the older protocols -----------------------------------------------------------------------

    async def xmlrpc(self, request: Request) -> Response:
        """Answer XML-RPC: errors are faults, and None cannot be carried."""
        params, method = loads(await request.body())
        service = request.url.path.rpartition("/")[2]
        try:
            body = dumps((self.legacy(service, str(method), list(params)),), methodresponse=True)
        except OdooError as error:
            body = dumps(_fault(error))
        except TypeError:
            body = dumps(XmlFault(1, "TypeError: cannot marshal None unless allow_none is enabled"))
        return Response(body, media_type="text/xml")

    async def jsonrpc(self, request: Request) -> Response:
        """Answer JSON-RPC."""
        call = await request.json()
        params = call["params"]
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": call.get("id")}
        try:
            answer["result"] = self.legacy(params["service"], params["method"], list(params["args"]))
        except OdooError as error:
            details = {
                "name": error.name,
                "message": error.message,
                "arguments": [error.message],
                "debug": "",
            }
            answer["error"] = {"code": 0, "message": "Odoo Server Error", "data": details}
        return JSONResponse(answer)

    def legacy(self, service: str, method: str, params: list[Any]) -> Any:
        """Answer a call of the `common` or `object` service."""
        if method == "version":
            version = self._version()
            return {
                "server_version": version["version"],
                "server_version_info": version["version_info"],
                "server_serie": version["version"],
                "protocol_version": 1,
            }
        if service == "common":
            return self._login(params[1], params[2]) if params[0] == self.database else False
        database, uid, key, model, name, *rest = params
        if database != self.database or uid not in (ADMIN, LIMITED) or self._user_of(key) != uid:
            raise OdooError("odoo.exceptions.AccessDenied", "Access Denied", 403)
        args = list(rest[0]) if rest else []
        kwargs = dict(rest[1]) if len(rest) > 1 else {}
        context = kwargs.pop("context", {})
        single = name == "create" and isinstance(args[0], dict)
        result = self.run(uid, model, name, None, args, kwargs, context)
        return result[0] if single else result

    def _login(self, login: str, secret: str) -> int | bool:
        uid = {"admin": ADMIN, "clerk": LIMITED}.get(login)
        return uid if uid is not None and self._user_of(secret, uid) == uid else False

    def _user_of(self, secret: str, uid: int = ADMIN) -> int | None:
        return uid if secret == _PASSWORD and uid == ADMIN else self.keys.get(secret)

    # -- seeding -----------------------------------------------------------------------------------

    async def seed(self, request: Request) -> Response:
        """Create records as somebody else did before us: `{model: [vals, ...]}`; return their ids."""
        wanted = await request.json()
        env = root(Env(self.db, 1, {"tracking_disable": True}))
        with self.db.store.transaction():
            created = {model: env[model].create(rows) for model, rows in wanted.items()}
        return JSONResponse(created)


def create_app() -> Harness:
    """Return a sandbox with its settings from the environment."""
    return Sandbox(dict(os.environ)).app()


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "pass"})


def _rows(records: Model, args: list[Any], kwargs: dict[str, Any]) -> int:
    for value in (*args, *kwargs.values()):
        if isinstance(value, list) and value and isinstance(value[0], dict | list):
            return len(value)
    return len(records.ids)


def _encodable(value: Any) -> bool:
    """Say whether all text is valid: a lone surrogate breaks Odoo's own answer."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _error(error: OdooError, headers: dict[str, str] | None = None) -> Response:
    debug = "".join(traceback.format_exception(error))
    body = {
        "name": error.name,
        "message": error.message,
        "arguments": [error.message],
        "context": {},
        "debug": debug,
    }
    return JSONResponse(body, error.status, headers)


def _fault(error: OdooError) -> XmlFault:
    code = _FAULT_CODES.get(error.name)
    if code is None and error.name.startswith("odoo.exceptions."):
        code = 2
    if code is None:
        return XmlFault(1, "".join(traceback.format_exception(error)) + f"{error.name}: {error.message}")
    return XmlFault(code, error.message)
