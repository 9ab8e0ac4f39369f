"""Errors as Salesforce words them: of a whole call (an array in the body) and of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_ECHOED = 32
"""Characters of a query that an error repeats before the place where it stopped."""


class ApiError(Exception):
    """An error of a whole call."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.fields = status, code, message, fields

    def body(self) -> list[dict[str, Any]]:
        """Return the body: an array of one."""
        named = {} if self.fields is None else {"fields": list(self.fields)}
        return [{"message": self.message, "errorCode": self.code, **named}]


class RowError(Exception):
    """A row that is refused, alone."""

    def __init__(self, code: str, message: str, fields: Sequence[str] = (), **more: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.fields, self.more = code, message, list(fields), more

    def as_result(self) -> dict[str, Any]:
        """Return the element of `errors` in the results of sObject Collections."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields, **self.more}

    def as_call(self, status: int = 400) -> ApiError:
        """Return the error of a call that carried this one row."""
        return ApiError(status, self.code, self.message, self.fields)

    def as_cell(self) -> str:
        """Return the text of `sf__Error` in the results of a Bulk job."""
        return f"{self.code}:{self.message}:{', '.join(self.fields)} --"


def not_found(message: str = "The requested resource does not exist") -> ApiError:
    """Return the error for a path, object or record that is not there."""
    return ApiError(404, "NOT_FOUND", message)


def no_such_field(name: str, object_name: str) -> ApiError:
    """Return the error for a field that is not there, or that the user may not see."""
    return ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {object_name}")


def malformed(message: str) -> ApiError:
    """Return the error for a query that cannot be parsed."""
    return ApiError(400, "MALFORMED_QUERY", message)


def no_such_type(name: str, query: str = "") -> ApiError:
    """Return the error for an object that is not there; it echoes the tail of the query."""
    at = max(query.find(name), 0)
    start = max(at - _ECHOED, 0)
    where = f"{query[start:]}\n{' ' * (at - start)}^\nERROR at Row:1:Column:{at + 1}\n" if query else ""
    hint = (
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to "
        "append the '__c' after the entity name. Please reference your WSDL or the describe call for the "
        "appropriate names."
    )
    return ApiError(400, "INVALID_TYPE", f"\n{where}{hint}")
