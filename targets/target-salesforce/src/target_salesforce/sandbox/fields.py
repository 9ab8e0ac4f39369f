"""Objects and fields as the sandbox knows them, and as `describe` tells them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_ALWAYS_SEEN = {
    "FirstName",
    "Salutation",
    "EmailBouncedReason",
    "EmailBouncedDate",
    "Subject",
    "ActivityDate",
    "ActivityDateTime",
    "ReminderDateTime",
}
_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
}
NUMBERS = {"int", "double", "currency", "percent"}
_DEFAULT_LENGTHS = {"email": 80, "phone": 40, "url": 255, "picklist": 255, "multipicklist": 4099}
SYSTEM = """
IsDeleted boolean ro
CreatedDate datetime ro default audit
CreatedById reference ro default audit ->User:CreatedBy
LastModifiedDate datetime ro default audit
LastModifiedById reference ro default audit ->User:LastModifiedBy
SystemModstamp datetime ro default
"""


@dataclass(slots=True)
class SField:
    """One field. `hidden` fields are seen only after field-level security was granted."""

    name: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted: bool = False
    default: Any = None
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    case_sensitive: bool = False
    custom: bool = False
    hidden: bool = False
    audit: bool = False
    restricted: bool = False
    filterable: bool = True
    refers_to: tuple[str, ...] = ()
    relationship: str = ""
    cascade: bool = False
    choices: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    controller: str = ""
    valid_for: tuple[str, ...] = ()
    label: str = ""
    compound: str = ""

    @property
    def permissionable(self) -> bool:
        """Whether field-level security applies: not to what is required, nor to what the system keeps."""
        if self.name in _ALWAYS_SEEN:
            return False
        return self.custom or self.hidden or (self.nillable and self.updateable and self.type != "boolean")

    @property
    def soap_type(self) -> str:
        """The type as SOAP calls it."""
        return _SOAP.get(self.type, "xsd:string")

    def describe(self, *, audit: bool) -> dict[str, Any]:
        """Return the field's entry in `describe`."""
        settable = self.audit and audit
        values = [
            {"active": True, "defaultValue": value == self.default, "label": value,
             "validFor": self.valid_for[n] if self.valid_for else None,
             "value": self.codes[n] if self.codes else value}
            for n, value in enumerate(self.choices)
        ]  # fmt: skip
        bytes_each = 1 if self.type in ("id", "reference") else 3
        return {
            "aggregatable": self.filterable, "aiPredictionField": False, "autoNumber": False,
            "byteLength": self.length * bytes_each, "calculated": False, "calculatedFormula": None,
            "cascadeDelete": False, "caseSensitive": self.case_sensitive,
            "compoundFieldName": self.compound or None, "controllerName": self.controller or None,
            "createable": self.createable or settable, "custom": self.custom,
            "defaultValue": self.default if self.type == "boolean" else None, "defaultValueFormula": None,
            "defaultedOnCreate": self.defaulted or self.type == "boolean",
            "dependentPicklist": bool(self.controller),
            "deprecatedAndHidden": False, "digits": self.precision if self.type == "int" else 0,
            "displayLocationInDecimal": False, "encrypted": False, "externalId": self.external_id,
            "extraTypeInfo": "plaintextarea" if self.type == "textarea" else None,
            "filterable": self.filterable, "filteredLookupInfo": None,
            "formulaTreatNullNumberAsZero": False, "groupable": self.filterable and self.length <= 255,
            "highScaleNumber": False, "htmlFormatted": False,
            "idLookup": self.id_lookup or self.external_id or self.type == "id", "inlineHelpText": None,
            "label": self.label or _label(self.name), "length": self.length, "mask": None, "maskType": None,
            "name": self.name, "nameField": self.name == "Name", "namePointing": len(self.refers_to) > 1,
            "nillable": self.nillable and self.type != "boolean", "permissionable": self.permissionable,
            "picklistValues": values, "polymorphicForeignKey": len(self.refers_to) > 1,
            "precision": 0 if self.type == "int" else self.precision, "queryByDistance": False,
            "referenceTargetField": None, "referenceTo": list(self.refers_to),
            "relationshipName": self.relationship or None, "relationshipOrder": None,
            "restrictedDelete": False, "restrictedPicklist": self.restricted, "scale": self.scale,
            "searchPrefilterable": False, "soapType": self.soap_type,
            "sortable": self.filterable, "type": self.type, "unique": self.unique,
            "updateable": self.updateable, "writeRequiresMasterRead": False,
        }  # fmt: skip


