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
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from crmlift.destination import Can, EntitySpec
from target_odoo.keys import MODULE

PARTNER = "res.partner"
CATEGORY = "res.partner.category"
LEAD = "crm.lead"
LEAD_TAG = "crm.tag"
STAGE = "crm.stage"
BLACKLIST = "mail.blacklist"
MAILING = "mailing.mailing"
TRACE = "mailing.trace"
MESSAGE = "mail.message"
ACTIVITY = "mail.activity"
ACTIVITY_TYPE = "mail.activity.type"
EVENT = "x_cio_event"
KEY_FIELD = "x_cio_key"
COMPANY_FIELD = "x_cio_company_ids"

BATCH = 1000
"""Rows per call: larger ones are no faster, and this one takes about 1 s of the 60 s that a call may."""

ARCHIVED: Mapping[str, Any] = {"active": False}


@dataclass(frozen=True, slots=True)
class Records:
    """An entity whose rows are records of a model.

    `constants` are written to every new row, and so are `refs`, whose values are external ids of Odoo's
    own. `key_field` holds our key where it is no external id, after `key_start`. `oldest_first` is the
    field by which new rows get their ids. `only` are the records that may be adopted. `blank` are fields
    that are written empty where the source has nothing, because Odoo would else fill in the language and
    the time zone of our own calls.
    """

    spec: EntitySpec
    model: str
    key: Literal["xmlid", "field"] = "xmlid"
    key_field: str = KEY_FIELD
    key_start: str = ""
    oldest_first: str = ""
    constants: Mapping[str, Any] = field(default_factory=dict)
    refs: Mapping[str, str] = field(default_factory=dict)
    only: tuple[Any, ...] = ()
    blank: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pairs:
    """An entity whose rows are pairs in a many2many of `res.partner`.

    `member` is the field on the partner. Pairs are written on the side `(owner, owner_field)`.
    """

    spec: EntitySpec
    other: str
    other_model: str
    member: str
    owner: Literal["partner_id", "other"]
    owner_model: str
    owner_field: str


PARTNER_FIELD = "partner_id"


def _spec(name: str, label: str, *depends_on: str, **more: Any) -> EntitySpec:
    return EntitySpec(name, label, depends_on, batch_limit=BATCH, atomic=True, **more)


_KEYED = frozenset({Can.UPSERT, Can.DELETE})
_DATED = frozenset({Can.DELETE, Can.BACKDATE})

ENTITIES: Mapping[str, Records | Pairs] = {
    entity.spec.name: entity
    for entity in (
        Records(
            _spec(
                "company",
                "Companies",
                can=_KEYED,
                archive=ARCHIVED,
                match=frozenset({"name", "ref", "email_normalized", "website", "vat"}),
            ),
            PARTNER,
            constants={"is_company": True},
            only=("is_company", "=", True),
            blank=("lang", "tz"),
        ),
        Records(
            _spec(
                "person",
                "Contacts",
                "company",
                can=_KEYED,
                archive=ARCHIVED,
                match=frozenset({"ref", "email_normalized", "phone"}),
            ),
            PARTNER,
            constants={"is_company": False},
            only=("is_company", "=", False),
            blank=("lang", "tz"),
        ),
        Records(
            _spec("tag_group", "Groups of tags", can=_KEYED, archive=ARCHIVED, match=frozenset({"name"})),
            CATEGORY,
        ),
        Records(
            _spec(
                "tag", "Contact tags", "tag_group", can=_KEYED, archive=ARCHIVED, match=frozenset({"name"})
            ),
            CATEGORY,
        ),
        Pairs(
            _spec("person_tag", "Tags of contacts", "person", "tag", natural=True),
            other="category_id",
            other_model=CATEGORY,
            member="category_id",
            # Adding a tag from its own side is 2.5 times as fast and leaves the contacts' write_date alone.
            owner="other",
            owner_model=CATEGORY,
            owner_field="partner_ids",
        ),
        Pairs(
            _spec("person_company", "Companies of contacts", "person", "company", natural=True),
            other="company_id",
            other_model=PARTNER,
            member=COMPANY_FIELD,
            owner="partner_id",
            owner_model=PARTNER,
            owner_field=COMPANY_FIELD,
        ),
        Records(
            _spec("event", "Events", "person", can=_DATED),
            EVENT,
            key="field",
        ),
        Records(_spec("lead_tag", "Tags of leads", can=_KEYED, match=frozenset({"name"})), LEAD_TAG),
        Records(_spec("stage", "Stages of leads", can=_KEYED, match=frozenset({"name"})), STAGE),
        Records(
            _spec(
                "lead",
                "Leads",
                "person",
                "lead_tag",
                "stage",
                can=_KEYED,
                archive=ARCHIVED,
                match=frozenset({"email_normalized"}),
            ),
            LEAD,
            # Nobody's lead mails nobody; what is marked as enriched is not enriched for money.
            constants={"type": "lead", "user_id": None, "iap_enrich_done": True},
        ),
        Records(
            _spec(
                "mail_optout",
                "Addresses not to mail",
                can=_KEYED,
                archive=ARCHIVED,
                match=frozenset({"email"}),
            ),
            BLACKLIST,
        ),
        Records(
            _spec("mailing", "Mailings", can=_KEYED, archive=ARCHIVED),
            MAILING,
            # Odoo refuses a mailing without a sender; it takes its user's address, who may have none.
            constants={"state": "done", "mailing_type": "mail", "email_from": "Customer.io"},
            refs={"mailing_model_id": "base.model_res_partner"},
        ),
        Records(
            _spec("delivery", "Deliveries", "person", "mailing", can=_DATED),
            TRACE,
            key="field",
            constants={"trace_type": "mail", "model": PARTNER},
        ),
        Records(
            _spec(
                "activity_type",
                "Types of activities",
                can=_KEYED,
                archive=ARCHIVED,
                match=frozenset({"name"}),
            ),
            ACTIVITY_TYPE,
        ),
        Records(
            _spec("activity", "Done activities", "person", "activity_type", can=_DATED),
            ACTIVITY,
            key="field",
            # Active ones would be late for somebody, and Odoo's clean-up deletes them after three years.
            constants={"active": False, "user_id": None},
            refs={"res_model_id": "base.model_res_partner"},
        ),
        Records(
            _spec("message", "Messages of contacts", "person", can=_DATED),
            MESSAGE,
            key="field",
            key_field="message_id",
            key_start=f"{MODULE}.",
            oldest_first="date",
            # With `email_from` and `reply_to` given, Odoo computes neither: five times as fast.
            constants={
                "model": PARTNER,
                "message_type": "comment",
                "email_from": "Customer.io",
                "reply_to": None,
            },
            refs={"subtype_id": "mail.mt_note"},
            only=("model", "=", PARTNER),
        ),
    )
}
KEYED_BY_FIELD = {
    entity.model
    for entity in ENTITIES.values()
    if isinstance(entity, Records) and entity.key == "field" and entity.key_field == KEY_FIELD
}
"""Models to which a field for our key is added."""
MODEL_OF = {name: entity.model for name, entity in ENTITIES.items() if isinstance(entity, Records)}
