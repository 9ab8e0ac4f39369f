"""What differs between the versions of Odoo, from 16 to 19, as far as a migration meets it.

| | 16 | 17 | 18 | 19 |
| --- | --- | --- | --- | --- |
| protocol | XML-RPC | XML-RPC | XML-RPC | JSON-2 |
| `web_save_multi`, many updates in one call | no | no | no | yes, asked for once |
| `has_access` | `check_access_rights` | `check_access_rights` | yes | yes |
| users of a group, with those of the groups that imply it | `users` | `users` | `users` | `all_user_ids` |
| who is on a mailing list | `mailing.contact.subscription` | `mailing.subscription` | the same | the same |
| `trace_status` | without `pending` | with it | the same | the same |
| `mail.activity` that is done | is deleted: choose another form of events | kept | kept | kept |
| `res.partner.mobile` | there | there | there | gone |

The editions differ in modules, which preflight names: Community has no Studio, and needs none for the
fields and models of ours, which the API makes in all editions. Odoo Online gives its API to Custom plans
only, and asks for about one call a second; this client never sends two at once.

Tested against a real Odoo 19 Community only; the sandbox plays the others. A field that a version does
not have is named before anything is written: take it out of the map.
"""

from __future__ import annotations

from collections.abc import Mapping

OLDEST = 16
FIRST_JSON2 = 19
FIRST_KEEPS_DONE_ACTIVITIES = 17
ONLINE = ".odoo.com"
"""How the addresses of Odoo Online end."""
_BEFORE: Mapping[str, tuple[int, str]] = {"mailing.subscription": (17, "mailing.contact.subscription")}
"""Models by their name of today: the version that gave it to them, and their name before."""


def members_of_group(major: int) -> str:
    """Return the field of `res.groups` that holds everybody who has the group."""
    return "all_user_ids" if major >= FIRST_JSON2 else "users"


def model_in(model: str, major: int) -> str:
    """Return a model's name in a version."""
    since, before = _BEFORE.get(model, (0, model))
    return model if major >= since else before