@dataclass(slots=True)
class SObject:
    """One object."""

    name: str
    prefix: str
    label: str
    plural: str
    fields: dict[str, SField] = field(default_factory=dict)
    custom: bool = False
    hidden: bool = False
    by_lower: dict[str, str] = field(default_factory=dict)

    def add(self, new: SField) -> None:
        """Add a field."""
        self.fields[new.name] = new
        self.by_lower[new.name.lower()] = new.name

    def flags(self) -> dict[str, Any]:
        """Return what global describe says of it."""
        base = f"/services/data/v66.0/sobjects/{self.name}"
        return {
            "activateable": False, "associateEntityType": None, "associateParentEntity": None,
            "createable": True, "custom": self.custom, "customSetting": False, "deepCloneable": False,
            "deletable": True, "deprecatedAndHidden": False, "feedEnabled": False,
            "hasSubtypes": False, "isInterface": False, "isSubtype": False, "keyPrefix": self.prefix,
            "label": self.label, "labelPlural": self.plural, "layoutable": True, "mergeable": False,
            "mruEnabled": True, "name": self.name, "queryable": True, "replicateable": True,
            "retrieveable": True, "searchable": True, "triggerable": True, "undeletable": True,
            "updateable": True,
            "urls": {"sobject": base, "describe": base + "/describe", "rowTemplate": base + "/{ID}"},
        }  # fmt: skip


def parse_field(line: str, *, custom: bool = False) -> SField:
    """Return the field of a line such as `AccountId reference ->Account:Account cascade`.

    A length stands after the type (`string(80)`), a number's digits too (`currency(18,0)`); `=` begins
    the values of a picklist, of which the first is the default where the field is `defaulted`.
    """
    line, _, choices = line.partition(" =")
    name, type_, *flags = line.split()
    found = re.fullmatch(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?", type_)
    assert found, line
    kind, size, scale = found[1], int(found[2] or 0), int(found[3] or 0)
    made = SField(name, kind, custom=custom)
    if kind in NUMBERS:
        made.precision, made.scale = size or 18, scale
    else:
        made.length = size or _DEFAULT_LENGTHS.get(kind, 18 if kind in ("id", "reference") else 0)
    made.choices = tuple(choices.split("|")) if choices else ()
    for flag in flags:
        match flag:
            case "required":
                made.nillable = False
            case "ro":
                made.createable = made.updateable = False
            case "create":
                made.updateable = False
            case "update":
                made.createable = False
            case "default":
                made.defaulted, made.nillable = True, False
                made.default = made.choices[0] if made.choices else None
            case "lookup":
                made.id_lookup = True
            case "hidden" | "audit" | "cascade" | "restricted" | "unique":
                setattr(made, flag, True)
            case _ if flag.startswith("->"):
                targets, _, made.relationship = flag[2:].partition(":")
                made.refers_to = tuple(targets.split(","))
            case _:
                raise ValueError(flag)
    if kind == "boolean":
        made.default = made.default or False
    if kind == "textarea" and made.length > 255:
        made.filterable = False
    return made


def parse_object(text: str) -> SObject:
    """Return the object of a block: a line `Name prefix Label/Plural`, then a line per field."""
    head, *lines = [line for line in text.strip().splitlines() if line.strip()]
    name, prefix, labels = head.split(maxsplit=2)
    label, _, plural = labels.partition("/")
    made = SObject(name, prefix, label, plural or label + "s")
    made.add(SField("Id", "id", 18, nillable=False, createable=False, updateable=False, defaulted=True))
    for line in (*SYSTEM.strip().splitlines(), *lines):
        made.add(parse_field(line))
    return made


def _label(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " "))
