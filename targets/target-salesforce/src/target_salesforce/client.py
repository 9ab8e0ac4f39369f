"""The only place that speaks HTTP to Salesforce.

Every call carries the quiet headers, a token that is renewed once when it has expired, and is counted.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version as package_version
from typing import Any, TypeVar

import jwt
import requests
from requests.adapters import BaseAdapter

from crmlift.errors import ConfigError
from crmlift.http import Http
from target_salesforce.errors import SessionExpired, raise_for, raise_for_login

T = TypeVar("T")
API_VERSION = "66.0"
QUIET = {
    # Assignment rules would give leads to others, and tell them by email.
    "Sforce-Auto-Assign": "FALSE",
    # Overrides duplicate rules that only alert; those that block refuse the row still.
    "Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=false; runAsCurrentUser=true",
}
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_JWT_LIFE_S = 180
_USAGE = re.compile(r"\bapi-usage=(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Login:
    """How to get a token: a key to sign with, a refresh token, or the app's secret, in this order.

    `private_key` is PEM text; `audience` is the login host that a signed request is for.
    """

    client_id: str
    client_secret: str = ""
    refresh_token: str = ""
    username: str = ""
    private_key: str = ""
    audience: str = "https://login.salesforce.com"

    def form(self) -> dict[str, str]:
        """Return the form of the token request. Raises ConfigError where nothing proves who we are."""
        if self.private_key:
            return {"grant_type": _JWT_GRANT, "assertion": self._assertion()}
        if self.refresh_token:
            secret = {"client_secret": self.client_secret} if self.client_secret else {}
            named = {"client_id": self.client_id, "refresh_token": self.refresh_token}
            return {"grant_type": "refresh_token", **named, **secret}
        if self.client_secret:
            named = {"client_id": self.client_id, "client_secret": self.client_secret}
            return {"grant_type": "client_credentials", **named}
        raise ConfigError(
            "There is nothing to log in to Salesforce with.",
            hint="Set private_key and username, or client_secret, or refresh_token.",
        )

    def _assertion(self) -> str:
        if not self.username:
            raise ConfigError("A private_key needs the username that it signs for.")
        claims = {"iss": self.client_id, "sub": self.username, "aud": self.audience}
        try:
            return jwt.encode({**claims, "exp": int(time.time()) + _JWT_LIFE_S}, self.private_key, "RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise ConfigError("The private_key is no RSA key in PEM form.") from None


@dataclass(frozen=True, slots=True)
class _Session:
    token: str
    instance_url: str
    user_id: str


class SalesforceClient:
    """Calls to one org, as one user. `backoff_s` and `adapter` are for tests."""

    def __init__(
        self,
        url: str,
        login: Login,
        *,
        api_version: str = API_VERSION,
        timeout_s: float = 300.0,
        tries: int = 6,
        backoff_s: float = 1.0,
        adapter: BaseAdapter | None = None,
    ) -> None:
        self.base = f"/services/data/v{api_version}"
        self.backoff_s = backoff_s
        self.usage: tuple[int, int] | None = None
        """API calls of these 24 hours, used and allowed, as the last answer told."""
        self._login = login
        self._options: dict[str, Any] = {
            "timeout_s": timeout_s,
            "tries": tries,
            "backoff_s": backoff_s,
            "adapter": adapter,
            "product": f"target-salesforce/{package_version('target-salesforce')}",
        }
        self._door = Http(url, **self._options)
        self._session: _Session | None = None
        self._lock = threading.Lock()

    @cached_property
    def http(self) -> Http:
        """The calls to the instance that the login named."""
        return Http(self.session.instance_url, headers=QUIET, **self._options)

    @property
    def session(self) -> _Session:
        """The session, begun with the first call."""
        with self._lock:
            if self._session is None:
                self._session = self._door.send(
                    "login", "POST", "/services/oauth2/token", _session, data=self._login.form()
                )
            return self._session

    @property
    def user_id(self) -> str:
        """The id of our user."""
        return self.session.user_id

    def call(
        self,
        name: str,
        verb: str,
        path: str,
        *,
        repeat: bool = True,
        read: Callable[[requests.Response], T] | None = None,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> Any:
        """Send one call below `/services/data/vXX.0` and return its JSON, or what `read` makes of the answer.

        A path that begins with `/services` is taken as it is. `repeat=False`: see `Http.send`.
        """
        target = path if path.startswith("/services") else self.base + path

        def classify(response: requests.Response) -> Any:
            if found := _USAGE.search(response.headers.get("Sforce-Limit-Info", "")):
                self.usage = int(found[1]), int(found[2])
            if not response.ok:
                raise_for(name, response)
            if read is not None:
                return read(response)
            return response.json() if response.content else None

        for last in (False, True):
            session = self.session
            try:
                bearer = {"Authorization": f"Bearer {session.token}", **(headers or {})}
                return self.http.send(name, verb, target, classify, repeat=repeat, headers=bearer, **request)
            except SessionExpired:
                if last:
                    raise ConfigError("Salesforce does not accept the token that it just gave.") from None
                self._forget(session)
        raise AssertionError

    def query(
        self, soql: str, *, everything: bool = False, tooling: bool = False
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the pages of a query; `everything` takes in archived and deleted records.

        `tooling` asks the Tooling API, which knows some kinds of setup that no other does.
        """
        resource = "tooling/query" if tooling else "queryAll" if everything else "query"
        page = self.call("query", "GET", f"/{resource}", params={"q": soql})
        while True:
            yield page["records"]
            if page["done"]:
                return
            page = self.call("query", "GET", page["nextRecordsUrl"])

    def count(self, soql: str, *, everything: bool = False) -> int:
        """Return what `select count() …` counts."""
        resource = "queryAll" if everything else "query"
        return int(self.call("query", "GET", f"/{resource}", params={"q": soql})["totalSize"])

    def close(self) -> None:
        """Close the connections."""
        self._door.close()
        if "http" in self.__dict__:
            self.http.close()

    def _forget(self, session: _Session) -> None:
        with self._lock:
            if self._session is session:
                self._session = None


def _session(response: requests.Response) -> _Session:
    if not response.ok:
        raise_for_login(response)
    body = response.json()
    return _Session(
        body["access_token"], body["instance_url"].rstrip("/"), str(body.get("id", "")).rpartition("/")[2]
    )
