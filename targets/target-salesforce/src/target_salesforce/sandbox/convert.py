"""Converting a lead, which users do: no call of REST does."""

from __future__ import annotations

from target_salesforce.sandbox.options import Options
from target_salesforce.sandbox.records import Records


def convert(records: Records, id_: str, contact: str = "") -> str:
    """Convert a lead as a user does, into a new contact or one that is there; return the contact's id.

    Fields of ours stay on the lead, unless an administrator mapped them; tasks and memberships move.
    """
    store, org = records.store, records.org
    lead = store.one(id_) or {}
    if not contact:
        names = ("FirstName", "LastName", "Email", "Phone", "Title")
        row = {name: lead[name] for name in names if lead.get(name)}
        contact = str(records.insert("Contact", row, Options(auto_assign=False, allow_duplicates=True)).id)
    lead |= {"IsConverted": True, "ConvertedContactId": contact, "Status": "Closed - Converted"}
    store.put("Lead", [lead | {"LastModifiedDate": org.now()}])
    for name, field in (("Task", "WhoId"), ("Event", "WhoId"), ("CampaignMember", "LeadId")):
        for one in store.get(store.by_value(name, field, id_, exact=True)).values():
            moved = (
                {"LeadOrContactId": contact, "ContactId": contact} if field == "LeadId" else {field: contact}
            )
            store.put(name, [one | moved])
    return contact
