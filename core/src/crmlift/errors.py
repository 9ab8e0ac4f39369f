"""Every error that crmlift raises on purpose.

```
CrmliftError            says what happened and, in `hint`, what to do next
├── ConfigError         settings, mapping or approval: nothing was written
├── InputError          the Singer input is broken: a line that is no JSON, a record before its schema
├── TransientError      the CRM may accept the same call later: 429, 5xx, a cut connection
├── BatchRefused        the CRM refused rows of one call: terminal for those rows only
└── RunStopped          terminal for the run: wrong key, missing right, quota used up
```

Messages never carry a secret or a value of a record: they may reach a log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class CrmliftError(Exception):
    """Base of all; `hint` tells the reader what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ConfigError(CrmliftError):
    """Settings, mapping or approval are wrong; nothing was written."""


class InputError(CrmliftError):
    """The Singer input cannot be read on; what was read before is safe."""


class TransientError(CrmliftError):
    """The same call may succeed later.

    `retry_after` is in seconds, as the API asked for it, or None.
    """

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a CRM did not take one row.

    `code` is safe to log and to group by; `detail` is the API's own text, may quote a value
    of the record, and so goes to the dead letters only.
    """

    code: str
    detail: str = ""
    field: str | None = None


class BatchRefused(CrmliftError):
    """An all-or-nothing call was refused, so none of its rows were written.

    `rows` maps the position of each row known to be bad to its reason. Empty means that the API
    did not say which: the loader halves the batch until it knows. `reason` is then the API's reason.
    """

    def __init__(self, message: str, *, reason: Refusal, rows: Mapping[int, Refusal] | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.rows: Mapping[int, Refusal] = rows or {}


class RunStopped(CrmliftError):
    """No further row can succeed in this run; state and ledger are kept."""
