"""Links: from the keys of the rows that they point to, to the ids of these in the CRM."""

from __future__ import annotations

from collections.abc import Mapping

from crmlift.mapping.engine import Link


def resolve(link: Link, ids: Mapping[str, Mapping[str, str]]) -> tuple[str | list[str] | None, str | None]:
    """Return what a link's field holds, and the first key whose row is not there.

    `ids` are CRM ids by entity and key. Of several entities, the first that has a row is linked; None is
    returned where no row is there.
    """
    found = {key: next((ids[of][key] for of in link.entities if key in ids[of]), None) for key in link.keys}
    there = [crm_id for crm_id in found.values() if crm_id is not None]
    missing = next((key for key, crm_id in found.items() if crm_id is None), None)
    if not there:
        return None, missing
    return (there if link.many else there[0]), missing
