"""What target-odoo writes, as data: which Odoo model holds it, and how it carries our key.

| entity | Odoo | key |
| --- | --- | --- |
| company | `res.partner`, `is_company` | external id |
| person | `res.partner` | external id |
| tag | `res.partner.category` | external id |
| person_tag | `res.partner.category.partner_ids` | its two ids |
| person_company | `res.partner.x_cio_company_ids` | its two ids |
| event | `x_cio_event`, a model of ours | its indexed field `x_cio_key` |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from crmlift.destination import Can, EntitySpec

PARTNER = "res.partner"
CATEGORY = "res.partner.category"
EVENT = "x_cio_event"
EVENT_KEY = "x_cio_key"
COMPANY_FIELD = "x_cio_company_ids"

BATCH = 1000
"""Rows per call: larger ones are no faster, and this one takes about 1 s of the 60 s that a call may."""

ARCHIVED: Mapping[str, Any] = {"active": False}


@dataclass(frozen=True, slots=True)
class Records:
    """An entity whose rows are records of a model.

    `constants` are written to every new row; `only` are the records that may be adopted; `blank`
    are fields that are written empty where the source has nothing, because Odoo would else fill in
    the language and the time zone of our own calls.
    """

    spec: EntitySpec
    model: str
    key: Literal["xmlid", "field"] = "xmlid"
    constants: Mapping[str, Any] = field(default_factory=dict)
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
            _spec("tag", "Contact tags", can=_KEYED, archive=ARCHIVED, match=frozenset({"name"})),
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
            _spec("event", "Events", "person", can=frozenset({Can.DELETE, Can.BACKDATE})),
            EVENT,
            key="field",
        ),
    )
}
MODEL_OF = {name: entity.model for name, entity in ENTITIES.items() if isinstance(entity, Records)}
