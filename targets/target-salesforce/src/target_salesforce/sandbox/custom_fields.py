"""Custom fields as the files of a deploy describe them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from target_salesforce.sandbox.fields import SField
from target_salesforce.sandbox.files import NS as _NS
from target_salesforce.sandbox.files import Failure
from target_salesforce.sandbox.files import text as _text
from target_salesforce.sandbox.org import Org

LEGAL = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")


def custom_field(org: Org, of: str, xml: ElementTree.Element) -> SField:
    """Return the field that a file describes. Raises `Failure`."""
    name, kind, label = (_text(xml, part) for part in ("fullName", "type", "label"))
    if not LEGAL.fullmatch(name) or len(name) > 43:
        raise Failure(
            f"The Custom Field API Name you provided {name} on object {of} can only "
            "contain alphanumeric characters, must begin with a letter, cannot end with an underscore or "
            "contain two consecutive underscore characters, "
            f"and must be unique across all {of} fields"
        )
    if not label or len(label) > 40:
        raise Failure(f"Must specify a label of at most 40 characters for {name}")
    made = SField(name, "string", custom=True, hidden=True, label=label)
    length = int(_text(xml, "length") or 0)
    match kind:
        case "Text":
            if not 0 < length <= 255:
                raise Failure(f"Must specify 'length' for a CustomField of type Text ({name})")
            made.length = length
        case "LongTextArea":
            if not 256 <= length <= 131_072 or not _text(xml, "visibleLines"):
                raise Failure(
                    "Must specify 'length' and 'visibleLines' for a CustomField of type "
                    f"LongTextArea ({name})"
                )
            made.type, made.length, made.filterable = "textarea", length, False
        case "Checkbox":
            if _text(xml, "required"):
                raise Failure("Can not specify 'required' for a CustomField of type Checkbox")
            if not _text(xml, "defaultValue"):
                raise Failure(f"Must specify 'defaultValue' for a CustomField of type Checkbox ({name})")
            made.type, made.default = "boolean", _text(xml, "defaultValue") == "true"
        case "Number":
            made.type, made.precision, made.scale = (
                "double",
                int(_text(xml, "precision") or 0),
                int(_text(xml, "scale") or 0),
            )
            if not 0 < made.precision <= 18:
                raise Failure(f"Must specify 'precision' for a CustomField of type Number ({name})")
        case "Date":
            made.type = "date"
        case "DateTime":
            made.type = "datetime"
        case "Url":
            made.type, made.length = "url", 255
        case "Picklist":
            values = [_text(one, "fullName") for one in xml.iter(f"{_NS}value")]
            made.type, made.length, made.choices = "picklist", 255, tuple(values)
            made.restricted = any(_text(one, "restricted") == "true" for one in xml.iter(f"{_NS}valueSet"))
        case "Lookup":
            target = _text(xml, "referenceTo")
            if target not in org.objects:
                raise Failure(f"referenceTo value of '{target}' does not resolve to a valid sObject type")
            if not _text(xml, "relationshipName"):
                raise Failure(f"Must specify 'relationshipName' for a CustomField of type Lookup ({name})")
            made.type, made.length, made.refers_to = "reference", 18, (target,)
            made.relationship = name.removesuffix("__c") + "__r"
        case _:
            raise Failure(f"Unknown field type {kind}")
    made.external_id = _text(xml, "externalId") == "true"
    made.unique = _text(xml, "unique") == "true"
    made.case_sensitive = _text(xml, "caseSensitive") == "true"
    if made.external_id and made.type not in ("string", "double", "email"):
        raise Failure(f"Can not specify 'externalId' for a CustomField of type {kind}")
    return made
