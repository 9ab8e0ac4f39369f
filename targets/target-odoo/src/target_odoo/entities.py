"""What target-odoo writes, as data: which Odoo model holds it, and how it carries our key.

| entity | Odoo | key |
| --- | --- | --- |
| company | `res.partner`, `is_company` | external id |
| person | `res.partner` | external id |
| tag_group, tag | `res.partner.category` | external id |
| person_tag | `res.partner.category.partner_ids` | its two ids |
| person_company | `res.partner.x_cio_company_ids` | its two ids |
| event | `x_cio_event`, a model of ours | its indexed field `x_cio_key` |
| lead, lead_tag, stage | `crm.lead`, `crm.tag`, `crm.stage` | external id |
| mail_optout | `mail.blacklist` | external id |
| mailing | `mailing.mailing`, always in the state `done` | external id |
| delivery | `mailing.trace` | an indexed field `x_cio_key` that is added to it |
| message | `mail.message` on the contact | its indexed `message_id` |
| activity | `mail.activity` on the contact, done | an indexed field `x_cio_key` that is added to it |
| activity_type | `mail.activity.type` | external id |
| object | `x_cio_object`, a model of ours | its indexed field `x_cio_key` |
| value | `x_cio_value`, a model of ours | its indexed field `x_cio_key` |
| person_object | `res.partner.x_cio_object_ids` | its two ids |
| sms_optout | `phone.blacklist` | external id |
| mailing_list | `mailing.list` | external id |
| subscriber, subscription | `mailing.contact`, `mailing.subscription` | external id |
| mailing_note | `mail.message` on the mailing | its indexed `message_id` |
| document | `ir.attachment` on the mailing | external id |
| mail | `mail.mail` on the message, never in the state `outgoing` | an added, indexed field `x_cio_key` |
| template | `mail.template`, archived | external id |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from target_odoo.correspondence import CORRESPONDENCE
from target_odoo.kinds import (
    ACTIVITY,
    ACTIVITY_TYPE,
    ARCHIVED,
    CATEGORY,
    COMPANY,
    COMPANY_FIELD,
    DATED,
    EVENT,
    KEY_FIELD,
    KEYED,
    LEAD,
    LEAD_TAG,
    OBJECT,
    OBJECT_FIELD,
    PARTNER,
    STAGE,
    VALUE,
    Pairs,
    Records,
    spec,
)

CONTACTS: tuple[Records | Pairs, ...] = (
    # Items of lists, for a many2many of the contact that the mapping names as it likes.
    Records(spec("value", "Values of lists", can=DATED), VALUE, key="field"),
    Records(
        spec(
            "company",
            "Companies",
            "value",
            can=KEYED,
            archive=ARCHIVED,
            match=frozenset({"name", "ref", "email_normalized", "website", "vat"}),
        ),
        PARTNER,
        constants={"is_company": True},
        only=("is_company", "=", True),
        blank=("lang", "tz"),
        late=("lang", "tz"),
    ),
    Records(
        spec(
            "person",
            "Contacts",
            "company",
            "value",
            can=KEYED,
            archive=ARCHIVED,
            match=frozenset({"ref", "email_normalized", "phone"}),
        ),
        PARTNER,
        constants={"is_company": False},
        only=("is_company", "=", False),
        blank=("lang", "tz"),
        late=("lang", "tz"),
    ),
    Records(
        spec("tag_group", "Groups of tags", can=KEYED, archive=ARCHIVED, match=frozenset({"name"})),
        CATEGORY,
    ),
    Records(
        spec("tag", "Contact tags", "tag_group", can=KEYED, archive=ARCHIVED, match=frozenset({"name"})),
        CATEGORY,
    ),
    Pairs(
        spec("person_tag", "Tags of contacts", "person", "tag", natural=True),
        other="category_id",
        other_model=CATEGORY,
        member="category_id",
        # Adding a tag from its own side is 2.5 times as fast and leaves the contacts' write_date alone.
        owner="other",
        owner_model=CATEGORY,
        owner_field="partner_ids",
    ),
    Pairs(
        spec("person_company", "Companies of contacts", "person", "company", natural=True),
        other="company_id",
        other_model=PARTNER,
        member=COMPANY_FIELD,
        owner="partner_id",
        owner_model=PARTNER,
        owner_field=COMPANY_FIELD,
    ),
    # A link model could hold the relationship's own attributes, and no form would show it.
    Records(spec("object", "Other objects", can=DATED), OBJECT, key="field"),
    Pairs(
        spec("person_object", "Other objects of contacts", "person", "object", natural=True),
        other="object_id",
        other_model=OBJECT,
        member=OBJECT_FIELD,
        owner="partner_id",
        owner_model=PARTNER,
        owner_field=OBJECT_FIELD,
    ),
    Records(
        spec("event", "Events", "person", can=DATED),
        EVENT,
        key="field",
    ),
    Records(
        spec(
            "activity_type",
            "Types of activities",
            can=KEYED,
            archive=ARCHIVED,
            match=frozenset({"name"}),
        ),
        ACTIVITY_TYPE,
    ),
    Records(
        spec("activity", "Done activities", "person", "activity_type", can=DATED),
        ACTIVITY,
        key="field",
        # Active ones would be late for somebody, and Odoo's clean-up deletes them after three years.
        constants={"active": False, "user_id": None},
        refs={"res_model_id": "base.model_res_partner"},
    ),
    Records(spec("lead_tag", "Tags of leads", can=KEYED, match=frozenset({"name"})), LEAD_TAG),
    Records(
        spec("stage", "Stages of leads", can=KEYED, match=frozenset({"name"})),
        STAGE,
        # The stage of the lowest sequence and first name is that of every new lead (CrmLead._stage_find).
        constants={"sequence": 100},
    ),
    Records(
        spec(
            "lead",
            "Leads",
            "person",
            "lead_tag",
            "stage",
            can=KEYED,
            archive=ARCHIVED,
            match=frozenset({"email_normalized"}),
        ),
        LEAD,
        # Nobody's lead mails nobody; what is marked as enriched is not enriched for money.
        constants={"type": "lead", "user_id": None, "iap_enrich_done": True},
    ),
)
ENTITIES: Mapping[str, Records | Pairs] = {
    entity.spec.name: entity for entity in (*CONTACTS, *CORRESPONDENCE)
}


def for_company(entity: Records | Pairs, company_id: int | None) -> Records | Pairs:
    """Return an entity whose new records belong to a company, where its model knows companies."""
    if company_id is None or isinstance(entity, Pairs):
        return entity
    return replace(entity, constants={**entity.constants, COMPANY: str(company_id)}, company_id=company_id)


KEYED_BY_FIELD = {
    entity.model
    for entity in ENTITIES.values()
    if isinstance(entity, Records) and entity.key == "field" and entity.key_field == KEY_FIELD
}
"""Models to which a field for our key is added."""
MODEL_OF = {name: entity.model for name, entity in ENTITIES.items() if isinstance(entity, Records)}
