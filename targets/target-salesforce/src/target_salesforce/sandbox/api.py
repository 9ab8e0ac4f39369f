"""REST below `/services/data/vXX.0/`, as a function from call to answer, so that `/composite` can use it."""

from __future__ import annotations

from urllib.parse import unquote

from target_salesforce.sandbox.about import About
from target_salesforce.sandbox.calls import Answer, Call, matches
from target_salesforce.sandbox.composite import Composite
from target_salesforce.sandbox.errors import ApiError, RowError, not_found
from target_salesforce.sandbox.many import Many
from target_salesforce.sandbox.org import Org
from target_salesforce.sandbox.query import Queries
from target_salesforce.sandbox.records import Records
from target_salesforce.sandbox.single import Single


class Api:
    """The resources of one org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.records = Records(org)
        self.queries = Queries(org)
        # The first that fits answers: more particular paths come first.
        self._routes = [
            *About(org, self.queries).routes(),
            *Single(org, self.records).routes(),
            *Many(org, self.records).routes(),
            *Composite(org, self.handle).routes(),
        ]

    def handle(self, call: Call) -> Answer:
        """Answer a call. Raises `ApiError`."""
        path = call.path.rstrip("/")
        known = False
        for verb, pattern, handler in self._routes:
            if found := matches(pattern, path):
                known = True
                if verb == call.verb:
                    try:
                        with self.org.store.transaction():
                            return handler(
                                call, *[unquote(part) if part else part for part in found.groups()]
                            )
                    except RowError as error:
                        raise error.as_call() from None
        if known:
            raise ApiError(
                405,
                "METHOD_NOT_ALLOWED",
                f"HTTP Method '{call.verb}' not allowed. Allowed are HEAD,GET,POST,PATCH,DELETE",
            )
        raise not_found()
