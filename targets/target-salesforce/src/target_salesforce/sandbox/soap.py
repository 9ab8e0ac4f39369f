"""Metadata API over SOAP, as far as it takes to get back what was deployed: `retrieve` and its status."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from target_salesforce.sandbox.files import NS, text
from target_salesforce.sandbox.org import Org

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_FOLDERS = {
    "Flow": ("flows", ".flow"),
    "PermissionSet": ("permissionsets", ".permissionset"),
    "CustomObject": ("objects", ".object"),
}


class SoapFault(Exception):
    """A call that is answered with a fault."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def envelope(self) -> str:
        """Return the answer."""
        said = f"<faultstring>{self.code}: {escape(str(self))}</faultstring>"
        return _envelope(f"<soapenv:Fault><faultcode>sf:{self.code}</faultcode>{said}</soapenv:Fault>")


class Soap:
    """Takes back components; files are as they were deployed last."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self._wanted: dict[str, ElementTree.Element] = {}

    def answer(self, raw: bytes) -> tuple[str, str]:
        """Return the session id of a call and its answer. Raises `SoapFault`."""
        try:
            root = ElementTree.fromstring(raw)
        except ElementTree.ParseError:
            raise SoapFault("INVALID_INPUT", "The request is no XML") from None
        session = next((one.text or "" for one in root.iter(f"{NS}sessionId")), "")
        body = root.find(f"{_SOAP}Body")
        call = body[0] if body is not None and len(body) else None
        match call.tag.removeprefix(NS) if call is not None else "":
            case "retrieve":
                assert call is not None
                return session, _envelope(self._retrieve(call))
            case "checkRetrieveStatus":
                assert call is not None
                return session, _envelope(self._status(call))
        raise SoapFault("INVALID_OPERATION", "No operation of this sandbox")

    def _retrieve(self, call: ElementTree.Element) -> str:
        (id_,) = self.org.store.new_ids("09S", 1)
        self._wanted[id_] = call
        return _response("retrieve", f"<done>false</done><id>{id_}</id><state>Queued</state>")

    def _status(self, call: ElementTree.Element) -> str:
        id_ = text(call, "asyncProcessId")
        if id_ not in self._wanted:
            raise SoapFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        files, about, messages = self._found(self._wanted[id_])
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        archived = base64.b64encode(packed.getvalue()).decode()
        return _response(
            "checkRetrieveStatus",
            f"<done>true</done>{about}<id>{id_}</id>{messages}<status>Succeeded</status>"
            f"<success>true</success><zipFile>{archived}</zipFile>",
        )

    def _found(self, call: ElementTree.Element) -> tuple[dict[str, str], str, str]:
        """Return the files by path, their properties, and what was asked for in vain."""
        last: dict[str, str] = {one["file"]: one["xml"] for one in self.org.store.recall("components") or []}
        top = "" if _first(call, "singlePackage", "true") == "true" else "unpackaged/"
        listing = f"{top}package.xml"
        files: dict[str, str] = {}
        about, messages, types = self._properties(listing, listing, "Package"), "", ""
        for kind, member in _members(call):
            folder, ending = _FOLDERS.get(kind, ("nowhere", ""))
            names = [name for name in last if fnmatchcase(name, f"{folder}/{member}{ending}")]
            for name in names:
                full = name.removeprefix(f"{folder}/").removesuffix(ending)
                files[f"{top}{name}"] = last[name]
                about += self._properties(f"{top}{name}", full, kind)
                types += f"<types><members>{full}</members><name>{kind}</name></types>"
            if not names and member != "*":
                problem = f"Entity of type '{kind}' named '{escape(member)}' cannot be found"
                messages += f"<messages><fileName>{listing}</fileName><problem>{problem}</problem></messages>"
        files[listing] = (
            f'{_HEAD}<Package xmlns="{NS[1:-1]}">{types}'
            f"<version>{_first(call, 'apiVersion', '66.0')}</version></Package>"
        )
        return files, about, messages

    def _properties(self, name: str, full: str, kind: str) -> str:
        user: Any = self.org.store.one(self.org.user_id) or {}
        now = self.org.now().replace("+0000", "Z")
        stamps = "".join(
            f"<{done}ById>{self.org.user_id}</{done}ById><{done}ByName>{user.get('Name', '')}</{done}ByName>"
            f"<{done}Date>{now}</{done}Date>"
            for done in ("created", "lastModified")
        )
        return (
            f"<fileProperties>{stamps}<fileName>{name}</fileName><fullName>{full}</fullName><id></id>"
            f"<manageableState>unmanaged</manageableState><type>{kind}</type></fileProperties>"
        )


def _members(call: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for types in call.iter(f"{NS}types"):
        for member in types.findall(f"{NS}members"):
            yield text(types, "name"), str(member.text)


def _first(call: ElementTree.Element, name: str, otherwise: str) -> str:
    return next((str(one.text) for one in call.iter(f"{NS}{name}")), otherwise)


def _response(name: str, result: str) -> str:
    return f'<{name}Response xmlns="{NS[1:-1]}"><result>{result}</result></{name}Response>'


def _envelope(body: str) -> str:
    return (
        f'{_HEAD}<soapenv:Envelope xmlns:soapenv="{_SOAP[1:-1]}" xmlns:sf="http://soap.sforce.com/2006/04/metadata">'
        f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )
