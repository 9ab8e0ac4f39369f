"""Metadata API files: objects with fields and one permission set, packed for a deploy."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

from crmlift.destination import Field, FieldType
from crmlift.errors import ConfigError
from target_salesforce.entities import ADOPTED_FIELD, ARCHIVED_FIELD, KEY_FIELD

PERMISSION_SET = "crmlift"
MAX_NAME = 40
MAX_LABEL = 40
LONG_TEXT = 32_000
_LEGAL = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
_KEY = {"type": "Text", "length": 255, "externalId": True, "unique": True, "caseSensitive": True}
_CHECKBOX = {"type": "Checkbox", "defaultValue": False}
_TYPES: Mapping[FieldType, Mapping[str, object]] = {
    FieldType.TEXT: {"type": "Text", "length": 255},
    FieldType.HTML: {"type": "LongTextArea", "length": LONG_TEXT, "visibleLines": 5},
    FieldType.JSON: {"type": "LongTextArea", "length": LONG_TEXT, "visibleLines": 5},
    FieldType.INTEGER: {"type": "Number", "precision": 18, "scale": 0},
    FieldType.NUMBER: {"type": "Number", "precision": 18, "scale": 4},
    FieldType.BOOLEAN: _CHECKBOX,
    FieldType.DATE: {"type": "Date"},
    FieldType.DATETIME: {"type": "DateTime"},
    FieldType.CHOICE: {"type": "Picklist"},
    FieldType.LINK: {"type": "Lookup"},
}
KEY = Field(KEY_FIELD, FieldType.TEXT, label="Customer.io key", indexed=True)
ADOPTED = Field(ADOPTED_FIELD, FieldType.BOOLEAN, label="Was here before Customer.io")
ARCHIVED = Field(ARCHIVED_FIELD, FieldType.BOOLEAN, label="Deleted in Customer.io")


def check_name(name: str) -> None:
    """Raise ConfigError for a name that Salesforce would refuse."""
    bare = name.removesuffix("__c")
    if bare == name or len(bare) > MAX_NAME or not _LEGAL.fullmatch(bare):
        raise ConfigError(
            f"'{name}' is no legal name of a custom field or object.",
            hint=f"At most {MAX_NAME} letters, digits and single underscores, a letter first, then __c.",
        )


def field_xml(field: Field, target: str = "") -> str:
    """Return the `<fields>` of an object file; `target` is the object that a link points to."""
    check_name(field.name)
    kind = _TYPES.get(field.type)
    if kind is None:
        raise ConfigError(f"{field.name}: target-salesforce cannot create a field of type {field.type}.")
    parts: dict[str, object] = {"fullName": field.name, "label": (field.label or field.name)[:MAX_LABEL]}
    parts |= _KEY if field.name == KEY_FIELD else kind
    if field.indexed and field.type is FieldType.TEXT:
        parts["externalId"] = True
    if field.type is FieldType.LINK:
        bare = field.name.removesuffix("__c").replace("_", "")
        parts |= {
            "referenceTo": target,
            "relationshipName": f"cio_{bare}"[:MAX_NAME],
            "deleteConstraint": "SetNull",
        }
    inner = "".join(f"<{name}>{_text(value)}</{name}>" for name, value in parts.items())
    if field.type is FieldType.CHOICE:
        values = "".join(
            f"<value><fullName>{_text(choice)}</fullName><default>false</default><label>{_text(choice)}</label></value>"
            for choice in field.choices
        )
        inner += (
            f"<valueSet><valueSetDefinition><sorted>false</sorted>{values}</valueSetDefinition></valueSet>"
        )
    return f"<fields>{inner}</fields>"


def object_xml(fields: Iterable[str], *, label: str = "") -> str:
    """Return an object file; with a label, that of a whole custom object."""
    own = ""
    if label:
        name = _text(label[:MAX_LABEL])
        own = (
            f"<label>{name}</label><pluralLabel>{name}</pluralLabel>"
            f"<nameField><label>Name</label><type>Text</type></nameField>"
            "<deploymentStatus>Deployed</deploymentStatus><sharingModel>ReadWrite</sharingModel>"
            "<enableSearch>true</enableSearch>"
        )
    return f"{_HEAD}<CustomObject {_NS}>{''.join(fields)}{own}</CustomObject>"


def permission_set_xml(fields: Sequence[str], objects: Sequence[str]) -> str:
    """Return the permission set, whole: what it does not name is taken away."""
    rights = "".join(f"<allow{right}>true</allow{right}>" for right in ("Create", "Delete", "Edit", "Read"))
    granted = "".join(
        f"<fieldPermissions><editable>true</editable><field>{_text(name)}</field><readable>true</readable></fieldPermissions>"
        for name in sorted(fields)
    )
    whole = "".join(
        f"<objectPermissions>{rights}<modifyAllRecords>true</modifyAllRecords><object>{_text(name)}</object>"
        "<viewAllRecords>true</viewAllRecords></objectPermissions>"
        for name in sorted(objects)
    )
    about = "<description>Fields of the migration from Customer.io</description>"
    return (
        f"{_HEAD}<PermissionSet {_NS}>{about}{granted}<hasActivationRequired>false</hasActivationRequired>"
        f"<label>crmlift</label>{whole}</PermissionSet>"
    )


def package(files: Mapping[str, str], api_version: str) -> bytes:
    """Return the zip of a deploy: files by path, and the package.xml that names them."""
    kinds: dict[str, list[str]] = {}
    for path in files:
        folder, _, name = path.partition("/")
        kind = {"objects": "CustomObject", "permissionsets": "PermissionSet"}[folder]
        kinds.setdefault(kind, []).append(name.rpartition(".")[0])
    types = "".join(
        f"<types>{''.join(f'<members>{name}</members>' for name in names)}<name>{kind}</name></types>"
        for kind, names in kinds.items()
    )
    listing = f"{_HEAD}<Package {_NS}>{types}<version>{api_version}</version></Package>"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in {**files, "package.xml": listing}.items():
            archive.writestr(path, text)
    return packed.getvalue()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else escape(str(value))
