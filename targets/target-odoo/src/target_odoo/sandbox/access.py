"""Who may do what: an administrator everything, a clerk what the group Contact Creation may."""

from __future__ import annotations

ADMIN = 2
LIMITED = 6
"""The second user has the group Contact Creation and no other."""
_LIMITED_WRITES = {"res.partner", "res.partner.category"}
_LIMITED_READS = {
    *_LIMITED_WRITES, "res.country", "res.country.state", "res.lang", "res.users", "res.company", "ir.model",
    "ir.model.fields", "res.partner.industry",
}  # fmt: skip


def allowed(uid: int, model_name: str, operation: str) -> bool:
    """Say what the access rules of Odoo allow this user."""
    if uid != LIMITED:
        return True
    return model_name in (_LIMITED_READS if operation == "read" else _LIMITED_WRITES)
