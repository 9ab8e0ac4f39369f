"""Errors as Odoo names them: each has the exception's dotted name, its message and its HTTP status."""

from __future__ import annotations


class OdooError(Exception):
    """An error that the wire formats turn into an error body or a fault."""

    def __init__(self, name: str, message: str, status: int) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.status = status


def value_error(message: str) -> OdooError:
    """Return what most bad values end in: status 500, although the data is at fault."""
    return OdooError("builtins.ValueError", message, 500)


def postgres(kind: str, message: str) -> OdooError:
    """Return an error that PostgreSQL raised and nothing translated."""
    return OdooError(f"psycopg2.errors.{kind}", message, 500)


def validation(message: str) -> OdooError:
    """Return a broken constraint."""
    return OdooError("odoo.exceptions.ValidationError", message, 422)


def user_error(message: str) -> OdooError:
    """Return an error meant for the user's eyes."""
    return OdooError("odoo.exceptions.UserError", message, 422)


def access_error(message: str) -> OdooError:
    """Return a missing right."""
    return OdooError("odoo.exceptions.AccessError", message, 403)


def missing(model: str, ids: list[int]) -> OdooError:
    """Return the error for records that are gone."""
    text = (
        f"Record does not exist or has been deleted.\n(Record: {model}({', '.join(map(str, ids))},), User: 2)"
    )
    return OdooError("odoo.exceptions.MissingError", text, 404)


def not_found(message: str) -> OdooError:
    """Return the error for an unknown model or method."""
    return OdooError("werkzeug.exceptions.NotFound", message, 404)


def unprocessable(message: str) -> OdooError:
    """Return the error for arguments that do not fit the method."""
    return OdooError("werkzeug.exceptions.UnprocessableEntity", message, 422)


def unauthorized() -> OdooError:
    """Return the error for a bad or expired key."""
    return OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)
