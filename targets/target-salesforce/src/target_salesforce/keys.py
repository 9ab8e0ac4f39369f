"""Our keys as Salesforce carries them, and back.

`cio_key__c` holds `{workspace}:{entity}:{key}`: a text that is unique, an external id and sensitive to case.
`:` can stand in no workspace's name, so no two workspaces meet. Salesforce trims blanks at the ends of a
text, so all white space is percent-encoded. An EmailTemplate has no custom fields: its DeveloperName holds
letters, digits and single underscores only, so the key is spelled in hexadecimal there.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from urllib.parse import quote, unquote

MAX = 255
_SPELL = re.compile(r"[%\s\x00-\x1f]")


def encode(key: str) -> str:
    """Return the key with nothing in it that Salesforce would change."""
    return _SPELL.sub(lambda found: quote(found[0], safe=""), key)


def decode(text: str) -> str:
    """Return the key again."""
    return unquote(text)


def workspace_prefix(workspace: str) -> str:
    """Return what all keys of a workspace begin with."""
    return f"{workspace}:"


def prefix(workspace: str, entity: str) -> str:
    """Return what the keys of an entity begin with."""
    return f"{workspace_prefix(workspace)}{entity}:"


def developer_prefix(workspace: str) -> str:
    """Return what the DeveloperNames of a workspace begin with."""
    return f"cio_{blake2b(workspace.encode(), digest_size=4).hexdigest()}_"


def developer_key(key: str) -> str:
    """Return the key in letters and digits."""
    return "k" + key.encode("utf-8", "surrogatepass").hex()


def from_developer_key(text: str) -> str:
    """Return the key again."""
    return bytes.fromhex(text[1:]).decode("utf-8", "surrogatepass")
