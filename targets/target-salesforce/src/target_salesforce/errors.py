"""Salesforce's errors as crmlift's.

A code decides, not the status: a spent quota comes as 403, and three shapes of bodies carry codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import requests

from crmlift.errors import BatchRefused, Refusal, RunStopped, TransientError
from crmlift.http import check_passing, retry_after

DUPLICATE = "DUPLICATE_VALUE"
GONE = ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND")
ALERTED = "DUPLICATES_DETECTED"
UNPROCESSED = "unprocessed"
_LOCK = "UNABLE_TO_LOCK_ROW"
_SLOW = "CPU time limit exceeded"
_LATER = {_LOCK, "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "TXN_SECURITY_METERING_ERROR"}
_QUOTA = {"EXCEEDEDQUOTA", "LIMIT_EXCEEDED"}
_STOPS = {
    "STORAGE_LIMIT_EXCEEDED": "Free data storage, or buy some; then run again.",
    "API_DISABLED_FOR_ORG": "Professional Edition has the API as an add-on.",
    "API_CURRENTLY_DISABLED": "Ask Salesforce Support when the API is back.",
}
_NO_SUCH = {"NOT_FOUND", "INVALID_TYPE"}


class SessionExpired(Exception):
    """The token is not good any more: log in again."""


class NoSuchObject(RunStopped):
    """The org has no such object, or the user may not see it."""


def refusal(error: Mapping[str, Any]) -> Refusal:
    """Return what an element of `errors` says; raises RunStopped where no other row can succeed either."""
    code = str(error.get("statusCode") or error.get("errorCode") or "unknown")
    fields = error.get("fields") or [None]
    return checked(Refusal(code, str(error.get("message", "")), fields[0]))


def cell_refusal(text: str) -> Refusal:
    """Return what `sf__Error` of a Bulk job says: `CODE:message:Field1, Field2 --`."""
    code, _, rest = text.partition(":")
    message, _, fields = rest.rpartition(":")
    name = fields.removesuffix("--").partition(",")[0].strip()
    return checked(Refusal(code, message, name or None))


def checked(found: Refusal) -> Refusal:
    """Return the refusal of one row; raise where it stands for all."""
    if found.code in _STOPS:
        raise RunStopped(f"Salesforce takes no more rows ({found.code}).", hint=_STOPS[found.code])
    return found


def passes(found: Refusal) -> bool:
    """Say whether the same row may be taken later, among fewer; a trigger wraps these into its own error."""
    return found.code in (*_LATER, UNPROCESSED) or any(sign in found.detail for sign in (_LOCK, _SLOW))


def raise_for(call: str, response: requests.Response) -> NoReturn:
    """Raise what an answer that is no success means; its text may quote values and stays out."""
    status = response.status_code
    error = _first(response)
    code = str(error.get("errorCode", ""))
    if code == "INVALID_SESSION_ID" or status == 401:
        raise SessionExpired
    if code == "REQUEST_LIMIT_EXCEEDED":
        if "TotalRequests" in str(error.get("message", "")):
            raise RunStopped(
                f"{call}: the org's API calls of these 24 hours are used up.",
                hint="Run again later: what was settled stays, and nothing is done twice.",
            )
        raise TransientError(
            f"{call}: too many long calls at once.", retry_after=retry_after(response) or 5.0
        )
    if code in _QUOTA:
        raise RunStopped(
            f"{call}: a quota of these 24 hours is used up ({code}).",
            hint="Run again later, or with bulk_from set so high that nothing goes in jobs.",
        )
    if code in _LATER or status == 429:
        raise TransientError(
            f"{call}: Salesforce is busy ({code or status}).", retry_after=retry_after(response)
        )
    if code in _STOPS:
        raise RunStopped(f"{call}: {code}.", hint=_STOPS[code])
    check_passing(call, response)
    if code in _NO_SUCH or status in (404, 410):
        raise NoSuchObject(
            f"{call}: the org has no such object or resource ({code or status}).",
            hint="Check api_version and what the integration user may see.",
        )
    if status == 403:
        raise RunStopped(
            f"{call}: refused ({code or 403}).", hint="Give the integration user the right to do this."
        )
    found = Refusal(code or str(status), str(error.get("message", "")), (error.get("fields") or [None])[0])
    raise BatchRefused(f"{call}: refused ({found.code}).", reason=found)


def raise_for_login(response: requests.Response) -> NoReturn:
    """Raise what a refused login means."""
    if response.status_code >= 500 or response.status_code == 429:
        raise TransientError(
            f"login: Salesforce answered {response.status_code}.", retry_after=retry_after(response)
        )
    error = _first(response)
    said = f"{error.get('error', response.status_code)}: {error.get('error_description', 'no reason given')}"
    raise RunStopped(
        f"Salesforce does not accept the login ({said}).",
        hint="Check client_id and the External Client App: its flow, its run-as or pre-authorised user.",
    )


def _first(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    found = body[0] if isinstance(body, list) and body else body
    return found if isinstance(found, Mapping) else {}
