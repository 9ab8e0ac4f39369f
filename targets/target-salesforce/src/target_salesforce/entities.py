"""What target-salesforce writes, as data: which object holds it, and how it carries our key.

| entity | Salesforce | key |
| --- | --- | --- |
| account | Account | `cio_key__c` |
| lead, contact | Lead, Contact | `cio_key__c`; a key is in one of them only |
| account_contact | AccountContactRelation | its two ids |
| campaign | Campaign | `cio_key__c` |
| campaign_member | CampaignMember | its two ids |
| event, delivery, engagement | Task, closed | `cio_key__c` of the activities |
| email_template | EmailTemplate, inactive, in a folder of ours | DeveloperName |
| any name that ends in `__c` | a custom object of that name | `cio_key__c` |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crmlift.destination import Can, EntitySpec

KEY_FIELD = "cio_key__c"
ADOPTED_FIELD = "cio_adopted__c"
ARCHIVED_FIELD = "cio_archived__c"
WHO_FIELD = "LeadOrContactId"

BATCH = 10_000
"""Rows per call of ours, which is one batch of Bulk API 2.0."""
BULK_FROM = 2_000
"""Rows from which on a Bulk job is better than calls of 200 (Salesforce's own advice)."""

LEAD, CONTACT, ACCOUNT, TASK = "Lead", "Contact", "Account", "Task"
CAMPAIGN, MEMBER, RELATION = "Campaign", "CampaignMember", "AccountContactRelation"
ACTIVITIES = (TASK, "Event")
"""They share their fields, and Salesforce archives both."""
TEMPLATE, FOLDER = "EmailTemplate", "Folder"
ARCHIVED: Mapping[str, Any] = {ARCHIVED_FIELD: True}
CONSENT_FIELDS = ("HasOptedOutOfEmail", "DoNotCall")
"""Standard fields of people that nobody sees in a fresh org until field-level security grants them."""


@dataclass(frozen=True, slots=True)
class Records:
    """An entity whose rows are records that carry our key.

    `constants` are written to every new row. `dated_by` is the field of ours whose time becomes the
    record's CreatedDate where the user may set it. `parents` are the links by which rows are ordered, so
    that those of one parent are not locked against each other. `only` is the condition for records that
    may be adopted. `other` is the entity that the same key may be in instead. `cascades` are children,
    as (object, field), that Salesforce deletes along.
    """

    spec: EntitySpec
    sobject: str
    constants: Mapping[str, Any] = field(default_factory=dict)
    dated_by: str = ""
    parents: tuple[str, ...] = ()
    only: str = ""
    other: str = ""
    cascades: tuple[tuple[str, str], ...] = ()
    granted: tuple[str, ...] = ()

    @property
    def archives(self) -> bool:
        """Whether Salesforce archives old records, so that only queryAll finds them."""
        return self.sobject == TASK

    @property
    def custom(self) -> bool:
        """Whether the object is one that we make."""
        return self.sobject.endswith("__c")


@dataclass(frozen=True, slots=True)
class Pairs:
    """An entity whose rows join two records: the platform keeps each pair once.

    `left` and `right` are the fields; `left_relation` is the relationship by which our keys are found.
    `dated_by` is the field of ours whose time becomes the pair's CreatedDate where the user may set it.
    `active` is the flag that ends a pair which Salesforce does not let go.
    """

    spec: EntitySpec
    sobject: str
    left: str
    right: str
    left_relation: str
    dated_by: str = ""
    active: str = ""
    granted: tuple[str, ...] = ()

    @property
    def custom(self) -> bool:
        """Whether the object is one that we make: none is."""
        return False


def _spec(name: str, label: str, *depends_on: str, **more: Any) -> EntitySpec:
    return EntitySpec(name, label, depends_on, batch_limit=BATCH, **more)


_DATED = frozenset({Can.DELETE, Can.BACKDATE})
_BELOW_PERSON = (("Task", "WhoId"), ("Event", "WhoId"), (MEMBER, "{0}Id"))
_PERSON_MATCH = frozenset({"Email", "cio_id__c"})


def _activity(name: str, label: str) -> Records:
    return Records(
        _spec(name, label, "contact", "lead", can=_DATED),
        TASK,
        constants={"Priority": "Normal"},
        dated_by="cio_sent_at__c",
        parents=("WhoId",),
    )


_FIXED: Mapping[str, Records | Pairs] = {
    entity.spec.name: entity
    for entity in (
        Records(
            _spec(
                "account",
                "Accounts",
                can=_DATED,
                archive=ARCHIVED,
                match=frozenset({"Name", "Website", "AccountNumber"}),
            ),
            ACCOUNT,
            dated_by="cio_created_at__c",
            cascades=(
                ("Contact", "AccountId"),
                ("Opportunity", "AccountId"),
                ("Task", "WhatId"),
                ("Event", "WhatId"),
            ),
        ),
        Records(
            _spec("lead", "Leads", can=_DATED, archive=ARCHIVED, match=_PERSON_MATCH),
            LEAD,
            dated_by="cio_created_at__c",
            only="IsConverted = false",
            other="contact",
            cascades=tuple((child, name.format(LEAD)) for child, name in _BELOW_PERSON),
            granted=CONSENT_FIELDS,
        ),
        Records(
            _spec("contact", "Contacts", "account", can=_DATED, archive=ARCHIVED, match=_PERSON_MATCH),
            CONTACT,
            dated_by="cio_created_at__c",
            parents=("AccountId",),
            other="lead",
            cascades=tuple((child, name.format(CONTACT)) for child, name in _BELOW_PERSON),
            granted=CONSENT_FIELDS,
        ),
        Pairs(
            _spec("account_contact", "Accounts of contacts", "account", "contact", natural=True),
            RELATION,
            "AccountId",
            "ContactId",
            "Account",
            active="IsActive",
        ),
        Records(
            _spec("campaign", "Campaigns", archive={"IsActive": False}, match=frozenset({"Name"})),
            CAMPAIGN,
            cascades=((MEMBER, "CampaignId"),),
        ),
        Pairs(
            _spec("campaign_member", "Members of campaigns", "campaign", "contact", "lead", natural=True),
            MEMBER,
            "CampaignId",
            WHO_FIELD,
            "Campaign",
            dated_by="cio_joined_at__c",
        ),
        _activity("event", "Events"),
        _activity("delivery", "Deliveries"),
        _activity("engagement", "Opens, clicks and opt-outs"),
        Records(
            _spec("email_template", "Email templates"),
            TEMPLATE,
            constants={
                "TemplateType": "custom",
                "TemplateStyle": "none",
                "UiType": "Aloha",
                "Encoding": "UTF-8",
                "IsActive": False,
            },
        ),
    )
}


class Entities(Mapping[str, Records | Pairs]):
    """Those above by name, and a custom object for every name that ends in `__c`."""

    def __getitem__(self, name: str) -> Records | Pairs:
        if name in _FIXED:
            return _FIXED[name]
        if not name.endswith("__c"):
            raise KeyError(name)
        label = name.removesuffix("__c").replace("_", " ").capitalize()
        spec = _spec(
            name, label, "account", "contact", "lead", can=_DATED, archive=ARCHIVED, match=frozenset({"Name"})
        )
        return Records(spec, name, dated_by="cio_created_at__c")

    def __iter__(self) -> Iterator[str]:
        return iter(_FIXED)

    def __len__(self) -> int:
        return len(_FIXED)


ENTITIES = Entities()
