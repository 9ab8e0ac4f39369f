"""XML-RPC for Odoo 16 to 18, with the error classes of JSON-2."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any
from xml.parsers.expat import ExpatError
from xmlrpc.client import Fault, ResponseError, dumps, loads

import requests

from crmlift.errors import BatchRefused, ConfigError, Refusal
from crmlift.http import Http, Unanswered
from target_odoo.errors import ACCESS, check_load, key_refused, raise_for_http, raise_for_name

# `create` looks at its first positional argument to see whether one record is meant.
_POSITIONAL = {"create": ("vals_list",)}
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NAMED = re.compile(
    r"^((?:\w+\.)*\w+(?:Error|Exception|Failure|Detected|Available|OutOfRange|Warning)): ", re.MULTILINE
)
_FAULTS = {2: "odoo.exceptions.UserError", 3: "odoo.exceptions.AccessDenied", 4: ACCESS}


class XmlRpc:
    """`execute_kw` on `/xmlrpc/2/object`; the API key stands in for the password."""

    def __init__(self, http: Http, database: str, login: str, api_key: str) -> None:
        self._http = http
        self._database, self._login, self._api_key = database, login, api_key

    def server_version(self) -> str:
        """Return the server's version; needs no login."""
        answer = self._send("version", "common", "version", ())
        return str(answer["server_version"])

    def call(
        self, model: str, method: str, ids: list[int] | None, context: Any, arguments: dict[str, Any]
    ) -> Any:
        """Return the method's result."""
        if method == "has_access":  # new in 18; the older method is there in all of them
            ids, method, arguments = None, "check_access_rights", {**arguments, "raise_exception": False}
        named = dict(arguments)
        positional = [] if ids is None else [ids]
        positional += [named.pop(name) for name in _POSITIONAL.get(method, ())]
        params = (
            self._database,
            self._uid,
            self._api_key,
            model,
            method,
            positional,
            {**named, "context": context},
        )
        return self._send(f"{model}.{method}", "object", "execute_kw", params, repeat=method != "create")

    @cached_property
    def _uid(self) -> int:
        if not self._login:
            raise ConfigError("Odoo before version 19 asks for a login.", hint="Set login to the key's user.")
        uid = self._send("login", "common", "authenticate", (self._database, self._login, self._api_key, {}))
        if not uid:
            raise key_refused("login")
        return int(uid)

    def _send(
        self, name: str, service: str, method: str, params: tuple[Any, ...], *, repeat: bool = True
    ) -> Any:
        def classify(response: requests.Response) -> Any:
            if response.status_code != 200:
                raise_for_http(name, response)
            try:
                result = loads(response.content)[0][0]
            except Fault as fault:
                _raise_fault(name, fault)
            except (ExpatError, ResponseError):
                raise Unanswered(f"{name}: the answer is no XML-RPC.") from None
            if name.endswith(".load"):
                check_load(name, result)
            return result

        return self._http.send(
            name,
            "POST",
            f"/xmlrpc/2/{service}",
            classify,
            repeat=repeat,
            data=_body(name, method, params),
            headers={"Content-Type": "text/xml"},
        )


def _body(name: str, method: str, params: tuple[Any, ...]) -> bytes:
    try:
        text = dumps(params, methodname=method, allow_none=True)
    except OverflowError:
        raise BatchRefused(
            f"{name}: a number is too large.", reason=Refusal("integer_out_of_range")
        ) from None
    if _NO_XML.search(text):
        raise BatchRefused(f"{name}: a control character.", reason=Refusal("control_character"))
    return text.encode()


def _raise_fault(name: str, fault: Fault) -> None:
    text = str(fault.faultString)
    if fault.faultCode in _FAULTS:
        kind = _FAULTS[fault.faultCode]
        if "does not exist or has been deleted" in text:
            kind = "odoo.exceptions.MissingError"
        raise_for_name(name, kind, text)
    # Any other error is a traceback whose last lines say "package.Class: message".
    found = _NAMED.findall(text)
    kind = found[-1] if found else "fault"
    if "." not in kind:
        kind = f"builtins.{kind}"
    if "does not exist" in text and ("Object " in text or "has no attribute" in text or "NotFound" in text):
        kind = "werkzeug.exceptions.NotFound"
    raise_for_name(name, kind, text.strip().rpartition("\n")[2])
