"""Odoo's errors as crmlift's.

Odoo answers many data errors with status 500, so an error is judged by its `name` first
(the exception's dotted name) and by its status only where it has none.
"""

from __future__ import annotations

from typing import Any, NoReturn

import requests

from crmlift.errors import BatchRefused, Refusal, RunStopped, TransientError
from crmlift.http import check_passing, retry_after

ACCESS = "odoo.exceptions.AccessError"
MISSING = "odoo.exceptions.MissingError"
TOO_LARGE = "too_large"

_LATER = {
    "odoo.exceptions.ConcurrencyError",
    "psycopg2.errors.SerializationFailure",
    "psycopg2.errors.DeadlockDetected",
    "psycopg2.errors.LockNotAvailable",
    "psycopg2.OperationalError",
    "psycopg2.errors.OperationalError",
    "psycopg2.errors.QueryCanceled",
    "psycopg2.errors.AdminShutdown",
    "psycopg2.InterfaceError",
    "psycopg2.pool.PoolError",
    "odoo.sql_db.PoolError",
}
_LATER_IN_LOAD = (
    "could not serialize access",
    "deadlock detected",
    # The same batch is still at work on the server, sent before a time-out of ours.
    "ir_model_data_module_name_uniq_index",
)
_KEY = (
    "werkzeug.exceptions.Unauthorized",
    "odoo.exceptions.AccessDenied",
    "odoo.http.SessionExpiredException",
)
_OURS = ("werkzeug.exceptions.UnprocessableEntity", "werkzeug.exceptions.BadRequest")


class NoSuchModel(RunStopped):
    """The database has no such model or method: a module is missing or the version differs."""


def raise_for_name(call: str, name: str, message: str, response: requests.Response | None = None) -> NoReturn:
    """Raise what an error of this name means; `message` may quote values and stays out of the text."""
    if name in _KEY:
        raise key_refused(call)
    if name in _LATER:
        wait = retry_after(response) if response is not None else None
        raise TransientError(f"{call}: the server is busy ({name}).", retry_after=wait)
    if name == "werkzeug.exceptions.NotFound":
        raise NoSuchModel(f"{call}: the server has no such model or method.", hint="Is the module installed?")
    if name in _OURS:
        raise RunStopped(
            f"{call}: the server does not take these arguments.", hint="This is a fault in target-odoo."
        )
    raise BatchRefused(f"{call}: refused with {name}.", reason=Refusal(name, detail=message))


def raise_for_http(call: str, response: requests.Response) -> NoReturn:
    """Raise what an answer without Odoo's error body means."""
    status = response.status_code
    if status in (401, 403):
        raise key_refused(call)
    check_passing(call, response)
    if status == 413:
        raise BatchRefused(f"{call}: the call is too large (413).", reason=Refusal(TOO_LARGE))
    raise RunStopped(
        f"{call}: the server answered {status}.", hint="Check the url and the name of the database."
    )


def key_refused(call: str) -> RunStopped:
    """Return the error for a key that the server does not take."""
    return RunStopped(
        f"{call}: Odoo does not accept the API key.",
        hint="Keys of ordinary users expire after at most 90 days: make a new one under Preferences, "
        "Account Security, and set it as api_key.",
    )


def check_load(call: str, result: Any) -> None:
    """Raise for a `load` that failed only because another transaction was in the way."""
    if isinstance(result, dict) and result.get("ids") is False:
        for message in result.get("messages", ()):
            if any(part in str(message.get("message")) for part in _LATER_IN_LOAD):
                raise TransientError(f"{call}: another transaction was in the way.")
