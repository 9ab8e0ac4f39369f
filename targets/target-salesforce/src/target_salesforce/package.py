"""All drafts as one package in the metadata format, for `sf project deploy start --metadata-dir FILE`."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from crmlift.handoff.archive import zipped
from crmlift.handoff.xml_file import child, written
from target_salesforce.flow_file import API_VERSION, NAMESPACE

PACKAGE = "customerio_handoff.zip"
_FLOW, _OBJECT = ".flow-meta.xml", ".object-meta.xml"


def package(artefacts: Iterable[tuple[str, str]]) -> bytes | None:
    """Return the archive of flows and list views among artefacts, as (name, text); None if there are none."""
    ET.register_namespace("", NAMESPACE)
    files: dict[str, str] = {}
    members: dict[str, list[str]] = {"Flow": [], "ListView": []}
    objects: dict[str, ET.Element] = {}
    for name, text in artefacts:
        if name.endswith(_FLOW):
            flow = name.removesuffix(_FLOW)
            files[f"flows/{flow}.flow"] = text
            members["Flow"].append(flow)
        elif name.endswith(_OBJECT):
            sobject = name.removesuffix(_OBJECT)
            found = ET.fromstring(text.encode())
            members["ListView"] += [f"{sobject}.{view}" for view in _names(found)]
            # One file for each object, with all its list views.
            objects.setdefault(sobject, ET.Element(found.tag)).extend(found)
    files |= {f"objects/{name}.object": written(root, indent="    ") for name, root in objects.items()}
    return zipped({"package.xml": _manifest(members), **files}) if files else None


def _names(root: ET.Element) -> list[str]:
    return [str(name.text) for name in root.iter(f"{{{NAMESPACE}}}fullName")]


def _manifest(members: dict[str, list[str]]) -> str:
    root = ET.Element("Package", xmlns=NAMESPACE)
    for kind, names in members.items():
        if names:
            types = ET.SubElement(root, "types")
            for name in sorted(names):
                child(types, "members", name)
            child(types, "name", kind)
    child(root, "version", API_VERSION)
    return written(root, indent="    ")
