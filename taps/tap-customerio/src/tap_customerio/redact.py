"""Takes credentials out of addresses and headers that people configured in the workspace."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "[redacted]"
# Plain words and versions; anything else in a path may be a token, as in addresses of chat hooks.
_PLAIN = re.compile(r"[a-z_.-]{0,24}|v\d{1,2}")
_ADDRESSES = {"url", "endpoint", "webhook_url", "hook_url"}
_HEADERS = {"headers", "request_headers"}
_SECRETS = {"api_key", "client_secret", "password", "secret", "signing_key", "token"}
_HARMLESS = {"accept", "content-type", "content-length", "user-agent"}


def address(url: str | None) -> str | None:
    """Scheme, host and the plain parts of the path; user, password, query and fragment are left out."""
    if not url:
        return url
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host = f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return HIDDEN
    path = "/".join(part if _PLAIN.fullmatch(part) else HIDDEN for part in parts.path.split("/"))
    return urlunsplit((parts.scheme, host, path, "", ""))


def headers(value: Any) -> Any:
    """Headers of a webhook, in any of the API's forms, with values only where they cannot be secrets."""
    if isinstance(value, dict):
        if value.keys() >= {"name", "value"}:
            known = str(value["name"]).lower() in _HARMLESS
            return value if known else {**value, "value": HIDDEN}
        return {name: kept if str(name).lower() in _HARMLESS else HIDDEN for name, kept in value.items()}
    if isinstance(value, list):
        return [headers(item) for item in value]
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.dumps(headers(json.loads(value)))
        except ValueError:
            return HIDDEN
    return HIDDEN if value else value


def credentials(value: Any) -> Any:
    """A whole answer, with what people put into addresses of webhooks and headers taken out of it."""
    if isinstance(value, dict):
        return {name: _field(str(name).lower(), part) for name, part in value.items()}
    if isinstance(value, list):
        return [credentials(part) for part in value]
    return value


def _field(name: str, value: Any) -> Any:
    if name in _ADDRESSES and isinstance(value, str):
        return address(value)
    if name in _HEADERS:
        return headers(value)
    if name in _SECRETS and isinstance(value, str) and value:
        return HIDDEN
    return credentials(value)
