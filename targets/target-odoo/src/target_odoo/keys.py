"""Our keys as Odoo carries them, and back.

An external id is `__cio__.{workspace}:{entity}:{key}`. No module can be called `__cio__`, so no
upgrade takes these records for its own; `:` can stand in no workspace's name, so no two workspaces
meet. What Odoo does not allow in a name (spaces), and the dot, which ends the module's name, are
percent-encoded.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

MODULE = "__cio__"
_SAFE = "@/:|+,;=()!*'$&"


def encode(key: str) -> str:
    """Return the key with nothing in it that an external id may not hold."""
    return quote(key, safe=_SAFE, errors="surrogatepass").replace(".", "%2E").replace("~", "%7E")


def decode(text: str) -> str:
    """Return the key again."""
    return unquote(text, errors="surrogatepass")


def prefix(workspace: str, entity: str) -> str:
    """Return what the names of an entity's keys begin with."""
    return f"{workspace}:{entity}:"


def like(start: str) -> str:
    """Return a pattern for Odoo's `=like`: everything that begins like this."""
    escaped = start.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    return escaped + "%"
