"""What can go wrong between the tap and Customer.io.

    CustomerIOError
    ├── Refused            the API will say the same again
    │   ├── Unauthorized   wrong key, or a key of the other region
    │   ├── Forbidden      this part is closed to the key or not in the plan; other parts may be open
    │   ├── NotFound       the thing is gone, or was never there
    │   ├── NotReadOnly    the UI API would let this session write
    │   ├── NoRoute        the address has no such operation at all
    │   └── QuotaUsedUp    a daily quota: nothing more today
    ├── Stopped            the tap is asked to end
    ├── LinkExpired        a link to a file no longer holds; another one can be had
    └── Unavailable        worth another try: rate limit, server error, broken connection

A message never holds a key, a request body, a response body or an address of a person: it names the
operation by its path template and gives the API's own short reason, redacted.
"""

from __future__ import annotations

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError


class CustomerIOError(Exception):
    """Base of all errors of the client."""


class Refused(CustomerIOError, FatalAPIError):
    """Customer.io refused the request, and would refuse it again."""


class Unauthorized(Refused):
    """HTTP 401: a wrong key and a wrong region look alike."""


class Forbidden(Refused):
    """HTTP 403: the key's scope, its IP allowlist, or a feature that the workspace does not have."""


class NotFound(Refused):
    """HTTP 404."""


class NoRoute(Refused):
    """HTTP 404 in HTML: nothing is gone, there is no such operation (or the address is wrong)."""


class NotReadOnly(Refused):
    """A session of the UI API that is not read-only is not used."""


class QuotaUsedUp(Refused):
    """HTTP 429 without `Retry-After` on an operation with a daily quota."""


class Unavailable(CustomerIOError, RetriableAPIError):
    """A failure that passes: HTTP 429, 5xx, or a connection that broke."""


class LinkExpired(CustomerIOError):
    """A signed address that no longer holds."""


class Stopped(CustomerIOError):
    """The tap is asked to end: requests that still wait are not sent."""
