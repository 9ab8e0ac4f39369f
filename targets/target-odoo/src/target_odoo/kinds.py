"""Odoo's models that are written, and the two kinds of entities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from crmlift.destination import Can, EntitySpec

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
TEMPLATE = "mail.template"
MAIL = "mail.mail"
ATTACHMENT = "ir.attachment"
PHONE_BLACKLIST = "phone.blacklist"
MAILING_LIST = "mailing.list"
SUBSCRIBER = "mailing.contact"
SUBSCRIPTION = "mailing.subscription"
EVENT = "x_cio_event"
OBJECT = "x_cio_object"
VALUE = "x_cio_value"
KEY_FIELD = "x_cio_key"
COMPANY = "company_id"
COMPANY_FIELD = "x_cio_company_ids"
OBJECT_FIELD = "x_cio_object_ids"

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
    the time zone of our own calls. `late` are selections of many values: `load` goes through all of them
    for each row (ir.fields.converter), so they are written afterwards. With a `company_id`, only its
    records and those of no company may be adopted.
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
    late: tuple[str, ...] = ()
    company_id: int | None = None


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


def spec(name: str, label: str, *depends_on: str, **more: Any) -> EntitySpec:
    """Return the facts that are the same for all of Odoo's models."""
    return EntitySpec(name, label, depends_on, batch_limit=BATCH, atomic=True, **more)


KEYED = frozenset({Can.UPSERT, Can.DELETE})
DATED = frozenset({Can.DELETE, Can.BACKDATE})
