"""The only place that speaks HTTP to Odoo.

`OdooClient.call` is one API call, over JSON-2 on Odoo 19 and later and over XML-RPC before. Every
call carries the quiet context, and methods that send something are refused before they leave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version as package_version
from typing import Any, Protocol

import requests
from requests.adapters import BaseAdapter

from crmlift.errors import BatchRefused, RunStopped
from crmlift.http import Http
from target_odoo.errors import check_load, raise_for_http, raise_for_name
from target_odoo.versions import FIRST_JSON2, OLDEST
from target_odoo.xmlrpc import XmlRpc

QUIET = {
    # Odoo's own names; what each one silences is in its mail and mail_activity modules.
    "tracking_disable": True,
    "mail_activity_quick_update": True,
    "mail_notrack": True,
    # `load` reads date-times in the context's zone, and translated labels in its language.
    "tz": "UTC",
    "lang": "en_US",
}

_SENDING_METHODS = ("message_post", "send", "action_send", "_message", "_send")
_SENDING_EXACTLY = {
    "action_feedback",
    "action_feedback_schedule_next",
    "method_direct_trigger",
    "action_retry",
}
_SENDING_MODELS = {"mail.mail", "sms.sms", "mailing.mailing", "whatsapp.message", "snailmail.letter"}
_SILENT = {
    "mailing.mailing": frozenset({"done"}),
    # Not `cancel` either: Odoo's clean-up deletes such mails (mass_mailing).
    "mail.mail": frozenset({"sent", "received", "exception"}),
}
"""States in which a record of a sending model is not sent: one must be said with every new record."""
_READING = {
    "search",
    "search_read",
    "search_count",
    "read",
    "fields_get",
    "default_get",
    "has_access",
    "check_access_rights",
    "context_get",
}


class Wire(Protocol):
    """One protocol of Odoo's API."""

    def call(
        self, model: str, method: str, ids: list[int] | None, context: Any, arguments: dict[str, Any]
    ) -> Any:
        """Return the method's result; raises one of `crmlift.errors`."""


class OdooClient:
    """Calls to one database, as one user.

    `login` is needed for XML-RPC only. `server_limit_s` is when the server ends a call by itself
    (`limit_time_real`). `backoff_s` and `adapter` are for tests.
    """

    def __init__(
        self,
        url: str,
        database: str,
        api_key: str,
        login: str = "",
        *,
        timeout_s: float = 300.0,
        server_limit_s: float = 120.0,
        tries: int = 6,
        backoff_s: float = 1.0,
        adapter: BaseAdapter | None = None,
    ) -> None:
        self.database = database
        self.server_limit_s = server_limit_s
        self._api_key = api_key
        self._login = login
        self.http = Http(
            url,
            timeout_s=timeout_s,
            tries=tries,
            backoff_s=backoff_s,
            adapter=adapter,
            product=f"target-odoo/{package_version('target-odoo')}",
        )

    @cached_property
    def version(self) -> tuple[int, str]:
        """Return the server's major version and its full name; needs no key."""
        found = self.http.send("version", "GET", "/web/version", _version_or_none)
        if found is None:
            found = XmlRpc(self.http, self.database, self._login, self._api_key).server_version()
        # Odoo Online names its versions "saas~18.4".
        return int(found.rpartition("~")[2].split(".")[0]), found

    @cached_property
    def uid(self) -> int:
        """The id of the key's user."""
        return int(self.call("res.users", "context_get")["uid"])

    def call(self, model: str, method: str, ids: list[int] | None = None, **arguments: Any) -> Any:
        """Call a method; `ids` are the records, None for a method of the model itself.

        `context` among the arguments adds to the quiet one and cannot take from it.
        """
        refuse_to_send(model, method, arguments)
        context = {**arguments.pop("context", {}), **QUIET}
        return self._wire.call(model, method, ids, context, arguments)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    @cached_property
    def _wire(self) -> Wire:
        major, name = self.version
        if major >= FIRST_JSON2:
            return Json2(self.http, self.database, self._api_key)
        if major < OLDEST:
            raise RunStopped(
                f"This is Odoo {name}.",
                hint=f"target-odoo needs {OLDEST} or later: upgrade the database first.",
            )
        return XmlRpc(self.http, self.database, self._login, self._api_key)


class Json2:
    """`POST /json/2/<model>/<method>`: named arguments only, real status codes."""

    def __init__(self, http: Http, database: str, api_key: str) -> None:
        self._http = http
        self._headers = {
            "Authorization": f"bearer {api_key}",
            "X-Odoo-Database": database,
            "Content-Type": "application/json",
        }

    def call(
        self, model: str, method: str, ids: list[int] | None, context: Any, arguments: dict[str, Any]
    ) -> Any:
        """Return the method's result."""
        name = f"{model}.{method}"
        body: dict[str, Any] = {"context": context, **arguments}
        if ids is not None:
            body["ids"] = ids

        def classify(response: requests.Response) -> Any:
            if response.status_code != 200:
                _raise_json2(name, response)
            result = response.json()
            if method == "load":
                check_load(name, result)
            return result

        return self._http.send(
            name,
            "POST",
            f"/json/2/{model}/{method}",
            classify,
            repeat=repeatable(method),
            data=json.dumps(body, allow_nan=False).encode(),
            headers=self._headers,
        )


def refuse_to_send(model: str, method: str, arguments: Mapping[str, Any]) -> None:
    """Raise for a call that could send something to a person: a fault in our own code."""
    writes = method not in _READING and not _is_silent(model, method, arguments)
    if (
        method.startswith(_SENDING_METHODS)
        or method in _SENDING_EXACTLY
        or (writes and model in _SENDING_MODELS)
    ):
        raise RunStopped(f"{model}.{method} can send messages, so it is never called.")


def _is_silent(model: str, method: str, arguments: Mapping[str, Any]) -> bool:
    """Say whether a write leaves records of a sending model in a state in which they are not sent."""
    states = _SILENT.get(model)
    match method:
        case _ if states is None:
            return False
        case "unlink":
            return True
        case "create":
            return all(row.get("state") in states for row in arguments.get("vals_list") or [{}])
        case "load":
            names = arguments["fields"]
            return "state" in names and {row[names.index("state")] for row in arguments["data"]} <= states
        case "write" | "web_save_multi":
            vals = arguments.get("vals_list", [arguments.get("vals", {})])
            return all("state" not in row or row["state"] in states for row in vals)
        case _:
            return False


def repeatable(method: str) -> bool:
    """Say whether doing the call twice leaves the same as doing it once.

    `load` finds its rows by external id; all others name the records that they change.
    """
    return method != "create"


def _raise_json2(name: str, response: requests.Response) -> None:
    try:
        error = response.json()
    except requests.exceptions.JSONDecodeError:
        error = None
    if isinstance(error, Mapping) and "name" in error:
        raise_for_name(name, str(error["name"]), str(error.get("message", "")), response)
    raise_for_http(name, response)


def _version_or_none(response: requests.Response) -> str | None:
    if response.status_code == 404:
        return None
    if response.status_code != 200:
        raise_for_http("version", response)
    try:
        return str(response.json()["version"])
    except (requests.exceptions.JSONDecodeError, KeyError, TypeError):
        return None


__all__ = ["QUIET", "BatchRefused", "OdooClient", "refuse_to_send", "repeatable"]
