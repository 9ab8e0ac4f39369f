"""The UI API over HTTP: the only place of the tap that speaks it. Nothing but GET leaves here.

The one POST is the exchange of the service-account token, always for a read-only session: where the
server does not grant that, nothing is read. Paging, limits and errors follow what the vendor's own
command line does (github.com/customerio/cli), for the API publishes none.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Unpack

import msgspec
import requests

from tap_customerio.errors import CustomerIOError, Forbidden, NoRoute, NotReadOnly, Refused, Unauthorized
from tap_customerio.transport import JSON, Call, Options, Transport
from tap_customerio.ui_api.session import READ_ONLY, Session
from tap_customerio.values import Record

HOSTS = {"us": "https://us.fly.customer.io", "eu": "https://eu.fly.customer.io"}

Query = Mapping[str, object]
NONE: Query = {}
_TOKEN = Call("/v1/service_accounts/oauth/token", body={})
_ANSWER = "answer"  # where an answer of any form stands
_MOST_PAGES = 10_000  # the same bound as the vendor's command line
_USUAL_ROOTS = ("data", "items", "results", "records", "entries")


class UiClient(Transport):
    """Reads one workspace ("environment") through a read-only session; safe to use from many threads.

    `environment_id` may be left out where the token reaches one workspace. Raises `Refused` (`NotReadOnly`
    where the session would not be read-only) or `Unavailable`.
    """

    _why_forbidden = "a right that the service account does not have"

    def __init__(
        self,
        service_account_token: str,
        *,
        region: str = "us",
        api_url: str | None = None,
        environment_id: int | None = None,
        clock: Callable[[], float] = time.time,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(api_url or HOSTS[region], **options)
        self.region = region
        self._service_account_token = service_account_token
        self._environment = environment_id
        self._tokens = Session(lambda: self._patiently(self._exchange), clock)

    def open(self) -> None:
        """Log in and find the workspace: what is wrong with the settings shows here."""
        known = self._environments()
        ids = {str(one["id"]): one for one in known}
        if self._environment is None and len(ids) == 1:
            self._environment = int(next(iter(ids)))
        elif self._environment is None or (ids and str(self._environment) not in ids):
            choices = ", ".join(f"{id} ({one.get('name')})" for id, one in ids.items()) or "none"
            raise Refused(f"environment_id must say which workspace to read; the token reaches: {choices}")

    def get(self, path: str, values: Query = NONE, query: Query = NONE) -> Any:
        """What stands at a path of the workspace, such as `/campaigns/{id}`; any JSON. None if empty."""
        return self.call(self._at(path, values, query))[_ANSWER]

    def listed(self, path: str, root: str, values: Query = NONE, query: Query = NONE) -> list[Any]:
        """A list that comes whole, under its root or a usual name, or bare."""
        return rows(self.get(path, values, query), root)

    def pages(
        self,
        path: str,
        root: str,
        key: Callable[[Any], object],
        values: Query = NONE,
        query: Query = NONE,
    ) -> Iterator[Any]:
        """A list with numbered pages, each row once. Totals are not trusted: some routes say 0.

        Whether the first page is 0 or 1 differs by route: page 1 may repeat page 0, or page 0 be empty or
        refused. After that, a page without anything new ends the list.
        """
        seen: set[object] = set()
        for number in itertools.islice(itertools.count(), _MOST_PAGES):
            try:
                found = self.listed(path, root, values, {**query, "page": number})
            except (Unauthorized, Forbidden, NoRoute):
                raise
            except Refused:
                if number > 0:
                    raise
                found = []
            new = [row for row in found if key(row) not in seen]
            for row in new:
                if (id := key(row)) not in seen:
                    seen.add(id)
                    yield row
            if not new and (number > 1 or (number == 1 and not found)):
                return

    def call(self, call: Call) -> JSON:
        """Read once; a token that has ended meanwhile is replaced, once."""
        if call.body is not None:
            raise TypeError("the UI API is only read")
        token = self._tokens.token
        try:
            return super().call(call)
        except Unauthorized:
            self._tokens.refused(token)
        try:
            return super().call(call)
        except Unauthorized as error:
            if not self.reached:
                raise
            # The token works elsewhere: this part is outside its scope.
            raise Forbidden(str(error)) from None

    def _at(self, path: str, values: Query, query: Query) -> Call:
        if self._environment is None:
            self.open()
        whole = {"environment": self._environment, **values}
        return Call(f"/v1/environments/{{environment}}{path}", whole, query, wrap=_ANSWER)

    def _environments(self) -> list[Record]:
        """The workspaces that the token reaches; none where it may not ask and the setting says which."""
        try:
            account = self.call(Call("/v1/accounts/current", wrap=_ANSWER))[_ANSWER]
            id = (account.get("account") or account)["id"]
            path = "/v1/accounts/{account}/environments"
            found = rows(self.call(Call(path, {"account": id}, wrap=_ANSWER))[_ANSWER], "environments")
            return [one for one in found if isinstance(one, dict) and one.get("id") is not None]
        except (Unauthorized, NotReadOnly):
            raise
        except (Refused, AttributeError, KeyError, TypeError) as error:
            if self._environment is None:
                raise Refused(f"environment_id is needed: workspaces cannot be listed ({error})") from None
            return []

    def _exchange(self) -> JSON:
        form = {
            "grant_type": "client_credentials",
            "client_secret": self._service_account_token,
            "scope": READ_ONLY,
        }
        # A redirect would carry the secret to another host.
        response = self._send(_TOKEN, data=form, auth=_unchanged, allow_redirects=False)
        if response.status_code != 200:
            raise self._error(_TOKEN, response)
        answer = self._decoded(_TOKEN, response)
        if not isinstance(answer.get("access_token"), str):
            raise Refused(f"{_TOKEN}: the answer holds no access token")
        if READ_ONLY not in str(answer.get("scope") or "").split():
            raise NotReadOnly(
                f"{_TOKEN}: Customer.io did not grant a read-only session, and no other is used. Make a new "
                "service-account token with Read-only ticked: Account Settings > API Credentials > Service "
                "Accounts."
            )
        return answer

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if request.method != "GET":
            raise TypeError("the UI API is only read")
        request.headers["Authorization"] = f"Bearer {self._tokens.token}"
        request.headers["Accept"] = "application/json"
        return request

    def _decoded(self, call: Call, response: requests.Response) -> JSON:
        """An unknown path, or a lost login, may answer 200 with a page."""
        if call.wrap and not response.content:
            return {call.wrap: None}
        try:
            answer = msgspec.json.decode(response.content)
        except msgspec.MsgspecError:
            raise NoRoute(
                f"{call}: the answer is no JSON: there is no such path, or the login was lost"
            ) from None
        if call.wrap:
            return {call.wrap: answer}
        if not isinstance(answer, dict):
            raise Refused(f"{call}: the answer is no JSON object")
        return answer

    def _unauthorised(self, call: Call) -> CustomerIOError:
        other = "us" if self.region == "eu" else "eu"
        return Unauthorized(
            f"{call}: HTTP 401: Customer.io does not accept the service-account token, or it does not reach "
            f"this. It may have ended, or belong to the other region (region is {self.region!r}; try "
            f"{other!r}). An App API key is none."
        )

    @property
    def _secrets(self) -> tuple[str, ...]:
        return (self._service_account_token, self._tokens.current)


def rows(answer: Any, root: str) -> list[Any]:
    """The rows of an answer: under its root, under a usual name, or bare. Absent (`null`) ones are none."""
    if isinstance(answer, list):
        return answer
    if not isinstance(answer, dict):
        return []
    for name in (root, *_USUAL_ROOTS):
        found = answer.get(name)
        if isinstance(found, list):
            return found
    return []


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
